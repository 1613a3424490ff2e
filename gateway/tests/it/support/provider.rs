//! An OpenID provider that does everything right until it is told otherwise.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis::base::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::support::browser::Browser;
use crate::support::forge::{Key, encode, spoil, unsigned};
use crate::support::settings::CLIENT_SECRET;

pub(crate) use crate::support::provider_fault::Fault;

/// A provider on a port of its own.
pub(crate) struct Provider {
    office: Arc<Office>,
    task: JoinHandle<()>,
}

struct Office {
    issuer: String,
    fault: Mutex<Fault>,
    keys: Mutex<Vec<Key>>,
    codes: Mutex<HashMap<String, Params>>,
    counts: Mutex<Counts>,
    log_in_started: Mutex<Vec<Params>>,
    revoked: Mutex<Vec<Params>>,
}

/// How often each endpoint was asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) discovery: u32,
    pub(crate) jwks: u32,
    pub(crate) authorize: u32,
    pub(crate) token: u32,
    pub(crate) ended: u32,
}

type Params = HashMap<String, String>;
type Office_ = State<Arc<Office>>;

impl Provider {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        Self::start_below("").await
    }

    /// Starts one that looks like Entra to the people of one tenant.
    pub(crate) async fn start_as_entra(tenant: &str) -> Self {
        Self::start_below(&format!("/{tenant}/v2.0")).await
    }

    async fn start_below(path: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}{path}", listener.local_addr().unwrap());
        let office = Arc::new(Office {
            issuer,
            fault: Mutex::default(),
            keys: Mutex::new(vec![Key::generate("key-1")]),
            codes: Mutex::default(),
            counts: Mutex::default(),
            log_in_started: Mutex::default(),
            revoked: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/end_session", get(end_session))
            .route("/revoke", post(revoke));
        let router = if path.is_empty() { router } else { Router::new().nest(path, router) };
        // Where Entra publishes the keys of all tenants.
        let router =
            router.route("/common/discovery/v2.0/keys", get(jwks)).with_state(Arc::clone(&office));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { office, task }
    }

    pub(crate) fn issuer(&self) -> String {
        self.office.issuer.clone()
    }

    /// From now on, do this wrong.
    pub(crate) fn commit(&self, fault: Fault) {
        *self.office.fault.lock().unwrap() = fault;
    }

    /// Signs with a new key from now on; the old one stays published.
    pub(crate) fn rotate_keys(&self) {
        let mut keys = self.office.keys.lock().unwrap();
        let id = format!("key-{}", keys.len() + 1);
        keys.push(Key::generate(&id));
    }

    /// A token that the provider signs; `iss`, `iat` and `exp` are added.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let now = SystemClock.now().as_secs();
        let mut all = json!({ "iss": self.issuer(), "iat": now, "exp": now + 300 });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        self.office.keys.lock().unwrap().last().expect("there is a key").sign(&all)
    }

    /// What can be made with the key that signs now.
    pub(crate) fn with_key<T>(&self, make: impl FnOnce(&Key) -> T) -> T {
        make(self.office.keys.lock().unwrap().last().expect("there is a key"))
    }

    /// The parameters of each revocation so far.
    pub(crate) fn revoked(&self) -> Vec<Params> {
        self.office.revoked.lock().unwrap().clone()
    }

    /// Lets a browser be signed in here as `user`, so that a login needs no form.
    pub(crate) fn remember(&self, browser: &mut Browser, user: &str) {
        browser.plant("127.0.0.1", "user", user);
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.office.counts.lock().unwrap()
    }

    /// The parameters of each authorization request so far.
    pub(crate) fn logins(&self) -> Vec<Params> {
        self.office.log_in_started.lock().unwrap().clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Office {
    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.lock().unwrap());
    }

    fn id_token(&self, login: &Params) -> String {
        let fault = self.fault();
        let now = SystemClock.now().as_secs();
        let user = login.get("user").map_or("engineer", String::as_str);
        let mut claims = json!({
            "iss": self.issuer, "aud": "portcullis", "iat": now, "exp": now + 300, "auth_time": now,
            "nonce": login.get("nonce"), "sid": login.get("sid"), "sub": format!("sub-{user}"), "oid": format!("oid-{user}"), "name": user, "email_verified": true,
            "email": format!("{user}@example.com"), "preferred_username": user, "groups": groups(user),
        });
        // Nobody signs in at a refresh, with a nonce or without.
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let mut set = |name: &str, value: Value| {
            if let Some(claim) = claims.get_mut(name) {
                *claim = value;
            }
        };
        match fault {
            Fault::AuthenticatedAgo(seconds) => set("auth_time", json!(now - seconds)),
            Fault::Expired => set("exp", json!(now - 3600)),
            Fault::FromTheFuture => set("iat", json!(now + 3600)),
            Fault::MissingSubject => drop(claims.as_object_mut().and_then(|c| c.remove("sub"))),
            Fault::WrongAudience => set("aud", json!("somebody-else")),
            Fault::ForeignAuthorizedParty => set("aud", json!(["portcullis", "somebody-else"])),
            Fault::WrongIssuer => set("iss", json!("http://127.0.0.1:9")),
            Fault::WrongNonce => set("nonce", json!("n-of-another-login")),
            _ => {}
        }
        if fault == Fault::ForeignAuthorizedParty {
            claims.as_object_mut().unwrap().insert("azp".to_owned(), json!("somebody-else"));
        }
        if let Some(context) = context(login).filter(|_| fault != Fault::DeafToClaims) {
            claims.as_object_mut().unwrap().insert("acrs".to_owned(), json!([context]));
        }
        let keys = self.keys.lock().unwrap();
        let key = keys.last().expect("there is a key");
        match fault {
            Fault::AlgorithmNone => unsigned(&claims),
            Fault::BadSignature => spoil(&key.sign(&claims)),
            Fault::HmacWithPublicKey => key.sign_with_public_half(&claims),
            Fault::UnknownKid => key.sign_as("key-of-nobody", &claims),
            _ => key.sign(&claims),
        }
    }
}

