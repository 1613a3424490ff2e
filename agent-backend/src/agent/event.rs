//! What a turn emits while it runs; the chat floor puts it on the wire.

use serde_json::Value;

use super::message::{ToolCall, ToolOutcome};

/// One thing that happened in a turn, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The turn is over and nothing follows.
    End(End),
    /// The turn failed and nothing follows; the sentence is for the person who asked.
    Error(String),
    /// A piece of the answer.
    Text(String),
    /// The model wants a tool to run; it runs now.
    ToolCall {
        /// The call.
        call: ToolCall,
        /// The tool's name for people.
        title: String,
    },
    /// A tool has finished.
    ToolResult {
        /// Which call this answers.
        id: String,
        /// The tool's name.
        name: String,
        /// What came of it.
        outcome: ToolOutcome,
        /// How long it took.
        millis: u64,
    },
}

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The model had nothing more to say.
    Complete,
    /// The turn reached one of its limits.
    Limit,
}

impl End {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Limit => "limit",
        }
    }
}

impl Event {
    /// The event's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::End(_) => "done",
            Self::Error(_) => "error",
            Self::Text(_) => "token",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolResult { .. } => "tool_result",
        }
    }

    /// The event's data on the wire.
    pub fn data(&self) -> Value {
        match self {
            Self::End(end) => serde_json::json!({ "reason": end.word() }),
            Self::Error(message) => serde_json::json!({ "message": message }),
            Self::Text(text) => serde_json::json!({ "text": text }),
            Self::ToolCall { call, title } => serde_json::json!({
                "id": call.id, "name": call.name, "title": title, "arguments": call.arguments,
            }),
            Self::ToolResult { id, name, outcome, millis } => match outcome {
                Ok(result) => serde_json::json!({
                    "id": id, "name": name, "ok": true, "ms": millis, "result": result,
                }),
                Err(error) => serde_json::json!({
                    "id": id, "name": name, "ok": false, "ms": millis, "error": error,
                }),
            },
        }
    }
}
