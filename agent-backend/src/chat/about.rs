//! `GET /whoami` and `GET /starters`: what the page shows before anything is asked.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::state::ChatState;
use crate::caller::Verified;

/// The caller, and the token's header and claims. Never the token itself: whoever has it could use
/// it until it expires.
pub(super) async fn whoami(
    Verified(caller): Verified,
    State(state): State<ChatState>,
) -> impl IntoResponse {
    let tools = state.agent.toolbox().offered(&caller);
    json_answer(&json!({
        "caller": {
            "sub": caller.sub,
            "name": caller.name,
            "email": caller.email,
            "groups": caller.groups,
            "roles": caller.roles,
            "auth_method": caller.auth_method,
        },
        "header": caller.header,
        "claims": caller.claims,
        "now": state.clock.now().as_second(),
        "tools": tools,
    }))
}

/// Three questions to start with.
pub(super) async fn starters(Verified(_): Verified) -> impl IntoResponse {
    json_answer(&json!([
        {
            "id": "rain-today",
            "icon": "umbrella",
            "label": "Is it going to rain today?",
            "message": "Is it going to rain today?",
        },
        {
            "id": "tomorrow",
            "icon": "sun",
            "label": "Tomorrow's weather",
            "message": "What will the weather be like tomorrow?",
        },
        {
            "id": "next-7-days",
            "icon": "calendar",
            "label": "Next 7 days",
            "message": "Make a weather forecast for the next 7 days.",
        },
    ]))
}

fn json_answer(value: &Value) -> impl IntoResponse + use<> {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, value.to_string())
}
