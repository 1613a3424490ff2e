//! `POST /chat`: a question in, the turn as server-sent events out.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use futures::StreamExt;
use serde::Deserialize;
use tokio_stream::wrappers::ReceiverStream;

use super::state::ChatState;
use super::wire::{event_stream, sse_event};
use crate::caller::Verified;
use crate::error::ApiError;

/// A question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// What is asked.
    pub(super) message: String,
    /// Which conversation it belongs to.
    #[serde(default)]
    pub(super) thread: String,
}

/// Answers a question. When the client goes away, the stream is dropped, and with it the turn.
pub(super) async fn chat(
    Verified(caller): Verified,
    State(state): State<ChatState>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let question: Question = serde_json::from_slice(&body)
        .map_err(|_| ApiError::BadRequest("Send JSON: {\"message\": \"…\", \"thread\": \"…\"}."))?;
    let events = state.ask(caller, &question.message, &question.thread)?;
    let events = ReceiverStream::new(events)
        .map(|event| Ok::<_, Infallible>(sse_event(event.name(), &event.data())));
    Ok(event_stream(events))
}
