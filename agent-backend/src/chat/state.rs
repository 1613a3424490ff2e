//! What the chat's handlers share.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, watch};

use super::history::History;
use crate::agent::{Agent, Event, Message};
use crate::caller::Caller;
use crate::clock::Clock;
use crate::error::ApiError;

/// What the chat's handlers share.
#[derive(Clone)]
pub struct ChatState {
    /// Model and tools.
    pub agent: Arc<Agent>,
    /// Conversations.
    pub history: Arc<History>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    stopping: watch::Receiver<bool>,
    turns: Arc<Semaphore>,
}

/// Turns that may run at once; each holds a conversation and a few kilobytes of stream.
const MOST_TURNS: usize = 256;
/// Longest question, in bytes.
pub(super) const MOST_QUESTION: usize = 4000;
/// Longest name of a thread, in bytes.
const MOST_THREAD: usize = 64;
/// Events on the way to a slow client; then the model waits.
const IN_FLIGHT: usize = 32;

impl ChatState {
    /// Puts the parts together.
    pub fn new(agent: Arc<Agent>, clock: Arc<dyn Clock>, stopping: watch::Receiver<bool>) -> Self {
        let turns = Arc::new(Semaphore::new(MOST_TURNS));
        Self { agent, history: Arc::new(History::default()), clock, stopping, turns }
    }

    /// Returns when the agent stops; open streams end then.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        drop(stopping.wait_for(|stopping| *stopping).await);
    }

    /// Starts a turn; its events come out of the receiver, and dropping that ends the turn.
    ///
    /// # Errors
    ///
    /// When the question is empty or too long, or too many turns are running.
    pub fn ask(
        &self,
        caller: Arc<Caller>,
        question: &str,
        thread: &str,
    ) -> Result<mpsc::Receiver<Event>, ApiError> {
        let question = question.trim();
        if question.is_empty() {
            return Err(ApiError::BadRequest("The message is empty."));
        }
        if question.len() > MOST_QUESTION {
            return Err(ApiError::BadRequest("The message is longer than 4000 bytes."));
        }
        if thread.len() > MOST_THREAD {
            return Err(ApiError::BadRequest("The thread's name is longer than 64 bytes."));
        }
        let place = self.turns.clone().try_acquire_owned().map_err(|_| ApiError::Busy)?;
        let (events, receiver) = mpsc::channel(IN_FLIGHT);
        let (agent, history) = (self.agent.clone(), self.history.clone());
        let (question, thread) = (question.to_owned(), thread.to_owned());
        tokio::spawn(async move {
            let asked = Message::User(question);
            let mut conversation = history.of(&caller.sub, &thread);
            conversation.push(asked.clone());
            let mut added = agent.turn(&caller, conversation, events).await;
            added.insert(0, asked);
            history.append(&caller.sub, &thread, added);
            drop(place);
        });
        Ok(receiver)
    }
}
