//! Public keys by name: fetched rarely, however many names strangers make up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::Mutex;
use url::Url;

use crate::base::Clock;
use crate::crypto::{KeySet, VerifyAlgorithm, VerifyingKey};
use crate::oidc::discovery::{Discovery, get_json};
use crate::oidc::issuer_metadata::IssuerMetadata;
use crate::web::Fetch;

/// Where public keys come from.
#[async_trait]
pub trait KeySource: Send + Sync + std::fmt::Debug {
    /// The one key of that name that suits `algorithm`; without a name, the only one that suits.
    ///
    /// # Errors
    /// [`KeyFault`]: "there is no such key" and "cannot tell now" are never confused.
    async fn find(
        &self,
        kid: Option<&str>,
        algorithm: VerifyAlgorithm,
    ) -> Result<Arc<VerifyingKey>, KeyFault>;

    /// What [`find`](Self::find) finds without fetching or waiting; `None` where it would have to.
    fn known(&self, kid: Option<&str>, algorithm: VerifyAlgorithm) -> Option<Arc<VerifyingKey>>;

    /// Which keys these are: another number after each change, `None` while there are none that may
    /// be used. What was verified under another number is to be verified again.
    fn generation(&self) -> Option<u64>;
}

/// Why there is no key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeyFault {
    /// The keys cannot be fetched, and there are none that may still be used.
    #[error("the keys are unavailable: {0}")]
    Unavailable(String),
    /// There is no such key, or more than one.
    #[error("there is no single key of that name and algorithm")]
    Unknown,
}

/// Keys of a JWKS document on the net.
#[derive(Debug)]
pub struct RemoteKeys {
    location: JwksLocation,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    snapshot: ArcSwapOption<Snapshot>,
    flight: Mutex<Flight>,
    stale_bound: Duration,
}

/// Where the JWKS document is.
#[derive(Clone, Debug)]
pub enum JwksLocation {
    /// Where the provider's metadata says.
    Discovered(Arc<Discovery>),
    /// At a configured address.
    Fixed(Url),
    /// Where the metadata of an issuer of access tokens say.
    OfIssuer(IssuerMetadata),
}

#[derive(Debug)]
struct Snapshot {
    keys: KeySet,
    fetched: Instant,
    /// The document, to see whether the next one says anything new.
    document: Bytes,
    generation: u64,
}

/// Whoever holds it may fetch; the others wait and use the result.
#[derive(Debug, Default)]
struct Flight {
    for_unknown: Option<Instant>,
    failed: Option<(Instant, String)>,
}

#[async_trait]
impl KeySource for KeySet {
    async fn find(
        &self,
        kid: Option<&str>,
        algorithm: VerifyAlgorithm,
    ) -> Result<Arc<VerifyingKey>, KeyFault> {
        self.known(kid, algorithm).ok_or(KeyFault::Unknown)
    }

    fn known(&self, kid: Option<&str>, algorithm: VerifyAlgorithm) -> Option<Arc<VerifyingKey>> {
        Self::find(self, kid, algorithm).cloned()
    }

    /// Keys that do not change.
    fn generation(&self) -> Option<u64> {
        Some(0)
    }
}

impl RemoteKeys {
    /// Time between two fetches that unknown names may cause. A key that was rotated in just before
    /// it was used is found; a flood of made-up names is answered from memory.
    pub const UNKNOWN_INTERVAL: Duration = Duration::from_secs(10);
    /// Time between two fetches when there are no keys and the last fetch failed.
    pub const FAILURE_INTERVAL: Duration = Duration::from_secs(1);
    /// How long keys may be used while they cannot be fetched again: a night's outage is survived,
    /// a withdrawn key is not used for ever.
    pub const STALE_BOUND: Duration = Duration::from_secs(24 * 60 * 60);

