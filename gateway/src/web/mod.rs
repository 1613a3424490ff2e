//! HTTP words, no server inside.

pub mod cookie;
pub mod fetch;
pub mod forwarded;
pub mod framing;
pub mod handshake;
mod host;
pub mod mtls;
pub mod names;
pub mod origin;
mod path;
mod public_origins;
mod reply;
mod request;
mod return_to;

pub use fetch::{AddressPolicy, Fetch, FetchError, FetchLimits, HttpClient, ScriptedFetch};
pub use host::{Host, HostFault};
pub use path::{CanonicalPath, PathFault, QueryFault, query_fault};
pub use public_origins::PublicOrigins;
pub use reply::Reply;
pub use request::{CallerKind, Request, Scheme};
pub use return_to::ReturnTo;