/// The authentication context that is asked for, as Entra is asked.
fn context(login: &Params) -> Option<Value> {
    let asked: Value = serde_json::from_str(login.get("claims")?).expect("claims are JSON");
    let asked = &asked["id_token"]["acrs"];
    assert_eq!(asked["essential"], true, "{asked}");
    Some(asked["value"].clone())
}

fn groups(user: &str) -> Value {
    match user {
        "engineer" => json!(["engineering", "admin"]),
        other => json!([other]),
    }
}

async fn discovery(State(office): Office_) -> Json<Value> {
    office.count(|counts| counts.discovery += 1);
    let at = &office.issuer;
    let named =
        if office.fault() == Fault::DiscoveryIssuerWrong { "http://127.0.0.1:9" } else { at };
    Json(json!({
        "issuer": named,
        "authorization_endpoint": format!("{at}/authorize"),
        "token_endpoint": format!("{at}/token"),
        "userinfo_endpoint": format!("{at}/userinfo"),
        "jwks_uri": format!("{at}/jwks"),
        "end_session_endpoint": format!("{at}/end_session"),
        "revocation_endpoint": format!("{at}/revoke"),
        "backchannel_logout_supported": true,
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        "scopes_supported": ["openid", "profile", "email"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn jwks(State(office): Office_) -> Json<Value> {
    office.count(|counts| counts.jwks += 1);
    let keys: Vec<_> = office.keys.lock().unwrap().iter().map(Key::jwk).collect();
    Json(json!({ "keys": keys }))
}

/// Everybody is signed in here already: the answer is a code, at once.
async fn authorize(
    State(office): Office_,
    headers: HeaderMap,
    Query(mut login): Query<Params>,
) -> Response {
    let number = {
        let mut counts = office.counts.lock().unwrap();
        counts.authorize += 1;
        counts.authorize
    };
    office.log_in_started.lock().unwrap().push(login.clone());
    let (Some(back), Some(state)) = (login.get("redirect_uri"), login.get("state")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut back = Url::parse(back).unwrap();
    back.query_pairs_mut().append_pair("state", state);
    let fault = office.fault();
    match fault {
        Fault::CallbackIssuerMissing => {}
        Fault::CallbackIssuerWrong => {
            back.query_pairs_mut().append_pair("iss", "http://127.0.0.1:9");
        }
        _ => {
            back.query_pairs_mut().append_pair("iss", &office.issuer);
        }
    }
    if fault == Fault::Denied {
        let description = "<script>alert(document.domain)</script>";
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("error_description", description);
        return Redirect::to(back.as_str()).into_response();
    }
    let cookies =
        headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("user="));
    login.insert("sid".to_owned(), format!("there-{number}"));
    login.insert("user".to_owned(), user.unwrap_or("engineer").to_owned());
    let code = format!("code-{number}");
    back.query_pairs_mut().append_pair("code", &code);
    office.codes.lock().unwrap().insert(code, login);
    Redirect::to(back.as_str()).into_response()
}

async fn token(State(office): Office_, headers: HeaderMap, Form(form): Form<Params>) -> Response {
    office.count(|counts| counts.token += 1);
    match office.fault() {
        Fault::Silent => pending().await,
        Fault::ServerError => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Fault::Huge => return vec![b' '; 10 * 1024 * 1024].into_response(),
        Fault::NotJson => return "<html>maintenance</html>".into_response(),
        _ => {}
    }
    if !client_is_known(&headers, &form) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" })))
            .into_response();
    }
    let moves = office.fault() == Fault::SidMoves;
    if moves && let Some(token) = form.get("refresh_token") {
        let user = token.trim_start_matches("canary-refresh-token-").to_owned();
        let login = [("user".to_owned(), user), ("sid".to_owned(), "moved".to_owned())];
        return granted(&office, &Params::from(login), 300);
    }
    // A code works once.
    let login = form.get("code").and_then(|code| office.codes.lock().unwrap().remove(code));
    let Some(login) = login.filter(|login| proves_possession(login, &form)) else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })))
            .into_response();
    };
    granted(&office, &login, if moves { 5 } else { 300 })
}

