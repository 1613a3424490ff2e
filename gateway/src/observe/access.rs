//! One line for each request that was answered.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use tracing::Level;

use crate::base::Clock;
use crate::observe::line::Line;
use crate::observe::line_queue::LineQueue;
use crate::observe::logging::LogFormat;

/// What the access log says of a request. Never a header, a cookie or a query: signed links and
/// login codes travel there.
#[derive(Debug, Serialize)]
pub struct AccessRecord<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The method.
    pub method: &'a str,
    /// The host.
    pub host: &'a str,
    /// The canonical path.
    pub path: &'a str,
    /// The route, or a word for what answered instead.
    pub route: &'a str,
    /// The status code; 0 where the client was gone before one could be sent.
    pub status: u16,
    /// Bytes of body sent.
    pub bytes: u64,
    /// From the end of the request head to the end of the answer.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    pub duration: Duration,
    /// Who it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    /// The session's public name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// HTTP version.
    pub protocol: &'static str,
}

/// Where lines go. The log is the process's, as that of `tracing` is.
static LINES: OnceLock<(LineQueue, LogFormat, Arc<dyn Clock>)> = OnceLock::new();

/// Lines that wait to be written at most; some megabytes. What comes when they wait is dropped and
/// counted: a slow disk must not hold up requests.
const WAITING: usize = 16_384;

/// Starts the thread that writes the access log to standard error. Without it nothing is logged.
/// A second call changes nothing.
///
/// # Errors
/// When the system has no thread to spare.
pub fn start(format: LogFormat, clock: Arc<dyn Clock>) -> std::io::Result<()> {
    let queue = LineQueue::start("access-log", WAITING, std::io::stderr())?;
    // Of two, the first stays; the other's thread ends with its queue.
    let _ = LINES.set((queue, format, clock));
    Ok(())
}

/// Writes what waits; called when the process ends.
pub fn flush() {
    if let Some((queue, ..)) = LINES.get() {
        queue.flush();
    }
}

/// How many lines were lost since the start: too many waited, or they could not be written.
pub fn dropped() -> u64 {
    LINES.get().map_or(0, |(queue, ..)| queue.lost())
}

impl AccessRecord<'_> {
    /// Hands the line over to be written, where the log's filter lets it pass. Never waits.
    pub fn log(&self) {
        let Some((queue, format, clock)) = LINES.get() else { return };
        if tracing::enabled!(target: "access", Level::INFO) {
            queue.push(clock.now(), Line::of(*format, ("INFO", "access", "request"), self));
        }
    }
}

fn milliseconds<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(took.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(path: &str) -> AccessRecord<'_> {
        AccessRecord {
            request_id: "0a1b",
            client: Some([192, 0, 2, 7].into()),
            method: "GET",
            host: "app.test",
            path,
            route: "chat",
            status: 200,
            bytes: 12,
            duration: Duration::from_micros(1_500),
            subject: Some("ann\"\r\n{\"status\":500}"),
            sid: None,
            protocol: "h2",
        }
    }

    fn line(format: LogFormat, record: &AccessRecord<'_>) -> String {
        let Line { mut text, time_at } = Line::of(format, ("INFO", "access", "request"), record);
        text.splice(time_at..time_at, *b"2026-01-01T00:00:00Z");
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_line_is_one_object_whatever_is_in_it() {
        let whole = line(LogFormat::Json, &record("/a\n\"b"));
        assert_eq!(whole.matches('\n').count(), 1, "{whole}");
        assert_eq!(
            serde_json::from_str::<Value>(&whole).unwrap(),
            json!({
                "timestamp": "2026-01-01T00:00:00Z", "level": "INFO", "message": "request",
                "request_id": "0a1b", "client": "192.0.2.7", "method": "GET", "host": "app.test",
                "path": "/a\n\"b", "route": "chat", "status": 200, "bytes": 12, "duration_ms": 1.5,
                "subject": "ann\"\r\n{\"status\":500}", "protocol": "h2", "target": "access",
            })
        );
    }

    #[test]
    fn a_line_of_text_is_one_line_too() {
        let whole = line(LogFormat::Text, &record("/a\n"));
        let (head, fields) = whole.split_at("2026-01-01T00:00:00Z  INFO access: request ".len());
        assert_eq!(head, "2026-01-01T00:00:00Z  INFO access: request ");
        assert_eq!(whole.matches(['\n', '\r']).count(), 1, "{whole}");
        for field in
            ["path=\"/a\\n\"", "status=200", "subject=\"ann\\\"\\r\\n{\\\"status\\\":500}\""]
        {
            assert!(fields.contains(field), "{field}: {whole}");
        }
    }
}
