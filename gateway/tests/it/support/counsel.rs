//! A service that is asked about people: by `forward_auth`, and as a directory.

use std::net::SocketAddr;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What it knows somebody by: the value of `X-Key`, or the name at the directory. `good` is `ann`, `bad`
/// is nobody, and whatever else is more than it can answer.
pub(crate) struct Counsel {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Counsel {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/auth", any(auth)).route("/people", post(people));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, task }
    }
}

impl Drop for Counsel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn auth(headers: HeaderMap) -> Response {
    match headers.get("x-key").map(|key| key.as_bytes()) {
        Some(b"good") => [("x-auth-request-user", "ann")].into_response(),
        Some(b"bad") | None => StatusCode::UNAUTHORIZED.into_response(),
        Some(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn people(Json(asked): Json<Value>) -> Response {
    match asked["username"].as_str() {
        Some(name @ ("engineer" | "other")) => {
            Json(json!({ "sub": format!("oid-{name}") })).into_response()
        }
        Some("bad") => StatusCode::UNAUTHORIZED.into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
