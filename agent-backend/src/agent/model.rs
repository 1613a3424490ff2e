//! The seam to whatever thinks: messages and tools in, a stream of thoughts out.

use futures::stream::BoxStream;

use super::message::{Message, ToolCall};
use super::tools::ToolSpec;

/// Something that continues a conversation.
pub trait Model: Send + Sync {
    /// One step: words, or calls whose results the next step will see.
    fn think(&self, prompt: Prompt) -> Thoughts;
}

/// A model's step as it comes. Dropping it stops the model.
pub type Thoughts = BoxStream<'static, Result<Thought, ModelFault>>;

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The name of the person, so that the model can address them.
    pub name: String,
    /// The conversation so far; the last entry is what to react to.
    pub messages: Vec<Message>,
    /// The tools that this caller may use. Others are not even mentioned.
    pub tools: Vec<ToolSpec>,
}

/// A piece of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Thought {
    /// Run this tool.
    Call(ToolCall),
    /// Words for the person.
    Text(String),
}

/// The model could not go on.
#[derive(Debug, thiserror::Error)]
#[error("the model failed: {0}")]
pub struct ModelFault(pub String);
