//! A provider that gives each refresh token once, and gateways that renew a session at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use shuttle::rand::{Rng as _, thread_rng};

use crate::base::Clock as _;
use crate::identity::Principal;
use crate::session::handle::Handle;
use crate::session::manager::SessionManager;
use crate::session::record::{ProviderTokens, Session};
use crate::session::renewal::{
    Described, FaultClass, Granted, RenewalFault, RenewalSettings, Renewed, Renewer,
};
use crate::session::schedules::world::{Ear, Shared, a_millisecond_passes, a_while, sign_in_with};

pub(super) const LIFE: Duration = Duration::from_secs(300);
pub(super) const SETTINGS: RenewalSettings = RenewalSettings {
    ahead: Duration::from_secs(60),
    every: Duration::from_secs(3_600),
    grace: Duration::from_secs(600),
    active_within: Duration::from_secs(900),
};

/// What it says to whoever shows a refresh token that was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manners {
    /// That the test has failed: it would end the person's grant.
    Revokes,
    /// That the token is not good.
    Refuses,
}

/// Counts its refresh tokens: the number of the last one is what it says of the person.
#[derive(Debug)]
pub(super) struct Provider {
    store: Arc<Shared>,
    manners: Manners,
    last: AtomicUsize,
    /// So many calls from now the leases are lost, while it is being asked; never at 0.
    loses_leases_in: AtomicUsize,
    /// It refused a token while the store had no other, and after a renewal that was told of.
    pub(super) refused_early: AtomicBool,
}

/// One gateway's way to the provider.
#[derive(Debug)]
pub(super) struct Client {
    provider: Arc<Provider>,
    described: AtomicUsize,
    /// What the gateway has renewed the session to.
    told: AtomicUsize,
}

/// One of the gateways.
pub(super) struct Gateway {
    pub(super) manager: Arc<SessionManager>,
    pub(super) client: Arc<Client>,
    /// What it hears of the others, where there are any.
    pub(super) ear: Option<Arc<Ear>>,
    follower: Option<JoinHandle<()>>,
}

/// Gateways that all know one session.
pub(super) struct Gateways {
    pub(super) store: Arc<Shared>,
    pub(super) provider: Arc<Provider>,
    pub(super) each: Vec<Gateway>,
    pub(super) handle: Handle,
}

impl Provider {
    /// The number of the refresh token that counts.
    pub(super) fn last(&self) -> usize {
        self.last.load(Ordering::SeqCst)
    }

    pub(super) fn lose_leases_in(&self, calls: usize) {
        self.loses_leases_in.store(calls, Ordering::SeqCst);
    }

    async fn think(&self) {
        a_while().await;
        let left = self.loses_leases_in.load(Ordering::SeqCst);
        self.loses_leases_in.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            self.store.lose_leases();
            // Long enough for another one to ask.
            for _ in 0..thread_rng().gen_range(0..200) {
                yield_now().await;
            }
        }
        a_while().await;
    }

    fn rotate(&self, shown: usize) -> Result<usize, RenewalFault> {
        let next = shown + 1;
        if self.last.compare_exchange(shown, next, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return Ok(next);
        }
        assert_ne!(self.manners, Manners::Revokes, "token {shown} was used before");
        // Each renewal is written twice, the tokens first.
        let is_stored = self.store.written() >= 2 * shown - 1;
        self.refused_early.fetch_or(!is_stored, Ordering::SeqCst);
        Err(RenewalFault { class: FaultClass::Definitive, cause: "used before".to_owned() })
    }
}

