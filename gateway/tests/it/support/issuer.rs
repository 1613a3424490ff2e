//! An issuer of access tokens at which nobody signs in: metadata, keys, introspection.

use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How the issuer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Well,
    /// Every answer is 500.
    Down,
    /// No answer comes.
    Silent,
}

/// An issuer on a port of its own.
pub(crate) struct TokenIssuer {
    pub(crate) issuer: String,
    state: Arc<Office>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Office {
    issuer: String,
    mood: Mutex<Mood>,
    jwks: Mutex<Value>,
    fetched: Mutex<u32>,
    asked: Mutex<u32>,
}

impl TokenIssuer {
    /// Starts one without keys.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Office { issuer: issuer.clone(), ..Office::default() });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(jwks))
            .route("/introspect", post(introspect))
            .with_state(Arc::clone(&state));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, state, task }
    }

    /// Publishes these keys.
    pub(crate) fn publish(&self, jwks: Value) {
        *self.state.jwks.lock().unwrap() = jwks;
    }

    /// From now on, be like this.
    pub(crate) fn be(&self, mood: Mood) {
        *self.state.mood.lock().unwrap() = mood;
    }

    /// How often the keys were fetched.
    pub(crate) fn fetched(&self) -> u32 {
        *self.state.fetched.lock().unwrap()
    }

    /// How often it was asked about a token.
    pub(crate) fn asked(&self) -> u32 {
        *self.state.asked.lock().unwrap()
    }
}

impl Drop for TokenIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Office {
    async fn answer(&self, document: Value) -> Response {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => Json(document).into_response(),
            Mood::Down => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Mood::Silent => pending().await,
        }
    }
}

async fn metadata(State(office): State<Arc<Office>>) -> Response {
    let at = &office.issuer;
    office.answer(json!({ "issuer": at, "jwks_uri": format!("{at}/jwks") })).await
}

async fn jwks(State(office): State<Arc<Office>>) -> Response {
    *office.fetched.lock().unwrap() += 1;
    let jwks = office.jwks.lock().unwrap().clone();
    office.answer(jwks).await
}

/// Knows tokens that begin with `good-`; the rest of each is its subject.
async fn introspect(
    State(office): State<Arc<Office>>,
    headers: HeaderMap,
    form: String,
) -> Response {
    *office.asked.lock().unwrap() += 1;
    // `gateway` and the secret of support::settings.
    let known =
        "Basic Z2F0ZXdheTpjYW5hcnktY2xpZW50LXNlY3JldC04ZjJiNmMtb2YtMzItYnl0ZXMtYW5kLW1vcmU=";
    if headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != known) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let form: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).collect();
    let token = form.iter().find(|(name, _)| name == "token").map(|(_, token)| token.to_string());
    let document = match token.as_deref().and_then(|token| token.strip_prefix("good-")) {
        Some(subject) => json!({ "active": true, "sub": subject, "scope": "read" }),
        None => json!({ "active": false }),
    };
    office.answer(document).await
}
