//! Named pools of backends, and the pingora peer for one of them.

mod idle;
mod link;
mod patience;
mod peer;
mod pool;
mod selector;

pub use link::{Connector, Link, LinkFault};
pub use peer::{Exchange, Tls};
pub use pool::{Linked, Pool, PoolFault, PoolSettings, Protocol, Server, Timeouts};
pub use selector::{RoundRobin, UpstreamSelector};
