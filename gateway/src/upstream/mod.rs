//! Named pools of backends, and the pingora peer for one of them.

mod patience;
mod peer;
mod pool;
mod selector;

pub use peer::{Exchange, Tls};
pub use pool::{Pool, PoolFault, PoolSettings, Protocol, Server, Timeouts};
pub use selector::{RoundRobin, UpstreamSelector};
