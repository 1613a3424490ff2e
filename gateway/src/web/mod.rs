//! HTTP words, no server inside.

pub mod cookie;
mod cookie_pattern;
pub mod fetch;
mod field_text;
pub mod forwarded;
pub mod framing;
pub mod handshake;
mod host;
pub mod names;
pub mod origin;
mod path;
mod public_origins;
mod reply;
mod request;
mod return_to;
mod set_cookie;

pub use cookie_pattern::CookiePattern;
pub use fetch::{AddressPolicy, Fetch, FetchError, FetchLimits, HttpClient, ScriptedFetch};
pub use field_text::field_text;
pub use host::{Host, HostFault};
pub use path::{CanonicalPath, PathFault, QueryFault, query_fault};
pub use public_origins::PublicOrigins;
pub use reply::Reply;
pub use request::{CallerKind, Request, Scheme};
pub use return_to::ReturnTo;
pub use set_cookie::{AppCookie, set_name};
