//! One issuer: judges its tokens, and remembers those that are good.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::authn::authenticator::RejectReason;
use crate::authn::bearer::accepted::{Accepted, Fingerprint, VerifiedCache};
use crate::authn::bearer::claims::{Facts, Said};
use crate::authn::bearer::introspection::{Answer, Introspection};
use crate::authn::bearer::settings::IssuerSettings;
use crate::base::{Clock, IssuerId, Secret, Timestamp};
use crate::crypto::{
    JwsFault, KeyFault as WeakKey, KeySet, Unverified, Verified, VerifyAlgorithm, VerifyingKey,
    numeric_date,
};
use crate::identity::Strength;
use crate::oidc::{KeyFault, KeySource, RemoteKeys};

/// A configured issuer of access tokens.
#[derive(Debug)]
pub struct Issuer {
    settings: IssuerSettings,
    source: TokenSource,
    clock: Arc<dyn Clock>,
    verified: VerifiedCache,
}

/// How an issuer's tokens are judged.
#[derive(Debug)]
pub enum TokenSource {
    /// By the issuer itself.
    Introspection(Box<Introspection>),
    /// With keys that are there.
    Keys(KeySet),
    /// With keys that are fetched.
    Remote(Arc<RemoteKeys>),
    /// With a secret that the issuer and we share.
    Shared(SharedSecret),
}

/// The one key of an issuer that signs with a secret, whatever a token calls it.
#[derive(Debug)]
pub struct SharedSecret(Arc<VerifyingKey>);

impl SharedSecret {
    /// The secret, which is long enough for each of the algorithms.
    ///
    /// # Errors
    /// It is too short for one of them, or one of them is for public keys: whoever knows those could
    /// forge tokens then.
    pub fn new(secret: &Secret<Vec<u8>>, algorithms: &[VerifyAlgorithm]) -> Result<Self, WeakKey> {
        let key = VerifyingKey::shared(secret)?;
        let fits = algorithms.iter().all(|algorithm| key.permits(*algorithm));
        if fits { Ok(Self(Arc::new(key))) } else { Err(WeakKey::Weak) }
    }
}

#[async_trait]
impl KeySource for SharedSecret {
    async fn find(
        &self,
        _: Option<&str>,
        algorithm: VerifyAlgorithm,
    ) -> Result<Arc<VerifyingKey>, KeyFault> {
        let fits = self.0.permits(algorithm);
        fits.then(|| Arc::clone(&self.0)).ok_or(KeyFault::Unknown)
    }

    fn known(&self, _: Option<&str>, algorithm: VerifyAlgorithm) -> Option<Arc<VerifyingKey>> {
        self.0.permits(algorithm).then(|| Arc::clone(&self.0))
    }

    fn generation(&self) -> Option<u64> {
        Some(0)
    }
}

/// Why a token opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authn) enum Denial {
    /// It is bad.
    Reject(RejectReason),
    /// Nobody can say just now; the cause is for the log.
    Unavailable(String),
}

/// Time between two refreshes of the keys: how long a withdrawn key is still believed.
const REFRESH: Duration = Duration::from_secs(10 * 60);
/// Time between two attempts while the issuer does not answer.
const RETRY: Duration = Duration::from_secs(5);

impl Issuer {
    /// An issuer; nothing is fetched yet.
    pub fn new(settings: IssuerSettings, source: TokenSource, clock: Arc<dyn Clock>) -> Self {
        let verified = VerifiedCache::new(match &source {
            TokenSource::Introspection(introspection) if !introspection.remembers() => 0,
            _ => settings.verified_cache,
        });
        Self { settings, source, clock, verified }
    }

    /// Its name in the configuration.
    pub const fn id(&self) -> &IssuerId {
        &self.settings.id
    }

    /// Its settings.
    pub const fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// Whether its tokens can be judged right now, as far as is known.
    pub fn is_ready(&self) -> bool {
        match &self.source {
            TokenSource::Introspection(_) | TokenSource::Shared(_) => true,
            TokenSource::Keys(keys) => !keys.is_empty(),
            TokenSource::Remote(keys) => keys.is_ready(),
        }
    }

