//! Logging: JSON lines on standard error, because standard output carries the bound address.

use tracing_subscriber::EnvFilter;

/// Starts logging with a filter such as `info` or `agent_backend=debug`.
///
/// A filter that cannot be read falls back to `info`: a typo in a log level must not keep the agent
/// from starting. A second call does nothing.
pub fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
}
