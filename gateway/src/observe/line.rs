//! One line of the log, in either form.

use serde::Serialize;
use serde_json::Value;

use crate::observe::logging::LogFormat;

/// A line without its time: the line's end included, and where in it the time goes.
#[derive(Debug)]
pub(super) struct Line {
    pub text: Vec<u8>,
    pub time_at: usize,
}

impl Line {
    /// What `tracing` would write of these fields, whose values cannot begin a second line.
    pub(super) fn of<R: Serialize>(
        format: LogFormat,
        (level, target, message): (&str, &str, &str),
        record: &R,
    ) -> Self {
        let mut text = Vec::with_capacity(512);
        match format {
            LogFormat::Json => {
                text.extend_from_slice(b"{\"timestamp\":\"");
                let time_at = text.len();
                for piece in ["\",\"level\":\"", level, "\",\"message\":\"", message, "\""] {
                    text.extend_from_slice(piece.as_bytes());
                }
                let before = text.len();
                // Types of ours, none of which can fail.
                let _ = serde_json::to_writer(&mut text, record);
                // Its members join those before: a comma in place of the brace that opens.
                if let Some(brace) = text.get_mut(before) {
                    *brace = b',';
                }
                text.pop();
                for piece in [",\"target\":\"", target, "\"}\n"] {
                    text.extend_from_slice(piece.as_bytes());
                }
                Self { text, time_at }
            }
            LogFormat::Text => {
                text.extend_from_slice(format!(" {level:>5} {target}: {message}").as_bytes());
                let fields = serde_json::to_value(record);
                for (name, value) in fields.iter().filter_map(Value::as_object).flatten() {
                    // JSON quotes text and escapes control characters.
                    text.extend_from_slice(format!(" {name}={value}").as_bytes());
                }
                text.push(b'\n');
                Self { text, time_at: 0 }
            }
        }
    }
}
