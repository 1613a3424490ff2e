//! Thinking, without HTTP: a model, its tools, and the turn in which they alternate.

mod event;
mod message;
mod model;
pub mod scripted;
pub mod tools;
mod turn;

pub use event::{End, Event};
pub use message::{Message, ToolCall, ToolOutcome};
pub use model::{Model, ModelFault, Prompt, Thought, Thoughts};
pub use turn::{Agent, Limits};
