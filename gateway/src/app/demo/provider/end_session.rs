//! Signing out (RP-initiated logout).

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use url::Url;

use crate::app::demo::provider::pages;
use crate::app::demo::provider::server::{Shared, redirect, session_cookie};
use crate::app::demo::provider::store::SignedIn;

/// A request to sign out.
#[derive(Default, Deserialize)]
struct EndSession {
    id_token_hint: Option<String>,
    client_id: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// What the confirmation posts: the request's query.
#[derive(Deserialize)]
pub(super) struct Confirmed {
    request: String,
}

/// `GET /logout`: with a hint that belongs to this browser's session at once, else after a question.
pub(super) async fn ask(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let Some(request) = read(&query) else {
        return pages::fault("The request repeats a parameter.");
    };
    let now = shared.clock.now();
    let signed_in = current(&shared, &headers);
    let hinted = request
        .id_token_hint
        .as_deref()
        .and_then(|hint| shared.with(|store| store.hints.look(hint, now).cloned()));
    match (signed_in, hinted) {
        (Some(session), Some(sid)) if session.sid == sid => end(&shared, &headers, &request),
        (Some(session), _) => pages::sign_out(Some(session.account.name), &query),
        (None, _) => end(&shared, &headers, &request),
    }
}

/// `POST /logout`: the person said yes.
pub(super) async fn confirm(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<Confirmed>,
) -> Response {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin") {
        return pages::fault("This form was sent from another site.");
    }
    end(&shared, &headers, &read(&form.request).unwrap_or_default())
}

fn end(shared: &Shared, headers: &HeaderMap, request: &EndSession) -> Response {
    if let Some(cookie) = session_cookie(headers) {
        shared.with(|store| store.sessions.take(&cookie, shared.clock.now()));
    }
    let clear = [(header::SET_COOKIE, "demo_provider=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")];
    let answer = match request.target(shared) {
        Some(target) => redirect(&target),
        None => pages::sign_out(None, ""),
    };
    (clear, answer).into_response()
}

impl EndSession {
    /// Where to send the person: only to a place that a client has registered.
    fn target(&self, shared: &Shared) -> Option<String> {
        let uri = self.post_logout_redirect_uri.as_ref()?;
        let client = shared.client(self.client_id.as_deref()?)?;
        if !client.post_logout_redirect_uris.contains(uri) {
            return None;
        }
        let mut url = Url::parse(uri).ok()?;
        if let Some(state) = &self.state {
            url.query_pairs_mut().append_pair("state", state);
        }
        Some(url.into())
    }
}

fn current(shared: &Shared, headers: &HeaderMap) -> Option<SignedIn> {
    let cookie = session_cookie(headers)?;
    shared.with(|store| store.sessions.look(&cookie, shared.clock.now()).cloned())
}

fn read(query: &str) -> Option<EndSession> {
    let uri: Uri = format!("/?{query}").parse().ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(request)| request)
}
