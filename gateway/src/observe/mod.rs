//! Words for logs and metrics; knows nothing of who uses them.

pub mod access;
pub mod audit;
mod line;
mod line_queue;
mod logging;
mod logout_metrics;
mod metrics;
mod route_metrics;
mod store_metrics;

pub use access::AccessRecord;
pub use logging::{LogFault, LogFormat, LogHandle, init};
pub use logout_metrics::{LogoutKind, LogoutResult, RevocationResult};
pub use metrics::{Gauges, LoginResult, Metrics};
pub use route_metrics::RouteMetrics;
pub use store_metrics::StoreGauges;
