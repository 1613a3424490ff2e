//! GitHub, as an Enterprise Server: its OAuth pages, and as much of its API as signing in needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::support::provider::proves_possession;
use crate::support::settings::CLIENT_SECRET;

type Params = HashMap<String, String>;

/// A GitHub on a port of its own. Everybody is `octocat`.
pub(crate) struct Github {
    pub(crate) url: String,
    office: Arc<Office>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Office {
    codes: Mutex<HashMap<String, Params>>,
    /// Whether the primary address is verified.
    unverified: Mutex<bool>,
}

impl Github {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let office = Arc::new(Office::default());
        let router = Router::new()
            .route("/login/oauth/authorize", get(authorize))
            .route("/login/oauth/access_token", post(token))
            .route("/api/v3/user", get(user))
            .route("/api/v3/user/emails", get(emails))
            .route("/api/v3/user/orgs", get(orgs))
            .route("/api/v3/user/teams", get(teams))
            .with_state(Arc::clone(&office));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, office, task }
    }

    /// From now on the address is not verified.
    pub(crate) fn forget_address(&self) {
        *self.office.unverified.lock().unwrap() = true;
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn authorize(State(office): State<Arc<Office>>, Query(login): Query<Params>) -> Response {
    let mut back = Url::parse(&login["redirect_uri"]).unwrap();
    let code = format!("code-{}", office.codes.lock().unwrap().len());
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &login["state"]);
    office.codes.lock().unwrap().insert(code, login);
    Redirect::to(back.as_str()).into_response()
}

/// Errors have the status 200, as at GitHub.
async fn token(State(office): State<Arc<Office>>, Form(form): Form<Params>) -> Json<Value> {
    if form.get("client_secret").is_none_or(|secret| secret != CLIENT_SECRET) {
        return Json(json!({ "error": "incorrect_client_credentials" }));
    }
    let login = form.get("code").and_then(|code| office.codes.lock().unwrap().remove(code));
    match login.filter(|login| proves_possession(login, &form)) {
        Some(login) => Json(json!({
            "access_token": "gho_canary", "token_type": "bearer", "scope": login["scope"],
        })),
        None => Json(json!({ "error": "bad_verification_code" })),
    }
}

async fn user(headers: HeaderMap) -> Response {
    api(
        &headers,
        json!({ "id": 583_231, "login": "octocat", "name": "Mona", "company": "@github" }),
    )
}

async fn emails(State(office): State<Arc<Office>>, headers: HeaderMap) -> Response {
    let verified = !*office.unverified.lock().unwrap();
    let primary = json!({ "email": "mona@example.com", "primary": true, "verified": verified });
    api(&headers, json!([{ "email": "x@y.test", "primary": false, "verified": true }, primary]))
}

async fn orgs(headers: HeaderMap) -> Response {
    api(&headers, json!([{ "login": "acme" }]))
}

async fn teams(headers: HeaderMap) -> Response {
    api(&headers, json!([{ "slug": "platform", "organization": { "login": "acme" } }]))
}

/// The API wants a token, and a program's name.
fn api(headers: &HeaderMap, document: Value) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token != Some("Bearer gho_canary") || !headers.contains_key(header::USER_AGENT) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(document).into_response()
}
