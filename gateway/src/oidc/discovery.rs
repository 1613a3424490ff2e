//! The provider's metadata: fetched when first needed, kept through outages.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::base::{Clock, lock};
use crate::crypto::{VerifyAlgorithm, strict_json};
use crate::oidc::github;
use crate::oidc::settings::{Protocol, ProviderSettings};
use crate::web::Fetch;
use crate::web::fetch::is_loopback_host;

/// The metadata of one provider.
#[derive(Debug)]
pub struct Discovery {
    issuer: String,
    place: String,
    /// Of a provider that publishes none.
    fixed: bool,
    insecure_http: bool,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    ready: ArcSwapOption<Metadata>,
    failure: Mutex<Option<Failure>>,
    /// When the provider answered last.
    heard: Mutex<Option<Instant>>,
    flight: tokio::sync::Mutex<()>,
}

/// What is known of the provider.
#[derive(Clone, Debug)]
pub enum DiscoveryState {
    /// The last attempt failed, and none succeeded before.
    Failed {
        /// Why.
        cause: String,
    },
    /// Nobody has asked yet.
    Pending,
    /// The metadata is there.
    Ready(Arc<Metadata>),
}

/// The part of the provider's metadata that is used.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    /// The issuer, equal to the configured one.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: Url,
    /// Where codes become tokens.
    pub token_endpoint: Url,
    /// Where the keys are.
    pub jwks_uri: Url,
    /// Where further claims are.
    pub userinfo_endpoint: Option<Url>,
    /// Where people sign out.
    pub end_session_endpoint: Option<Url>,
    /// Where tokens are handed back (RFC 7009).
    pub revocation_endpoint: Option<Url>,
    /// How clients may prove themselves there; as at the token endpoint when it does not say.
    #[serde(default)]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// Whether it says to clients that somebody signed out, by a request of its own.
    #[serde(default)]
    pub backchannel_logout_supported: bool,
    /// Whether it says so through the browser.
    #[serde(default)]
    pub frontchannel_logout_supported: bool,
    /// How clients may prove themselves; `client_secret_basic` when it does not say.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of `id_token`s.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// Whether callbacks carry `iss` (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

#[derive(Clone, Debug)]
struct Failure {
    cause: String,
    at: Instant,
    times: u32,
}

/// The longest wait after a failure: how long people may still be turned away once the provider is
/// back, and how little a provider that is down hears from us.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// So long after its last answer a provider is taken to be there.
const RECENT: Duration = Duration::from_secs(30);

impl Discovery {
    /// Metadata of the provider of `settings`; nothing is fetched yet.
    pub fn new(settings: &ProviderSettings, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        let place = settings.discovery.as_ref().map_or(settings.issuer.as_str(), Url::as_str);
        let known = match settings.protocol {
            Protocol::Github(_) => github::metadata(&settings.issuer).map(Arc::new),
            Protocol::OpenIdConnect => None,
        };
        Self {
            issuer: settings.issuer.clone(),
            place: place.trim_end_matches('/').to_owned(),
            fixed: known.is_some(),
            insecure_http: settings.insecure_http,
            fetch,
            clock,
            ready: ArcSwapOption::new(known),
            failure: Mutex::new(None),
            heard: Mutex::new(None),
            flight: tokio::sync::Mutex::new(()),
        }
    }

    /// The metadata, fetched now if it never was. After a failure the next attempt waits for 1, 2,
    /// 4 … 10 s; until then the failure is the answer.
    ///
    /// # Errors
    /// The cause, for the log.
    pub async fn current(&self) -> Result<Arc<Metadata>, String> {
        if let Some(metadata) = self.ready.load_full() {
            return Ok(metadata);
        }
        let _flight = self.flight.lock().await;
        if let Some(metadata) = self.ready.load_full() {
            return Ok(metadata);
        }
        self.attempt_in_time().await
    }

    /// The metadata, before somebody is sent to the provider: asked for again where the last answer is
    /// old. Whoever were sent to one that is away would see their browser's error, and none of our pages.
    ///
    /// # Errors
    /// The cause, for the log.
    pub async fn answering(&self) -> Result<Arc<Metadata>, String> {
        let recent = || {
            let heard = *lock(&self.heard);
            heard.is_some_and(|heard| self.clock.instant() < heard + RECENT)
        };
        if self.fixed || recent() {
            return self.current().await;
        }
        let _flight = self.flight.lock().await;
        // Whoever was before us in the queue has asked for us too.
        if recent() {
            return self.ready.load_full().ok_or_else(|| "its metadata are not there".to_owned());
        }
        self.attempt_in_time().await
    }

