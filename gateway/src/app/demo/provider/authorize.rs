//! Signing in: the authorization endpoint and its form.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use url::Url;

use crate::app::demo::provider::account::Account;
use crate::app::demo::provider::pages;
use crate::app::demo::provider::server::{Shared, redirect, session_cookie};
use crate::app::demo::provider::store::{Grant, SignedIn};

/// An authorization request.
#[derive(Deserialize)]
struct Authorize {
    client_id: String,
    redirect_uri: String,
    response_type: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
    max_age: Option<u64>,
}

/// What the login page posts.
#[derive(Deserialize)]
pub(super) struct LoginForm {
    login: String,
    password: String,
    /// The authorization request's query.
    request: String,
}

/// `GET /authorize`
pub(super) async fn authorize(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match Authorize::parse(&shared, &query) {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    let prompt = request.prompt.as_deref().unwrap_or_default();
    let now = shared.clock.now();
    let signed_in = session_cookie(&headers)
        .and_then(|cookie| shared.with(|store| store.sessions.look(&cookie, now).cloned()))
        .filter(|_| prompt != "login")
        .filter(|session| {
            let age = now.since(session.auth_time).as_secs();
            request.max_age.is_none_or(|max_age| age <= max_age)
        });
    match signed_in {
        Some(signed_in) => request.grant(&shared, signed_in),
        None if prompt == "none" => request.refuse(&shared, "login_required"),
        None => pages::sign_in(&query, None),
    }
}

/// `POST /login`
pub(super) async fn login(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin") {
        return pages::fault("This form was sent from another site.");
    }
    let request = match Authorize::parse(&shared, &form.request) {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    let Some(account) = Account::check(&form.login, &form.password) else {
        return pages::sign_in(&form.request, Some(&form.login));
    };
    let now = shared.clock.now();
    let cookie = shared.entropy.token::<32>();
    let signed_in = SignedIn { account, auth_time: now, sid: shared.entropy.token::<16>() };
    shared.with(|store| store.sessions.put(cookie.clone(), signed_in.clone(), now));
    let set = format!("demo_provider={cookie}; Path=/; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, set)], request.grant(&shared, signed_in)).into_response()
}

impl Authorize {
    /// Reads a request. Until client and redirect URI are known to belong together, nothing is
    /// redirected.
    fn parse(shared: &Shared, query: &str) -> Result<Self, Box<Response>> {
        let fault = |sentence| Err(Box::new(pages::fault(sentence)));
        let Some(request) = read(query) else {
            return fault("The request lacks a parameter, or repeats one.");
        };
        let Some(client) = shared.client(&request.client_id) else {
            return fault("This client is not registered here.");
        };
        if !client.redirect_uris.contains(&request.redirect_uri) {
            return fault("This redirect_uri is not registered for the client.");
        }
        let scopes = request.scope.as_deref().unwrap_or_default();
        if request.response_type.as_deref() != Some("code") {
            return Err(Box::new(request.refuse(shared, "unsupported_response_type")));
        }
        if !scopes.split(' ').any(|scope| scope == "openid") {
            return Err(Box::new(request.refuse(shared, "invalid_scope")));
        }
        let pkce = request.code_challenge.as_deref().is_some_and(|text| text.len() == 43);
        if !pkce || request.code_challenge_method.as_deref() != Some("S256") {
            return Err(Box::new(request.refuse(shared, "invalid_request")));
        }
        Ok(request)
    }

    fn grant(self, shared: &Shared, signed_in: SignedIn) -> Response {
        let code = shared.entropy.token::<32>();
        let answer = self.answer(shared, ("code", &code));
        let grant = Grant {
            signed_in,
            client_id: self.client_id,
            redirect_uri: self.redirect_uri,
            nonce: self.nonce,
            challenge: self.code_challenge.unwrap_or_default(),
        };
        shared.with(|store| store.codes.put(code, grant, shared.clock.now()));
        answer
    }

    fn refuse(&self, shared: &Shared, error: &str) -> Response {
        self.answer(shared, ("error", error))
    }

    fn answer(&self, shared: &Shared, (name, value): (&str, &str)) -> Response {
        let Ok(mut url) = Url::parse(&self.redirect_uri) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        url.query_pairs_mut().append_pair(name, value).append_pair("iss", &shared.issuer);
        if let Some(state) = &self.state {
            url.query_pairs_mut().append_pair("state", state);
        }
        redirect(url.as_str())
    }
}

/// A repeated parameter is an error.
fn read(query: &str) -> Option<Authorize> {
    let uri: Uri = format!("/?{query}").parse().ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(request)| request)
}
