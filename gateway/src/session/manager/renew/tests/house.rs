//! A manager with a provider that a test commands.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::*;
use crate::base::{Clock, Entropy, ManualClock, SeededEntropy};
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::{Principal, WayIn};
use crate::session::renewal::{Described, Granted};
use crate::session::{Lifetimes, LiveStreams, NewSession, SessionSettings};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const SETTINGS: RenewalSettings = RenewalSettings {
    ahead: MINUTE,
    every: Duration::from_secs(3_600),
    grace: Duration::from_secs(1_200),
    active_within: Duration::from_secs(900),
};
/// Access tokens live so long.
pub(super) const LIFE: Duration = Duration::from_secs(300);

/// A provider that rotates refresh tokens, and ends the grant when an old one is used.
#[derive(Debug)]
pub(super) struct Idp {
    pub(super) clock: Arc<ManualClock>,
    pub(super) calls: AtomicUsize,
    pub(super) mood: Mutex<Option<FaultClass>>,
    pub(super) describes: Mutex<Option<FaultClass>>,
    pub(super) groups: Mutex<Vec<String>>,
    /// Its own name for the session, in each new `id_token`.
    pub(super) sid: Mutex<Option<String>>,
    /// The number of the token that counts, of each session.
    pub(super) counts: Mutex<HashMap<SessionKey, usize>>,
    /// Answers wait for a permit each, where there are gates.
    pub(super) gates: Option<Semaphore>,
    pub(super) asked: Semaphore,
    pub(super) told: Mutex<Vec<Result<Renewed, FaultClass>>>,
}

#[async_trait]
impl Renewer for Idp {
    async fn grant(
        &self,
        session: &Session,
        tokens: &ProviderTokens,
    ) -> Result<Granted, RenewalFault> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.asked.add_permits(1);
        tokio::task::yield_now().await;
        if let Some(gates) = &self.gates {
            gates.acquire().await.unwrap().forget();
        }
        fail(*self.mood.lock().unwrap())?;
        let number: usize = tokens.refresh_token.as_ref().unwrap().expose().parse().unwrap();
        let mut counts = self.counts.lock().unwrap();
        let current = counts.entry(session.key).or_insert(1);
        if *current != number {
            *current = usize::MAX;
            fail(Some(FaultClass::Definitive))?;
        }
        *current += 1;
        let tokens = ProviderTokens {
            refresh_token: Some(current.to_string().as_str().into()),
            access_expires: Some(self.clock.now().after(LIFE)),
            ..tokens.clone()
        };
        Ok(Granted { tokens, unverified: None })
    }

    async fn describe(
        &self,
        session: &Session,
        _: &ProviderTokens,
        granted: Granted,
    ) -> Result<Described, RenewalFault> {
        fail(*self.describes.lock().unwrap())?;
        let mut principal = Principal::clone(&session.principal);
        principal.groups.clone_from(&self.groups.lock().unwrap());
        let provider_sid = self.sid.lock().unwrap().clone();
        Ok(Described { principal, tokens: ProviderTokens { provider_sid, ..granted.tokens } })
    }

    fn report(&self, _: &Session, outcome: Result<Renewed, &RenewalFault>) {
        self.told.lock().unwrap().push(outcome.map_err(|fault| fault.class));
    }
}

fn fail(mood: Option<FaultClass>) -> Result<(), RenewalFault> {
    let fault = |class| RenewalFault { class, cause: "the test wants it".to_owned() };
    mood.map_or(Ok(()), |class| Err(fault(class)))
}

pub(super) struct House {
    pub(super) manager: Arc<SessionManager>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) keys: Arc<SealingKeys>,
    pub(super) idp: Arc<Idp>,
}

impl House {
    pub(super) fn new() -> Self {
        Self::gated(None)
    }

    pub(super) fn gated(gates: Option<Semaphore>) -> Self {
        Self::over(Arc::new(MemoryStore::new(10_000)), gates)
    }

    pub(super) fn over(store: Arc<dyn SessionStore>, gates: Option<Semaphore>) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000_000)));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(5));
        let keys = Arc::new(SealingKeys::in_memory(&SeededEntropy::new(6)));
        let idp = Arc::new(Idp {
            clock: Arc::clone(&clock),
            calls: AtomicUsize::new(0),
            mood: Mutex::default(),
            describes: Mutex::default(),
            groups: Mutex::new(vec!["staff".to_owned(), "admin".to_owned()]),
            sid: Mutex::default(),
            counts: Mutex::default(),
            gates,
            asked: Semaphore::new(0),
            told: Mutex::default(),
        });
        let lifetimes = Lifetimes { idle: 600 * MINUTE, absolute: 1_200 * MINUTE };
        let manager = Arc::new(SessionManager::new(
            store,
            Sealer::new(Arc::clone(&keys), Arc::clone(&entropy)),
            Arc::new(LiveStreams::new(100)),
            Arc::clone(&clock) as Arc<dyn Clock>,
            entropy,
            SessionSettings { lifetimes, hot: 10_000 },
        ));
        manager.renew_by(Arc::clone(&idp) as Arc<dyn Renewer>, SETTINGS);
        Self { manager, clock, keys, idp }
    }

    pub(super) async fn sign_in_with(&self, refresh_token: Option<&str>) -> Handle {
        let mut principal = Principal::new("https://idp.test", "ann");
        principal.groups = vec!["staff".to_owned(), "admin".to_owned()];
        let new = NewSession {
            principal: Arc::new(principal),
            signed_in_by: WayIn::Oidc,
            provider: "corp".into(),
            auth_time: self.clock.now(),
            auth_time_stated: true,
            acr: Some("mfa".into()),
            amr: Arc::new([]),
            acrs: Arc::new([]),
            tokens: ProviderTokens {
                refresh_token: refresh_token.map(Into::into),
                provider_sid: self.idp.sid.lock().unwrap().clone(),
                access_expires: Some(self.clock.now().after(LIFE)),
                ..ProviderTokens::default()
            },
        };
        self.manager.start(new, None).await.unwrap().0
    }

    pub(super) async fn sign_in(&self) -> Handle {
        self.sign_in_with(Some("1")).await
    }

    pub(super) fn calls(&self) -> usize {
        self.idp.calls.load(Ordering::SeqCst)
    }

    pub(super) fn mood(&self, mood: Option<FaultClass>) {
        *self.idp.mood.lock().unwrap() = mood;
    }

    pub(super) async fn find(&self, handle: &Handle) -> Option<Arc<Session>> {
        self.manager.find(handle).await.unwrap()
    }

    /// A second of the gateway, with all that comes of it.
    pub(super) async fn tick(&self) {
        self.clock.advance(SECOND);
        self.manager.renew_due();
        self.settle().await;
    }

    pub(super) async fn settle(&self) {
        while self.manager.renewing() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
