//! The addresses of the chat.

use axum::Router;
use axum::routing::{get, post};

use super::state::ChatState;
use super::{about, heartbeat, send, socket};

/// Every address with its method; a test walks them without a token.
pub const ROUTES: [(&str, &str); 5] = [
    ("POST", "/chat"),
    ("GET", "/ws"),
    ("GET", "/events"),
    ("GET", "/whoami"),
    ("GET", "/starters"),
];

/// The chat's pages. They do nothing without a caller that was put in front of them.
pub fn routes(state: ChatState) -> Router {
    Router::new()
        .route("/chat", post(send::chat))
        .route("/ws", get(socket::open))
        .route("/events", get(heartbeat::events))
        .route("/whoami", get(about::whoami))
        .route("/starters", get(about::starters))
        .with_state(state)
}