    /// Fetches again. A failure leaves the metadata as they are.
    ///
    /// # Errors
    /// The cause, for the log.
    pub async fn refresh(&self) -> Result<Arc<Metadata>, String> {
        if let Some(metadata) = self.ready.load_full().filter(|_| self.fixed) {
            return Ok(metadata);
        }
        let _flight = self.flight.lock().await;
        self.attempt().await
    }

    /// What is known right now.
    pub fn state(&self) -> DiscoveryState {
        match (self.ready.load_full(), self.failed()) {
            (Some(metadata), _) => DiscoveryState::Ready(metadata),
            (None, Some(Failure { cause, .. })) => DiscoveryState::Failed { cause },
            (None, None) => DiscoveryState::Pending,
        }
    }

    /// How long to wait before the next attempt of one's own accord.
    pub(super) fn patience(&self) -> Duration {
        self.failed().map_or(Duration::ZERO, |failure| wait(failure.times))
    }

    /// An attempt, unless the last one failed a moment ago.
    async fn attempt_in_time(&self) -> Result<Arc<Metadata>, String> {
        if let Some(failure) = self.failed()
            && self.clock.instant() < failure.at + wait(failure.times)
        {
            return Err(failure.cause);
        }
        self.attempt().await
    }

    async fn attempt(&self) -> Result<Arc<Metadata>, String> {
        let outcome = self.get().await;
        let mut failure = lock(&self.failure);
        match outcome {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                self.ready.store(Some(Arc::clone(&metadata)));
                *failure = None;
                *lock(&self.heard) = Some(self.clock.instant());
                Ok(metadata)
            }
            Err(cause) => {
                let times = failure.as_ref().map_or(0, |failure| failure.times).saturating_add(1);
                *failure = Some(Failure { cause: cause.clone(), at: self.clock.instant(), times });
                Err(cause)
            }
        }
    }

    async fn get(&self) -> Result<Metadata, String> {
        let url = format!("{}/.well-known/openid-configuration", self.place);
        let document = strict_json::object(&get_json(&*self.fetch, &url).await?)
            .map_err(|cause| format!("{url} did not answer with a JSON object: {cause}"))?;
        let metadata = Metadata::deserialize(Value::Object(document))
            .map_err(|cause| format!("the discovery document cannot be used: {cause}"))?;
        if metadata.issuer != self.issuer {
            return Err(format!(
                "the discovery document is of the issuer {:?}; configure the issuer exactly so, \
                 if it is the one you mean",
                metadata.issuer
            ));
        }
        if let Some(url) = metadata.endpoints().find(|url| !self.allows(url)) {
            return Err(format!("the discovery document names {url}, which is not https"));
        }
        Ok(metadata)
    }

    fn allows(&self, url: &Url) -> bool {
        let plain = url.scheme() == "http" && self.insecure_http && is_loopback_host(url);
        url.has_host() && (url.scheme() == "https" || plain)
    }

    fn failed(&self) -> Option<Failure> {
        lock(&self.failure).clone()
    }
}

impl Metadata {
    /// The algorithms that both sides allow. OpenID Connect Core: a provider that does not say
    /// signs with RS256.
    pub fn algorithms(&self) -> Vec<VerifyAlgorithm> {
        if self.id_token_signing_alg_values_supported.is_empty() {
            return vec![VerifyAlgorithm::Rs256];
        }
        let offered = &self.id_token_signing_alg_values_supported;
        VerifyAlgorithm::ALL
            .into_iter()
            .filter(|ours| offered.iter().any(|name| name == ours.as_str()))
            .collect()
    }

    fn endpoints(&self) -> impl Iterator<Item = &Url> {
        [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri]
            .into_iter()
            .chain(&self.userinfo_endpoint)
            .chain(&self.end_session_endpoint)
            .chain(&self.revocation_endpoint)
    }
}

impl fmt::Display for DiscoveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { cause } => write!(f, "unavailable: {cause}"),
            Self::Pending => f.write_str("not asked yet"),
            Self::Ready(_) => f.write_str("ready"),
        }
    }
}

/// Fetches what should be JSON.
pub(super) async fn get_json(fetch: &dyn Fetch, url: &str) -> Result<Bytes, String> {
    let request = http::Request::get(url)
        .header(http::header::ACCEPT, "application/json")
        .body(Bytes::new())
        .map_err(|cause| format!("{url} is not a URL: {cause}"))?;
    let answer = fetch.send(request).await.map_err(|error| error.to_string())?;
    if answer.status() != http::StatusCode::OK {
        return Err(format!("{url} answered with {}", answer.status()));
    }
    Ok(answer.into_body())
}

fn wait(times: u32) -> Duration {
    let doubled = Duration::from_secs(1).saturating_mul(1 << times.saturating_sub(1).min(8));
    doubled.min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests;