fn granted(office: &Office, login: &Params, lifetime: u32) -> Response {
    let user = login.get("user").map_or("engineer", String::as_str);
    Json(json!({
        "token_type": "Bearer", "expires_in": lifetime, "id_token": office.id_token(login),
        "access_token": format!("canary-access-token-{user}"),
        "refresh_token": format!("canary-refresh-token-{user}"),
    }))
    .into_response()
}

/// `client_secret_basic` or `client_secret_post`.
fn client_is_known(headers: &HeaderMap, form: &Params) -> bool {
    let basic = format!("Basic {}", STANDARD.encode(format!("portcullis:{CLIENT_SECRET}")));
    headers.get(header::AUTHORIZATION).is_some_and(|sent| sent.as_bytes() == basic.as_bytes())
        || form.get("client_secret").is_some_and(|sent| sent == CLIENT_SECRET)
}

/// PKCE S256, and the same redirect URI as before.
pub(crate) fn proves_possession(login: &Params, form: &Params) -> bool {
    let verifier = form.get("code_verifier").map_or("", String::as_str);
    let challenge = encode(digest(&SHA256, verifier.as_bytes()).as_ref());
    login.get("code_challenge") == Some(&challenge)
        && login.get("code_challenge_method").is_some_and(|method| method == "S256")
        && login.get("redirect_uri") == form.get("redirect_uri")
}

async fn userinfo(headers: HeaderMap) -> Json<Value> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let user = token.and_then(|token| token.strip_prefix("Bearer canary-access-token-"));
    Json(json!({ "sub": format!("sub-{}", user.unwrap_or("nobody")), "name": user }))
}

async fn revoke(
    State(office): Office_,
    headers: HeaderMap,
    Form(form): Form<Params>,
) -> StatusCode {
    let known = client_is_known(&headers, &form);
    office.revoked.lock().unwrap().push(form);
    match office.fault() {
        Fault::Silent => pending().await,
        _ if known => StatusCode::OK,
        _ => StatusCode::UNAUTHORIZED,
    }
}

async fn end_session(State(office): Office_, Query(form): Query<Params>) -> Response {
    office.count(|counts| counts.ended += 1);
    match form.get("post_logout_redirect_uri").and_then(|back| Url::parse(back).ok()) {
        Some(mut back) => {
            if let Some(state) = form.get("state") {
                back.query_pairs_mut().append_pair("state", state);
            }
            Redirect::to(back.as_str()).into_response()
        }
        None => "signed out".into_response(),
    }
}
