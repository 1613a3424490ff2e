//! The model itself: plan a tool call, then word an answer from what the tool gave.

use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::super::message::{Message, ToolCall};
use super::super::model::{Model, Prompt, Thought, Thoughts};
use super::intent::{Intent, understand};
use super::wording;

/// The offline model.
#[derive(Clone, Copy, Debug)]
pub struct Scripted {
    pace: Duration,
}

impl Scripted {
    /// Speaks with this pause between words; zero in tests.
    pub fn new(pace: Duration) -> Self {
        Self { pace }
    }
}

impl Model for Scripted {
    fn think(&self, prompt: Prompt) -> Thoughts {
        let plan = plan(&prompt);
        let pace = self.pace;
        let thoughts = match plan {
            Plan::Call(call) => vec![Thought::Call(call)],
            Plan::Say(text) => pieces(&text).into_iter().map(Thought::Text).collect(),
        };
        stream::iter(thoughts.into_iter().enumerate())
            .then(move |(index, thought)| async move {
                // The first word comes at once: whoever waits should see that something happens.
                if index > 0 && !pace.is_zero() {
                    tokio::time::sleep(pace).await;
                }
                Ok(thought)
            })
            .boxed()
    }
}

enum Plan {
    Call(ToolCall),
    Say(String),
}

fn plan(prompt: &Prompt) -> Plan {
    let questions: Vec<&str> = prompt
        .messages
        .iter()
        .rev()
        .filter_map(|message| match message {
            Message::User(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let (question, before) = questions.split_first().map_or(("", &[][..]), |(q, b)| (*q, b));
    let intent = understand(question, before);
    if let Some(Message::Result { outcome, .. }) = prompt.messages.last() {
        return Plan::Say(match outcome {
            Ok(result) => wording::answer(&intent, result, prompt),
            Err(fault) => wording::failure(&intent, fault),
        });
    }
    let offered = |name: &str| prompt.tools.iter().any(|tool| tool.name == name);
    let (name, arguments) = match &intent {
        Intent::Weather { arguments, .. } => ("weather", arguments.clone()),
        Intent::Time(place) => ("current_time", json!({ "place": place })),
        Intent::Calculate(expression) => ("calculator", json!({ "expression": expression })),
        Intent::WhoAmI | Intent::Permissions => ("whoami", json!({})),
        Intent::Status if offered("service_status") => ("service_status", json!({})),
        // Deliberately without asking what was offered: this is the model that was talked into it.
        Intent::Force => ("service_status", json!({})),
        Intent::Greet | Intent::Help | Intent::Status | Intent::Thanks | Intent::Unknown => {
            return Plan::Say(wording::without_tool(&intent, prompt));
        }
    };
    Plan::Call(ToolCall { id: id(prompt), name: name.to_owned(), arguments: bare(arguments) })
}

/// Unique within a conversation, and the same in every run.
fn id(prompt: &Prompt) -> String {
    format!("call-{}", prompt.messages.len())
}

fn bare(mut arguments: Value) -> Value {
    if let Some(fields) = arguments.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    arguments
}

/// Words with the space that follows them: what a person sees appear one after the other.
fn pieces(text: &str) -> Vec<String> {
    text.split_inclusive([' ', '\n']).map(str::to_owned).collect()
}
