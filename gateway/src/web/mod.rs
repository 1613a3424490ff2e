//! HTTP words, no server inside.

mod reply;
mod request;

pub use reply::Reply;
pub use request::{CallerKind, Request, Scheme};