    /// Keys at `location`; nothing is fetched yet.
    pub fn new(location: JwksLocation, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            location,
            fetch,
            clock,
            snapshot: ArcSwapOption::empty(),
            flight: Mutex::default(),
            stale_bound: Self::STALE_BOUND,
        }
    }

    /// With another bound than [`Self::STALE_BOUND`].
    #[must_use]
    pub const fn stale_for(mut self, bound: Duration) -> Self {
        self.stale_bound = bound;
        self
    }

    /// Fetches the keys anew, on a timer: so that withdrawn keys go.
    ///
    /// # Errors
    /// [`KeyFault::Unavailable`]; the keys stay as they are.
    pub async fn refresh(&self) -> Result<(), KeyFault> {
        let asked = self.clock.instant();
        let mut flight = self.flight.lock().await;
        // Somebody who needed a key has fetched them while this waited.
        if self.usable().is_some_and(|snapshot| snapshot.fetched > asked) {
            return Ok(());
        }
        self.load(&mut flight).await.map(drop)
    }

    /// Whether there are keys that may be used.
    pub fn is_ready(&self) -> bool {
        self.usable().is_some()
    }

    fn usable(&self) -> Option<Arc<Snapshot>> {
        let now = self.clock.instant();
        self.snapshot
            .load_full()
            .filter(|snapshot| now.saturating_duration_since(snapshot.fetched) <= self.stale_bound)
    }

    async fn load(&self, flight: &mut Flight) -> Result<Arc<Snapshot>, KeyFault> {
        match self.get().await {
            Ok((keys, document)) => {
                let generation = match self.snapshot.load_full() {
                    None => 0,
                    Some(old) if old.document == document => old.generation,
                    Some(old) => old.generation.wrapping_add(1),
                };
                let fetched = self.clock.instant();
                let snapshot = Arc::new(Snapshot { keys, fetched, document, generation });
                self.snapshot.store(Some(Arc::clone(&snapshot)));
                flight.failed = None;
                Ok(snapshot)
            }
            Err(cause) => {
                flight.failed = Some((self.clock.instant(), cause.clone()));
                Err(KeyFault::Unavailable(cause))
            }
        }
    }

    async fn get(&self) -> Result<(KeySet, Bytes), String> {
        let url = match &self.location {
            JwksLocation::Discovered(discovery) => discovery.current().await?.jwks_uri.clone(),
            JwksLocation::Fixed(url) => url.clone(),
            JwksLocation::OfIssuer(metadata) => metadata.jwks_uri(&*self.fetch).await?,
        };
        let document = get_json(&*self.fetch, url.as_str()).await?;
        let keys = KeySet::admit(&document).map_err(|fault| format!("{url}: {fault}"))?;
        if keys.is_empty() {
            return Err(format!("{url} holds no admissible key"));
        }
        Ok((keys, document))
    }
}

#[async_trait]
impl KeySource for RemoteKeys {
    async fn find(
        &self,
        kid: Option<&str>,
        algorithm: VerifyAlgorithm,
    ) -> Result<Arc<VerifyingKey>, KeyFault> {
        if let Some(key) = self.known(kid, algorithm) {
            return Ok(key);
        }
        let mut flight = self.flight.lock().await;
        if let Some(key) = self.known(kid, algorithm) {
            return Ok(key);
        }
        let now = self.clock.instant();
        let within = |moment: Instant, span| now.saturating_duration_since(moment) < span;
        if self.is_ready() {
            if flight.for_unknown.is_some_and(|last| within(last, Self::UNKNOWN_INTERVAL)) {
                // While the issuer is down nobody can say that it has no such key.
                return Err(match &flight.failed {
                    Some((_, cause)) => KeyFault::Unavailable(cause.clone()),
                    None => KeyFault::Unknown,
                });
            }
            // Noted before the fetch, so that a failing one counts as well.
            flight.for_unknown = Some(now);
        } else if let Some((last, cause)) = &flight.failed
            && within(*last, Self::FAILURE_INTERVAL)
        {
            return Err(KeyFault::Unavailable(cause.clone()));
        }
        let snapshot = self.load(&mut flight).await?;
        snapshot.keys.find(kid, algorithm).cloned().ok_or(KeyFault::Unknown)
    }

    fn known(&self, kid: Option<&str>, algorithm: VerifyAlgorithm) -> Option<Arc<VerifyingKey>> {
        self.usable()?.keys.find(kid, algorithm).cloned()
    }

    fn generation(&self) -> Option<u64> {
        self.usable().map(|snapshot| snapshot.generation)
    }
}

#[cfg(test)]
mod tests;