    /// Keeps the keys fresh, until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let TokenSource::Remote(keys) = &self.source else { return };
        tokio::pin!(shutdown);
        loop {
            let pause = match keys.refresh().await {
                Ok(()) => REFRESH,
                Err(cause) => {
                    tracing::warn!(issuer = %self.settings.id, %cause, "fetching keys failed");
                    RETRY
                }
            };
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Whether the issuer is asked about its tokens.
    pub(super) const fn is_asked(&self) -> bool {
        matches!(self.source, TokenSource::Introspection(_))
    }

    /// Whether its tokens are signed with a shared secret.
    pub(super) const fn has_secret(&self) -> bool {
        matches!(self.source, TokenSource::Shared(_))
    }

    /// Whether good tokens are remembered.
    pub(super) const fn remembers(&self) -> bool {
        self.verified.is_on()
    }

    /// What is remembered of a token, where that still counts.
    pub(super) fn known(&self, token: &Fingerprint, now: Timestamp) -> Option<Arc<Accepted>> {
        self.verified.find(token, now, self.generation()?)
    }

    /// The time by which its tokens are judged.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Verifies a signed token. The signature comes first: an expired forgery is a forgery.
    pub(super) async fn verify(&self, token: Unverified<'_>) -> Result<Arc<Accepted>, Denial> {
        let keys = self.keys().ok_or(RejectReason::Issuer)?;
        let generation = generation_before(keys);
        let judged = self.settings.verify(token, keys, &*self.clock).await?;
        Ok(self.believed(judged, generation))
    }

    /// What [`verify`](Self::verify) would say, where the key is in memory; `None` where it has to be
    /// fetched, or somebody is asked.
    pub(super) fn verify_now(
        &self,
        token: Unverified<'_>,
    ) -> Option<Result<Arc<Accepted>, Denial>> {
        let keys = self.keys()?;
        let generation = generation_before(keys);
        let judged = self.settings.verify_now(token, keys, &*self.clock)?;
        Some(judged.map(|judged| self.believed(judged, generation)))
    }

    fn keys(&self) -> Option<&dyn KeySource> {
        match &self.source {
            TokenSource::Introspection(_) => None,
            TokenSource::Keys(keys) => Some(keys),
            TokenSource::Remote(keys) => Some(&**keys),
            TokenSource::Shared(secret) => Some(secret),
        }
    }

    fn believed(&self, (verified, facts): (Verified, Facts), generation: u64) -> Arc<Accepted> {
        let until = facts.expires.unwrap_or_else(|| self.clock.now());
        self.accepted(facts, verified.claims(), (until, generation))
    }

    /// Asks the issuer about a token.
    pub(super) async fn ask(
        &self,
        token: &str,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<Accepted>, Denial> {
        let TokenSource::Introspection(introspection) = &self.source else {
            return Err(Denial::Reject(RejectReason::Malformed));
        };
        let asking = async {
            // One question for many requests with one token, where the answer is remembered.
            let _turn = match self.verified.is_on() {
                true => Some(introspection.turn(fingerprint).await),
                false => None,
            };
            match self.known(fingerprint, self.clock.now()) {
                Some(known) => Ok(known),
                None => self.learn(introspection, token, fingerprint).await,
            }
        };
        // Waiting for the turn is in it too: a crowd must not queue up before a silent issuer.
        introspection.in_time(asking).await.unwrap_or_else(|late| Err(Denial::Unavailable(late)))
    }

    async fn learn(
        &self,
        introspection: &Introspection,
        token: &str,
        fingerprint: &Fingerprint,
    ) -> Result<Arc<Accepted>, Denial> {
        let claims = match introspection.ask(token).await.map_err(Denial::Unavailable)? {
            Answer::Active(claims) => claims,
            Answer::Inactive => return Err(Denial::Reject(RejectReason::Unknown)),
        };
        let now = self.clock.now();
        let facts = self.settings.check(&claims, Said::ByIssuer, now)?;
        let until = now.after(introspection.counts_for());
        let until = facts.expires.map_or(until, |expires| expires.min(until));
        let accepted = self.accepted(facts, &claims, (until, 0));
        self.verified.remember(*fingerprint, &accepted, now);
        Ok(accepted)
    }

    /// Remembers a verified token.
    pub(super) fn remember(&self, token: Fingerprint, accepted: &Arc<Accepted>) {
        self.verified.remember(token, accepted, self.clock.now());
    }

    fn accepted(
        &self,
        facts: Facts,
        claims: &serde_json::Map<String, serde_json::Value>,
        (until, generation): (Timestamp, u64),
    ) -> Arc<Accepted> {
        let settings = &self.settings;
        let principal = settings.claims.principal(&settings.issuer, facts.subject, claims);
        Arc::new(Accepted {
            principal: Arc::new(principal),
            strength: Arc::new(strength(claims)),
            scopes: facts.scopes.into(),
            expires: facts.expires,
            from: facts.begins.unwrap_or_default(),
            until,
            generation,
        })
    }

    fn generation(&self) -> Option<u64> {
        match self.keys() {
            None => Some(0),
            Some(keys) => keys.generation(),
        }
    }
}

/// RFC 9068 section 2.2.1: what an issuer says of the sign-in behind a token.
fn strength(claims: &serde_json::Map<String, serde_json::Value>) -> Strength {
    let acr = claims.get("acr").and_then(serde_json::Value::as_str);
    let auth_time = claims.get("auth_time").and_then(numeric_date);
    let acrs = claims.get("acrs").and_then(serde_json::Value::as_array);
    let acrs = acrs.into_iter().flatten().filter_map(serde_json::Value::as_str);
    let acrs = acrs.map(str::to_owned).collect();
    Strength { auth_time, acr: acr.map(Into::into), acrs }
}

/// To be asked before the look-up: keys that come meanwhile make the result old, never new. Of keys
/// that were not there yet nobody can say which ones they were: not remembered.
fn generation_before(keys: &dyn KeySource) -> u64 {
    keys.generation().unwrap_or(u64::MAX)
}

impl IssuerSettings {
    /// Verifies a signed token with `keys`, and all that the settings ask of it.
    pub(in crate::authn) async fn verify(
        &self,
        token: Unverified<'_>,
        keys: &dyn KeySource,
        clock: &dyn Clock,
    ) -> Result<(Verified, Facts), Denial> {
        self.takes_algorithm(&token)?;
        let key = keys.find(token.kid(), token.algorithm()).await?;
        self.judge(token, &key, clock.now())
    }

    /// What [`verify`](Self::verify) would say, where the key is in memory.
    fn verify_now(
        &self,
        token: Unverified<'_>,
        keys: &dyn KeySource,
        clock: &dyn Clock,
    ) -> Option<Result<(Verified, Facts), Denial>> {
        if let Err(denial) = self.takes_algorithm(&token) {
            return Some(Err(denial));
        }
        let key = keys.known(token.kid(), token.algorithm())?;
        Some(self.judge(token, &key, clock.now()))
    }

    /// Before a key is looked for: no token makes us fetch what it could not be verified with.
    fn takes_algorithm(&self, token: &Unverified<'_>) -> Result<(), Denial> {
        let takes = self.algorithms.contains(&token.algorithm());
        if takes { Ok(()) } else { Err(Denial::Reject(RejectReason::Algorithm)) }
    }

    fn judge(
        &self,
        token: Unverified<'_>,
        key: &VerifyingKey,
        now: Timestamp,
    ) -> Result<(Verified, Facts), Denial> {
        let verified = token.verify(key)?;
        if !self.takes_typ(verified.typ()) {
            return Err(Denial::Reject(RejectReason::Type));
        }
        let facts = self.check(verified.claims(), Said::BySignature, now)?;
        Ok((verified, facts))
    }
}

impl From<RejectReason> for Denial {
    fn from(reason: RejectReason) -> Self {
        Self::Reject(reason)
    }
}

impl From<KeyFault> for Denial {
    fn from(fault: KeyFault) -> Self {
        match fault {
            KeyFault::Unavailable(cause) => Self::Unavailable(cause),
            KeyFault::Unknown => Self::Reject(RejectReason::UnknownKey),
        }
    }
}

impl From<JwsFault> for Denial {
    fn from(fault: JwsFault) -> Self {
        Self::Reject(match fault {
            JwsFault::Algorithm(_) => RejectReason::Algorithm,
            JwsFault::Claims => RejectReason::Claims,
            JwsFault::Signature => RejectReason::Signature,
            JwsFault::UnknownKey => RejectReason::UnknownKey,
            JwsFault::Extension(_)
            | JwsFault::Header
            | JwsFault::NotCompact
            | JwsFault::TooLarge => RejectReason::Malformed,
        })
    }
}
