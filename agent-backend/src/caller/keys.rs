//! The gateway's keys: discovered when first needed, kept, and refetched with restraint.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::Client;
use serde_json::Value;
use url::Url;

use crate::clock::Clock;
use crate::fetch::{FetchError, fetch_json, http_client};

/// The gateway's published keys.
#[derive(Debug)]
pub struct KeySource {
    issuer: String,
    issuer_url: Url,
    base: Option<Url>,
    client: Client,
    clock: Arc<dyn Clock>,
    cache: Mutex<Cache>,
    /// Held while fetching, so that a hundred requests with an unknown key cause one fetch.
    turn: tokio::sync::Mutex<()>,
}

/// A key together with the one algorithm it may be used with. The token's own `alg` chooses nothing:
/// an attacker writes that field.
#[derive(Clone, Debug)]
pub struct PinnedKey {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Discovery or key set cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The discovery document names another issuer or lies about where the keys are.
    #[error("the discovery document at {url} is not the gateway's: {what}")]
    Foreign {
        /// Where it was fetched.
        url: String,
        /// What does not fit.
        what: &'static str,
    },
    /// The last fetch failed a moment ago.
    #[error("the keys could not be fetched a moment ago; waiting before the next try")]
    Resting,
    /// The gateway has no such key.
    #[error("the gateway publishes no key {0:?}")]
    UnknownKey(String),
}

#[derive(Debug, Default)]
struct Cache {
    keys: HashMap<String, PinnedKey>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
    failed: bool,
}

/// A withdrawn key stops working after this long.
const FRESH: Duration = Duration::from_secs(300);
/// How long old keys bridge a gateway that does not answer.
const STALE: Duration = Duration::from_secs(3600);
/// Between two fetches for an unknown key: tokens with invented key ids must not make us flood the
/// gateway. The gateway publishes a key before it signs with it, so honest tokens do not wait.
const COOLDOWN: Duration = Duration::from_secs(10);
/// Between two tries when the gateway does not answer, so that it is found soon after it starts.
const COOLDOWN_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Longest wait for one document.
const TIMEOUT: Duration = Duration::from_secs(3);
/// More than any key rotation keeps.
const MOST_KEYS: usize = 32;

impl KeySource {
    /// Keys of `issuer`, fetched from `base` if the issuer's own address is not the one to ask.
    ///
    /// # Errors
    ///
    /// When the TLS set-up of this machine is unusable.
    pub fn new(
        issuer: &str,
        issuer_url: Url,
        base: Option<Url>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let client = http_client(base.as_ref().unwrap_or(&issuer_url), TIMEOUT)?;
        let (cache, turn) = Default::default();
        Ok(Self { issuer: issuer.to_owned(), issuer_url, base, client, clock, cache, turn })
    }

    /// The key with this id.
    ///
    /// # Errors
    ///
    /// [`KeysError::UnknownKey`] when the gateway answered and has no such key; the others when it
    /// could not be asked.
    pub async fn find(&self, kid: &str) -> Result<PinnedKey, KeysError> {
        let now = self.clock.instant();
        if let Some(key) = self.cached(kid, now, FRESH) {
            return Ok(key);
        }
        let _turn = self.turn.lock().await;
        // Someone may have fetched while we waited for the turn.
        if let Some(key) = self.cached(kid, now, FRESH) {
            return Ok(key);
        }
        let fetched = match self.resting(now) {
            Some(fault) => Err(fault(kid)),
            None => self.refetch(now).await,
        };
        match (self.cached(kid, now, STALE), fetched) {
            (Some(key), _) => Ok(key),
            (None, Ok(())) => Err(KeysError::UnknownKey(kid.to_owned())),
            (None, Err(fault)) => Err(fault),
        }
    }

    fn cached(&self, kid: &str, now: Instant, most: Duration) -> Option<PinnedKey> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_duration_since(cache.fetched?);
        (age < most).then(|| cache.keys.get(kid).cloned()).flatten()
    }

    /// Why nothing is fetched now, if the last fetch is too recent.
    fn resting(&self, now: Instant) -> Option<fn(&str) -> KeysError> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_duration_since(cache.tried?);
        let pause = if cache.failed { COOLDOWN_AFTER_FAILURE } else { COOLDOWN };
        (age < pause).then_some(if cache.failed {
            |_: &str| KeysError::Resting
        } else {
            |kid: &str| KeysError::UnknownKey(kid.to_owned())
        })
    }

    async fn refetch(&self, now: Instant) -> Result<(), KeysError> {
        let fetched = self.fetch().await;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.tried = Some(now);
        cache.failed = fetched.is_err();
        let keys = fetched?;
        tracing::info!(keys = keys.len(), issuer = %self.issuer, "fetched verification keys");
        cache.keys = keys;
        cache.fetched = Some(now);
        Ok(())
    }

    async fn fetch(&self) -> Result<HashMap<String, PinnedKey>, KeysError> {
        let base = self.base.as_ref().unwrap_or(&self.issuer_url);
        let url = under(base, "/.well-known/openid-configuration");
        let document = fetch_json(&self.client, &url).await?;
        let foreign = |what| KeysError::Foreign { url: url.to_string(), what };
        if document.get("issuer").and_then(Value::as_str) != Some(self.issuer.as_str()) {
            return Err(foreign("it names another issuer than --gateway"));
        }
        let keys = document.get("jwks_uri").and_then(Value::as_str).map(Url::parse);
        let Some(Ok(keys)) = keys else {
            return Err(foreign("it has no usable jwks_uri"));
        };
        // Keys from elsewhere would let whoever can edit one document choose the keys we trust.
        if keys.origin() != self.issuer_url.origin() {
            return Err(foreign("its jwks_uri is on another origin than the issuer"));
        }
        let keys = match &self.base {
            Some(base) => under(base, keys.path()),
            None => keys,
        };
        let set = fetch_json(&self.client, &keys).await?;
        let set = set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(set.into_iter().take(MOST_KEYS).filter_map(pinned).collect())
    }
}

/// A key we can use, with its algorithm; `None` for all others, which are skipped.
fn pinned(jwk: Value) -> Option<(String, PinnedKey)> {
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return None;
    }
    let stated = jwk.get("alg").and_then(Value::as_str).map(str::to_owned);
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        // A symmetric key in a public document is no secret.
        _ => return None,
    };
    if stated.is_some_and(|stated| stated != format!("{algorithm:?}")) {
        return None;
    }
    let kid = jwk.common.key_id.clone()?;
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((kid, PinnedKey { algorithm, key }))
}

fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}
