//! `[log]`: what is written, and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is written to standard error, and how. No level shows a secret.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The level, or a filter such as `info,portcullis::oidc=debug`. Default `info`. The environment
    /// variable `RUST_LOG` goes before it.
    pub level: String,
    /// The form of a line. Default `json`, which log collectors read as it is.
    pub format: LogFormat,
    /// Whether each request is logged. Default true: a gateway's log is what an investigation has.
    pub access: bool,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// Text for people.
    Text,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Json, access: true }
    }
}
