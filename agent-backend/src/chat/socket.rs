//! `GET /ws`: the same conversation over a WebSocket. One turn at a time; closing ends it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc::Receiver;

use super::state::{ChatState, MOST_QUESTION};
use super::wire::{KEEP_ALIVE, frame};
use crate::agent::Event;
use crate::caller::{Caller, Verified};

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// Stop the running turn.
    Cancel,
    /// Ask.
    Chat {
        message: String,
        #[serde(default)]
        thread: String,
    },
}

/// Room for a question with every character escaped.
const MOST_FRAME: usize = MOST_QUESTION * 6 + 1024;
/// A client that takes no frame for this long is gone.
const MOST_WAIT: Duration = Duration::from_secs(20);

pub(super) async fn open(
    Verified(caller): Verified,
    State(state): State<ChatState>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade
        .max_message_size(MOST_FRAME)
        .max_frame_size(MOST_FRAME)
        .on_upgrade(move |socket| talk(socket, caller, state))
}

async fn talk(socket: WebSocket, caller: Arc<Caller>, state: ChatState) {
    let (mut sink, mut source) = socket.split();
    let mut turn: Option<Receiver<Event>> = None;
    let mut ping = tokio::time::interval(KEEP_ALIVE);
    loop {
        let reply = tokio::select! {
            incoming = source.next() => match incoming {
                Some(Ok(Message::Text(text))) => {
                    match command(&text, &caller, &state, turn.is_some()) {
                        Next::Cancel => { turn = None; Some(cancelled()) }
                        Next::Run(events) => { turn = Some(events); None }
                        Next::Tell(message) => Some(message),
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                Some(Ok(Message::Binary(_))) => Some(fault("Send text frames with JSON.")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            event = next(&mut turn) => match event {
                Some(event) => Some(Message::text(frame(&event))),
                None => { turn = None; None }
            },
            _ = ping.tick() => Some(Message::Ping(Default::default())),
            () = state.stopped() => {
                let close = CloseFrame { code: close_code::AWAY, reason: "the agent stops".into() };
                send(&mut sink, Message::Close(Some(close))).await;
                return;
            }
        };
        if let Some(reply) = reply
            && !send(&mut sink, reply).await
        {
            return;
        }
    }
}

enum Next {
    Cancel,
    Run(Receiver<Event>),
    Tell(Message),
}

fn command(text: &str, caller: &Arc<Caller>, state: &ChatState, busy: bool) -> Next {
    match serde_json::from_str(text) {
        Err(_) => Next::Tell(fault("Send {\"type\": \"chat\", \"message\": \"…\"}.")),
        Ok(Command::Cancel) => Next::Cancel,
        Ok(Command::Chat { .. }) if busy => {
            Next::Tell(fault("One question at a time: the answer before is still running."))
        }
        Ok(Command::Chat { message, thread }) => {
            match state.ask(caller.clone(), &message, &thread) {
                Ok(events) => Next::Run(events),
                Err(refused) => Next::Tell(fault(refused.public())),
            }
        }
    }
}

/// The running turn's next event; waits for ever when there is none.
async fn next(turn: &mut Option<Receiver<Event>>) -> Option<Event> {
    match turn {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    matches!(tokio::time::timeout(MOST_WAIT, sink.send(message)).await, Ok(Ok(())))
}

fn fault(sentence: &str) -> Message {
    Message::text(json!({ "type": "error", "message": sentence }).to_string())
}

fn cancelled() -> Message {
    Message::text(json!({ "type": "done", "reason": "cancelled" }).to_string())
}
