//! One line for each request that was answered.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use tracing::Level;

use crate::base::Clock;
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
    let queue = LineQueue::start(WAITING, std::io::stderr())?;
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

/// How many lines were dropped since the start, because too many waited to be written.
pub fn dropped() -> u64 {
    LINES.get().map_or(0, |(queue, ..)| queue.dropped())
}

impl AccessRecord<'_> {
    /// Hands the line over to be written, where the log's filter lets it pass. Never waits.
    pub fn log(&self) {
        let Some((queue, format, clock)) = LINES.get() else { return };
        if tracing::enabled!(target: "access", Level::INFO) {
            queue.push(clock.now(), self.line(*format));
        }
    }

    /// What follows behind the time, in the form of all other lines.
    fn line(&self, format: LogFormat) -> (&'static str, Vec<u8>) {
        let mut line = Vec::with_capacity(512);
        match format {
            LogFormat::Json => {
                line.extend_from_slice(b"\",\"level\":\"INFO\",\"message\":\"request\"");
                let before = line.len();
                // Types of ours, none of which can fail.
                let _ = serde_json::to_writer(&mut line, self);
                // Its members join those before: a comma in place of the brace that opens.
                if let Some(brace) = line.get_mut(before) {
                    *brace = b',';
                }
                line.pop();
                line.extend_from_slice(b",\"target\":\"access\"}\n");
                ("{\"timestamp\":\"", line)
            }
            LogFormat::Text => {
                line.extend_from_slice(b"  INFO access: request");
                self.write_text(&mut line);
                line.push(b'\n');
                ("", line)
            }
        }
    }

    /// `name=value`, text in quotes with control characters escaped.
    fn write_text(&self, line: &mut Vec<u8>) {
        use std::io::Write as _;
        let quoted = [
            ("request_id", Some(self.request_id)),
            ("method", Some(self.method)),
            ("host", Some(self.host)),
            ("path", Some(self.path)),
            ("route", Some(self.route)),
            ("subject", self.subject),
            ("sid", self.sid),
            ("protocol", Some(self.protocol)),
        ];
        // Writing to memory does not fail.
        for (name, value) in quoted {
            if let Some(value) = value {
                let _ = write!(line, " {name}={value:?}");
            }
        }
        if let Some(client) = self.client {
            let _ = write!(line, " client={client}");
        }
        let (status, bytes, took) = (self.status, self.bytes, self.duration.as_secs_f64() * 1000.0);
        let _ = write!(line, " status={status} bytes={bytes} duration_ms={took}");
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

    #[test]
    fn a_line_is_one_object_whatever_is_in_it() {
        let (before, line) = record("/a\n\"b").line(LogFormat::Json);
        let whole = format!("{before}2026-01-01T00:00:00Z{}", String::from_utf8(line).unwrap());
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
        let (before, line) = record("/a").line(LogFormat::Text);
        assert_eq!(
            format!("{before}{}", String::from_utf8(line).unwrap()),
            "  INFO access: request request_id=\"0a1b\" method=\"GET\" host=\"app.test\" \
             path=\"/a\" route=\"chat\" subject=\"ann\\\"\\r\\n{\\\"status\\\":500}\" \
             protocol=\"h2\" client=192.0.2.7 status=200 bytes=12 duration_ms=1.5\n"
        );
    }
}
