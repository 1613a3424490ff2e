//! Where events go. A place that takes nothing never holds up a request: what it does not take is
//! lost and counted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tracing::Level;

use crate::base::Clock;
use crate::observe::audit::event::Event;
use crate::observe::audit::file::RotatingFile;
use crate::observe::audit::syslog::{Syslog, SyslogPlace};
use crate::observe::line::Line;
use crate::observe::line_queue::LineQueue;
use crate::observe::logging::LogFormat;

/// A place that events go to.
#[derive(Clone, Debug)]
pub enum SinkPlace {
    /// A file of JSON lines.
    File {
        /// Where it is.
        path: PathBuf,
        /// How many bytes it may hold before it is put aside.
        max_size: u64,
        /// How many that were put aside are kept.
        keep: u32,
    },
    /// Standard error, among the lines of the log and in their form. Heeds the log's filter.
    Log(LogFormat),
    /// Standard output, as JSON lines.
    Stdout,
    /// A syslog server.
    Syslog {
        /// Where it listens.
        place: SyslogPlace,
        /// The code of the facility, RFC 5424 section 6.2.1.
        facility: u8,
    },
}

/// Why a sink cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SinkFault {
    /// The file cannot be opened.
    #[error("the audit log {} cannot be opened: {cause}; see audit.sinks", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The system has no thread to spare.
    #[error("the system has no thread for the audit log: {0}")]
    Thread(#[from] std::io::Error),
}

/// The sinks are the process's, as the log of `tracing` is.
static SINKS: OnceLock<Sinks> = OnceLock::new();

struct Sinks {
    clock: Arc<dyn Clock>,
    all: Vec<Sink>,
}

struct Sink {
    kind: &'static str,
    form: Form,
    queue: LineQueue,
}

enum Form {
    Json,
    Log(LogFormat),
    Syslog { facility: u8, host: String },
}

/// Lines that wait to be written at most, for each sink; some megabytes.
const WAITING: usize = 16_384;
/// RFC 5424 section 6.2.1.
const ERROR: u8 = 3;
const INFORMATIONAL: u8 = 6;

/// Opens the sinks and starts a thread for each. Without them events go nowhere. A second call changes
/// nothing.
///
/// # Errors
/// A file cannot be opened, or the system has no thread to spare.
pub fn start(places: Vec<SinkPlace>, clock: Arc<dyn Clock>) -> Result<(), SinkFault> {
    let all = places.into_iter().map(Sink::start).collect::<Result<_, _>>()?;
    // Of two, the first stays; the other's threads end with their queues.
    let _ = SINKS.set(Sinks { clock, all });
    Ok(())
}

/// Writes what waits; called when the process ends.
pub fn flush() {
    for sink in SINKS.get().iter().flat_map(|sinks| &sinks.all) {
        sink.queue.flush();
    }
}

/// How many events each kind of sink has lost since the start: too many waited, or they could not be
/// written.
pub fn lost() -> BTreeMap<&'static str, u64> {
    let mut lost = BTreeMap::new();
    for sink in SINKS.get().iter().flat_map(|sinks| &sinks.all) {
        *lost.entry(sink.kind).or_default() += sink.queue.lost();
    }
    lost
}

/// Hands an event to every sink. Never waits.
pub(super) fn record(event: &Event<'_>) {
    let Some(Sinks { clock, all }) = SINKS.get() else { return };
    for sink in all {
        if let Some(line) = sink.form.line(event) {
            sink.queue.push(clock.now(), line);
        }
    }
}

impl Sink {
    fn start(place: SinkPlace) -> Result<Self, SinkFault> {
        Ok(match place {
            SinkPlace::File { path, max_size, keep } => {
                let file = RotatingFile::open(path.clone(), max_size, keep)
                    .map_err(|cause| SinkFault::File { path, cause })?;
                let queue = LineQueue::start("audit-file", WAITING, file)?;
                Self { kind: "file", form: Form::Json, queue }
            }
            SinkPlace::Log(format) => {
                let queue = LineQueue::start("audit-log", WAITING, std::io::stderr())?;
                Self { kind: "log", form: Form::Log(format), queue }
            }
            SinkPlace::Stdout => {
                let queue = LineQueue::start("audit-stdout", WAITING, std::io::stdout())?;
                Self { kind: "stdout", form: Form::Json, queue }
            }
            SinkPlace::Syslog { place, facility } => {
                let queue = LineQueue::start("audit-syslog", WAITING, Syslog::to(place))?;
                Self { kind: "syslog", form: Form::Syslog { facility, host: host() }, queue }
            }
        })
    }
}

/// RFC 5424's HOSTNAME; `-` where it is not known.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

impl Form {
    /// `None` where the sink is not to have it.
    fn line(&self, event: &Event<'_>) -> Option<Line> {
        let level = if event.is_error() { "ERROR" } else { "INFO" };
        match self {
            Self::Json => Some(Line::of(LogFormat::Json, (level, "audit", event.message()), event)),
            Self::Log(format) => {
                let passes = if event.is_error() {
                    tracing::enabled!(target: "audit", Level::ERROR)
                } else {
                    tracing::enabled!(target: "audit", Level::INFO)
                };
                passes.then(|| Line::of(*format, (level, "audit", event.message()), event))
            }
            Self::Syslog { facility, host } => {
                let severity = if event.is_error() { ERROR } else { INFORMATIONAL };
                Some(syslog(u16::from(*facility) * 8 + u16::from(severity), host, event))
            }
        }
    }
}

/// RFC 5424 section 6: header, no structured data, the event as JSON.
fn syslog(priority: u16, host: &str, event: &Event<'_>) -> Line {
    let mut text = format!("<{priority}>1 ").into_bytes();
    let time_at = text.len();
    let header = format!(" {host} portcullis {} {} - ", std::process::id(), event.name());
    text.extend_from_slice(header.as_bytes());
    // Types of ours, none of which can fail; JSON has no line breaks of its own.
    let _ = serde_json::to_writer(&mut text, event);
    text.push(b'\n');
    Line { text, time_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syslog_message_has_the_header_of_rfc_5424() {
        let event = Event::RequestRefused {
            request_id: "0a",
            route: "chat",
            code: "forbidden",
            cause: "a\nb",
            subject: None,
        };
        let form = Form::Syslog { facility: 10, host: "edge-1".to_owned() };
        let Line { mut text, time_at } = form.line(&event).unwrap();
        text.splice(time_at..time_at, *b"2026-01-01T00:00:00.000Z");
        assert_eq!(
            String::from_utf8(text).unwrap(),
            format!(
                "<86>1 2026-01-01T00:00:00.000Z edge-1 portcullis {} request_refused - \
                 {{\"event\":\"request_refused\",\"request_id\":\"0a\",\"route\":\"chat\",\
                 \"code\":\"forbidden\",\"cause\":\"a\\nb\"}}\n",
                std::process::id()
            )
        );
        let fault = form.line(&Event::ConfigRefused { generation: 2, reason: "x" }).unwrap();
        assert!(fault.text.starts_with(b"<83>1 "), "an error is one");
    }
}
