//! The messages of a conversation.

use serde_json::Value;

/// What a tool gave back: data, or a sentence about why there is none.
pub type ToolOutcome = Result<Value, String>;

/// One entry of a conversation, as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// What the agent said.
    Agent(String),
    /// A tool the agent called.
    Call(ToolCall),
    /// What the tool gave back.
    Result {
        /// Which call this answers.
        id: String,
        /// The tool's name.
        name: String,
        /// What came of it.
        outcome: ToolOutcome,
    },
    /// What the person said.
    User(String),
}

/// The model's wish to run a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// Joins the call and its result.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, an object.
    pub arguments: Value,
}
