//! Asking the issuer about a token (RFC 7662).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use url::{Url, form_urlencoded};

use crate::authn::bearer::accepted::Fingerprint;
use crate::base::Secret;
use crate::crypto::strict_json;
use crate::oidc::basic;
use crate::web::Fetch;

/// The introspection endpoint of one issuer.
#[derive(Debug)]
pub struct Introspection {
    url: Url,
    /// Marked sensitive.
    authorization: HeaderValue,
    fetch: Arc<dyn Fetch>,
    timeout: Duration,
    counts_for: Duration,
    turns: [Mutex<()>; TURNS],
    room: Semaphore,
}

/// What the issuer says.
#[derive(Debug)]
pub(super) enum Answer {
    /// The token is good; what it says.
    Active(Map<String, Value>),
    /// It is not; RFC 7662 wants no reason.
    Inactive,
}

/// Enough that two tokens rarely wait for each other.
const TURNS: usize = 64;
/// Questions at once. A flood of made-up tokens must not become a flood at the issuer.
const AT_ONCE: usize = 32;

impl Introspection {
    /// Asks at `url` as `client_id`; an answer counts for `counts_for`, and takes `timeout` at most.
    ///
    /// # Errors
    /// When id or secret make no header value; in words, for the operator.
    pub fn new(
        url: Url,
        (client_id, client_secret): (&str, &Secret<String>),
        fetch: Arc<dyn Fetch>,
        (counts_for, timeout): (Duration, Duration),
    ) -> Result<Self, String> {
        let mut authorization = HeaderValue::from_str(&basic(client_id, client_secret.expose()))
            .map_err(|cause| cause.to_string())?;
        authorization.set_sensitive(true);
        Ok(Self {
            url,
            authorization,
            fetch,
            timeout,
            counts_for,
            turns: std::array::from_fn(|_| Mutex::default()),
            room: Semaphore::new(AT_ONCE),
        })
    }

    /// How long an answer counts.
    pub(super) const fn counts_for(&self) -> Duration {
        self.counts_for
    }

    /// Whether answers count for longer than a moment.
    pub(super) const fn remembers(&self) -> bool {
        !self.counts_for.is_zero()
    }

    /// Waits for requests with the same token.
    pub(super) async fn turn(&self, token: &Fingerprint) -> Option<MutexGuard<'_, ()>> {
        let turn = self.turns.get(token.shard() % TURNS)?;
        Some(turn.lock().await)
    }

    /// Gives up when the time for an answer is over.
    ///
    /// # Errors
    /// The cause, for the log.
    pub(super) async fn in_time<T>(&self, asking: impl Future<Output = T>) -> Result<T, String> {
        let late = || format!("{} did not answer within {:?}", self.host(), self.timeout);
        tokio::time::timeout(self.timeout, asking).await.map_err(|_| late())
    }

    /// Asks about one token.
    ///
    /// # Errors
    /// When there is no answer that counts; the cause, for the log.
    pub(super) async fn ask(&self, token: &str) -> Result<Answer, String> {
        let _room = self.room.acquire().await.map_err(|cause| cause.to_string())?;
        let form: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let request = http::Request::post(self.url.as_str())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, self.authorization.clone())
            .body(Bytes::from(form))
            .map_err(|cause| cause.to_string())?;
        let answer = self.fetch.send(request).await.map_err(|fault| fault.to_string())?;
        match answer.status() {
            StatusCode::OK => {}
            // RFC 7662 section 2.3: it is we who are not believed, not the token.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(format!("{} refuses client_id and client_secret", self.host()));
            }
            status => return Err(format!("{} answered with {status}", self.host())),
        }
        let claims = strict_json::object(answer.body())
            .map_err(|cause| format!("{} did not answer with JSON: {cause}", self.host()))?;
        match claims.get("active") {
            Some(Value::Bool(true)) if is_bearer(&claims) => Ok(Answer::Active(claims)),
            Some(Value::Bool(_)) => Ok(Answer::Inactive),
            // Text or a number is not a truth value: "false" would be true somewhere.
            _ => Err(format!("{} does not say whether the token is active", self.host())),
        }
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

/// A refresh token, or one that needs a proof, is not to be taken as a plain access token.
fn is_bearer(claims: &Map<String, Value>) -> bool {
    match claims.get("token_type") {
        None => true,
        Some(kind) => kind.as_str().is_some_and(|kind| {
            kind.eq_ignore_ascii_case("bearer") || kind.eq_ignore_ascii_case("access_token")
        }),
    }
}
