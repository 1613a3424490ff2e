//! Where log lines go and which of them are written.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt};

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line: text of an attacker's cannot start a second one.
    Json,
    /// For people at a terminal; control characters are escaped.
    Text,
}

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// The filter is not understood.
    #[error(
        "`{filter}` is no log filter: {cause}; write a level such as `info`, or `info,portcullis=debug`"
    )]
    Filter {
        /// The filter as written.
        filter: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Logging is set up already.
    #[error("logging is set up already")]
    Twice,
}

/// Changes the filter while the gateway runs.
#[derive(Clone, Debug)]
pub struct LogHandle(reload::Handle<EnvFilter, Registry>);

impl LogHandle {
    /// Sets another filter.
    ///
    /// # Errors
    /// The filter is not understood; the old one stays.
    pub fn set(&self, filter: &str) -> Result<(), LogFault> {
        let parsed = parse(filter)?;
        self.0.reload(parsed).map_err(|cause| LogFault::Filter {
            filter: filter.to_owned(),
            cause: cause.to_string(),
        })
    }
}

/// Sets up logging to standard error. pingora's own lines come along, from `warn` up: it logs what
/// clients do wrong as errors, which is noise at the edge of a network.
///
/// # Errors
/// The filter is not understood, or logging is set up already.
pub fn init(filter: &str, format: LogFormat) -> Result<LogHandle, LogFault> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let lines = match format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Text => fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .map_err(|_| LogFault::Twice)?;
    Ok(LogHandle(handle))
}

/// Libraries that would print request heads, tokens or bodies at their finest levels. They stay at
/// `info` unless a filter names them: a canary test holds that no secret is logged at `trace`.
const QUIET: [&str; 8] = [
    "h2=info",
    "hyper=info",
    "hyper_util=info",
    "reqwest=info",
    "rustls=info",
    "pingora_core=error",
    "pingora_proxy=off",
    "pingora_pool=warn",
];

fn parse(filter: &str) -> Result<EnvFilter, LogFault> {
    let quiet = QUIET.into_iter().filter(|line| {
        let library = line.split('=').next().unwrap_or_default();
        !filter.contains(library)
    });
    let all = std::iter::once(filter).chain(quiet).collect::<Vec<_>>().join(",");
    EnvFilter::try_new(all)
        .map_err(|cause| LogFault::Filter { filter: filter.to_owned(), cause: cause.to_string() })
}
