//! HTTP words, no server inside.

pub mod cookie;
mod reply;
mod request;

pub use reply::Reply;
pub use request::{CallerKind, Request, Scheme};