impl Client {
    pub(super) fn told(&self) -> usize {
        self.told.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Renewer for Client {
    async fn grant(&self, _: &Session, tokens: &ProviderTokens) -> Result<Granted, RenewalFault> {
        a_while().await;
        let number = self.provider.rotate(number_of(tokens))?;
        self.provider.think().await;
        Ok(Granted { tokens: numbered(&self.provider.store, number), unverified: None })
    }

    async fn describe(
        &self,
        _: &Session,
        _: &ProviderTokens,
        granted: Granted,
    ) -> Result<Described, RenewalFault> {
        self.provider.think().await;
        let number = number_of(&granted.tokens);
        self.described.store(number, Ordering::SeqCst);
        Ok(Described { principal: ann(number), tokens: granted.tokens })
    }

    fn report(&self, _: &Session, outcome: Result<Renewed, &RenewalFault>) {
        if outcome.is_ok() {
            self.told.fetch_max(self.described.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    }
}

impl Gateway {
    fn new(store: &Arc<Shared>, provider: &Arc<Provider>, is_alone: bool) -> Self {
        let (manager, ear) = match is_alone {
            true => (store.failing(0), None),
            false => {
                let (manager, ear) = store.replica();
                ear.horizon.raise();
                (manager, Some(ear))
            }
        };
        let provider = Arc::clone(provider);
        let (described, told) = Default::default();
        let client = Arc::new(Client { provider, described, told });
        manager.renew_by(Arc::clone(&client) as Arc<dyn Renewer>, SETTINGS);
        let following = Arc::clone(&manager);
        let follower = ear.is_some().then(|| spawn(async move { following.follow().await }));
        Self { manager, client, ear, follower }
    }
}

impl Gateways {
    pub(super) fn new(count: usize, manners: Manners) -> Self {
        let store = Shared::new();
        let provider = Arc::new(Provider {
            store: Arc::clone(&store),
            manners,
            last: AtomicUsize::new(1),
            loses_leases_in: AtomicUsize::new(0),
            refused_early: AtomicBool::new(false),
        });
        let each =
            (0..count).map(|_| Gateway::new(&store, &provider, count == 1)).collect::<Vec<_>>();
        a_millisecond_passes();
        let handle = block_on(sign_in_with(&each[0].manager, ann(1), numbered(&store, 1)));
        let it = Self { store, provider, each, handle };
        assert_eq!(it.versions(), vec![Some(1); count]);
        it
    }

    /// The session's tokens expire; in the end it must not be served without others.
    pub(super) fn expire(&self, late: bool) {
        let grace = if late { SETTINGS.grace } else { Duration::ZERO };
        self.store.clock.advance(LIFE + grace + Duration::from_secs(1));
    }

    /// One request.
    pub(super) fn ask(&self, at: usize) -> JoinHandle<Option<usize>> {
        let (manager, handle) = (Arc::clone(&self.each[at].manager), self.handle.clone());
        spawn(async move { manager.find(&handle).await.unwrap().as_deref().map(version_of) })
    }

    /// What the gateways say of the session; no use of it.
    pub(super) fn versions(&self) -> Vec<Option<usize>> {
        self.each.iter().map(|gateway| version(&gateway.manager, &self.handle)).collect()
    }

    /// What the store says of it, asked by a gateway that has just begun.
    pub(super) fn stored_version(&self) -> Option<usize> {
        version(&self.store.replica().0, &self.handle)
    }

    /// The number of the token in the store.
    pub(super) fn stored(&self) -> Option<usize> {
        let tokens = block_on(self.each[0].manager.tokens(&self.handle.key())).unwrap();
        tokens.as_ref().map(number_of)
    }

    /// Whatever is under way comes to its end.
    pub(super) fn settle(&self) {
        while self.each.iter().any(|gateway| gateway.manager.renewing() > 0) {
            block_on(yield_now());
        }
    }

    /// Whatever was told is heard.
    pub(super) fn hear_all(&mut self) {
        for gateway in &mut self.each {
            if let (Some(ear), Some(follower)) = (&gateway.ear, gateway.follower.take()) {
                ear.close();
                block_on(follower).unwrap();
            }
        }
        a_millisecond_passes();
    }
}

fn version(manager: &SessionManager, handle: &Handle) -> Option<usize> {
    block_on(manager.peek(handle)).unwrap().as_deref().map(version_of)
}

pub(super) fn version_of(session: &Session) -> usize {
    session.principal.groups[0].parse().unwrap()
}

fn number_of(tokens: &ProviderTokens) -> usize {
    tokens.refresh_token.as_ref().unwrap().expose().parse().unwrap()
}

fn numbered(store: &Shared, number: usize) -> ProviderTokens {
    ProviderTokens {
        refresh_token: Some(number.to_string().as_str().into()),
        access_expires: Some(store.clock.now().after(LIFE)),
        ..ProviderTokens::default()
    }
}

fn ann(version: usize) -> Principal {
    let mut ann = Principal::new("https://idp.test", "ann");
    ann.groups = vec![version.to_string()];
    ann
}
