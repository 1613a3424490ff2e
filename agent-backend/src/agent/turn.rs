//! One turn: model and tools alternate until the model has nothing more to call, within limits.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc::Sender;

use super::event::{End, Event};
use super::message::{Message, ToolCall};
use super::model::{Model, ModelFault, Prompt, Thought};
use super::tools::Toolbox;
use crate::caller::Caller;
use crate::clock::Clock;

/// A model with its tools.
pub struct Agent {
    model: Arc<dyn Model>,
    toolbox: Toolbox,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

/// How far one turn may go, whatever the model wants.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Steps of the model; a model that only ever calls tools is stopped here.
    pub steps: usize,
    /// Tool calls in the whole turn.
    pub calls: usize,
    /// Bytes of answer.
    pub text: usize,
    /// Time of the whole turn.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 6, calls: 8, text: 64 * 1024, time: Duration::from_secs(120) }
    }
}

/// Why a turn stopped early.
enum Stop {
    Gone,
    Limit,
    Model(ModelFault),
}

impl Agent {
    /// Puts a model and tools together.
    pub fn new(
        model: Arc<dyn Model>,
        toolbox: Toolbox,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { model, toolbox, limits, clock }
    }

    /// The tools.
    pub fn toolbox(&self) -> &Toolbox {
        &self.toolbox
    }

    /// Runs a turn for `caller`, telling `events` what happens, and returns the messages it added
    /// to `conversation`. When nobody listens to `events` any more, the turn stops at once.
    pub async fn turn(
        &self,
        caller: &Arc<Caller>,
        conversation: Vec<Message>,
        events: Sender<Event>,
    ) -> Vec<Message> {
        let known = conversation.len();
        let mut turn =
            Turn { agent: self, caller, events, messages: conversation, calls: 0, text: 0 };
        let outcome = {
            let events = turn.events.clone();
            tokio::select! {
                outcome = tokio::time::timeout(self.limits.time, turn.run()) => {
                    outcome.unwrap_or(Err(Stop::Limit))
                }
                () = events.closed() => Err(Stop::Gone),
            }
        };
        let last = match outcome {
            Ok(()) => Some(Event::End(End::Complete)),
            Err(Stop::Gone) => None,
            Err(Stop::Limit) => Some(Event::End(End::Limit)),
            Err(Stop::Model(fault)) => {
                tracing::warn!(%fault, "a turn failed");
                Some(Event::Error("The model could not answer. Please try again.".to_owned()))
            }
        };
        if let Some(last) = last {
            // If nobody listens, there is nobody to tell.
            turn.events.send(last).await.ok();
        }
        turn.messages.split_off(known.min(turn.messages.len()))
    }
}

struct Turn<'a> {
    agent: &'a Agent,
    caller: &'a Arc<Caller>,
    events: Sender<Event>,
    messages: Vec<Message>,
    calls: usize,
    text: usize,
}

impl Turn<'_> {
    async fn run(&mut self) -> Result<(), Stop> {
        for _ in 0..self.agent.limits.steps {
            let calls = self.step().await?;
            if calls.is_empty() {
                return Ok(());
            }
            for call in calls {
                self.call(call).await?;
            }
        }
        Err(Stop::Limit)
    }

    /// Lets the model speak; returns the tools it wants to run.
    async fn step(&mut self) -> Result<Vec<ToolCall>, Stop> {
        let mut thoughts = self.agent.model.think(Prompt {
            name: self.caller.name.clone(),
            messages: self.messages.clone(),
            tools: self.agent.toolbox.offered(self.caller),
        });
        let mut calls = Vec::new();
        while let Some(thought) = thoughts.next().await {
            match thought.map_err(Stop::Model)? {
                Thought::Text(text) => {
                    self.text += text.len();
                    if self.text > self.agent.limits.text {
                        return Err(Stop::Limit);
                    }
                    // Kept piece by piece, so that a cut answer is in the history as far as it got.
                    match self.messages.last_mut() {
                        Some(Message::Agent(said)) => said.push_str(&text),
                        _ => self.messages.push(Message::Agent(text.clone())),
                    }
                    self.emit(Event::Text(text)).await?;
                }
                Thought::Call(call) => calls.push(call),
            }
        }
        Ok(calls)
    }

    async fn call(&mut self, call: ToolCall) -> Result<(), Stop> {
        self.calls += 1;
        if self.calls > self.agent.limits.calls {
            return Err(Stop::Limit);
        }
        let ToolCall { id, name, arguments } = call.clone();
        let title = self.agent.toolbox.title(&name).to_owned();
        self.messages.push(Message::Call(call.clone()));
        self.emit(Event::ToolCall { call, title }).await?;
        let started = self.agent.clock.instant();
        let outcome = self.agent.toolbox.call(self.caller, &name, arguments).await;
        let took = self.agent.clock.instant().saturating_duration_since(started);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let outcome = outcome.map_err(|fault| fault.to_string());
        let (reply, told) = (outcome.clone(), name.clone());
        self.messages.push(Message::Result { id: id.clone(), name, outcome });
        self.emit(Event::ToolResult { id, name: told, outcome: reply, millis }).await
    }

    async fn emit(&self, event: Event) -> Result<(), Stop> {
        self.events.send(event).await.map_err(|_| Stop::Gone)
    }
}
