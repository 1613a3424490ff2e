//! HTTP words, no server inside.

pub mod fetch;
mod reply;
mod request;

pub use fetch::{Fetch, FetchError, HttpClient, ScriptedFetch};
pub use reply::Reply;
pub use request::{CallerKind, Request, Scheme};
