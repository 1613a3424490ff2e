//! The token endpoint, and what an access token is good for.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{
    CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
};
use openidconnect::{AccessToken, AdditionalClaims, IdToken, IdTokenClaims};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::app::demo::provider::server::Shared;
use crate::app::demo::provider::store::Grant;

/// How long access tokens and `id_token`s are good for.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);

/// Claims beyond the standard ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct More {
    groups: Vec<String>,
    sid: String,
}

impl AdditionalClaims for More {}

type DemoIdToken =
    IdToken<More, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// What a client posts.
#[derive(Deserialize)]
pub(super) struct TokenForm {
    grant_type: String,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// `POST /token`
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Response {
    let Some(client_id) = authenticate(&shared, &headers, &form) else {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    if form.grant_type != "authorization_code" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let now = shared.clock.now();
    // Taken whatever comes next: a code that was tried is spent.
    let code = form.code.as_deref().unwrap_or_default();
    let grant = shared.with(|store| store.codes.take(code, now)).filter(|grant| {
        let verifier = form.code_verifier.as_deref().unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        grant.client_id == client_id
            && form.redirect_uri.as_ref() == Some(&grant.redirect_uri)
            && challenge == grant.challenge
    });
    let Some(grant) = grant else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let access_token = shared.entropy.token::<32>();
    let Some(id_token) = sign(&shared, &grant, &access_token) else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error");
    };
    shared.with(|store| {
        store.access_tokens.put(access_token.clone(), grant.signed_in.account, now);
        store.hints.put(id_token.clone(), grant.signed_in.sid, now);
    });
    let tokens = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": LIFETIME.as_secs(),
        "id_token": id_token,
    });
    ([(CACHE_CONTROL, "no-store")], Json(tokens)).into_response()
}

/// `GET` or `POST /userinfo`
pub(super) async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let bearer = credential(&headers, "Bearer ");
    let account = bearer.and_then(|token| {
        shared.with(|store| store.access_tokens.look(token, shared.clock.now()).copied())
    });
    match account {
        Some(account) => Json(account.claims()).into_response(),
        None => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response(),
    }
}

/// The client that proved itself, by Basic or in the form; never both.
fn authenticate(shared: &Shared, headers: &HeaderMap, form: &TokenForm) -> Option<String> {
    let (id, secret) = match (credential(headers, "Basic "), &form.client_secret) {
        (Some(basic), None) => {
            let pair = String::from_utf8(STANDARD.decode(basic).ok()?).ok()?;
            let (id, secret) = pair.split_once(':')?;
            (decode(id)?, decode(secret)?)
        }
        (None, Some(secret)) => (form.client_id.clone()?, secret.clone()),
        _ => return None,
    };
    shared.client(&id)?.knows(&secret).then_some(id)
}

fn credential<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix(scheme)
}

fn decode(text: &str) -> Option<String> {
    let (name, _) = form_urlencoded::parse(text.as_bytes()).next()?;
    Some(name.into_owned())
}

fn sign(shared: &Shared, grant: &Grant, access_token: &str) -> Option<String> {
    let now = shared.clock.now();
    let mut claims = grant.signed_in.account.claims();
    let more = json!({
        "iss": shared.issuer,
        "aud": [grant.client_id],
        "iat": now.as_secs(),
        "exp": now.after(LIFETIME).as_secs(),
        "auth_time": grant.signed_in.auth_time.as_secs(),
        "nonce": grant.nonce,
        "amr": ["pwd"],
        "sid": grant.signed_in.sid,
    });
    if let (Value::Object(claims), Value::Object(more)) = (&mut claims, more) {
        claims.extend(more);
    }
    let claims: IdTokenClaims<More, CoreGenderClaim> = serde_json::from_value(claims).ok()?;
    let access_token = AccessToken::new(access_token.to_owned());
    let algorithm = CoreJwsSigningAlgorithm::EcdsaP256Sha256;
    let token = DemoIdToken::new(claims, &shared.key, algorithm, Some(&access_token), None);
    Some(token.ok()?.to_string())
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(json!({ "error": error }))).into_response()
}
