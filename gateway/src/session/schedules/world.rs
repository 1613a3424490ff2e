//! A store that can be switched away from at each step, may fail, and may be one that others change too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shuttle::future::{block_on, yield_now};
use shuttle::rand::{Rng as _, thread_rng};
use tokio::sync::mpsc;
use tokio::time::advance;

use crate::base::schedule::point;
use crate::base::{Clock, Entropy, ManualClock, SeededEntropy, Timestamp};
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::{Principal, WayIn};
use crate::session::events::{EndCause, Ended};
use crate::session::handle::{Handle, SessionKey};
use crate::session::horizon::Horizon;
use crate::session::lifetime::Lifetimes;
use crate::session::live::LiveStreams;
use crate::session::manager::{SessionManager, SessionSettings};
use crate::session::memory::MemoryStore;
use crate::session::record::{NewSession, ProviderTokens};
use crate::session::shared::{Elsewhere, SharedStore, Vitals};
use crate::session::store::{IndexKey, SessionStore, StoreError, StoredSession};

/// What several processes share, and who of them hears of ends.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Arc<Ticking>,
    sessions: MemoryStore,
    ears: Mutex<Vec<Arc<Ear>>>,
    leases: Mutex<HashMap<SessionKey, [u8; 16]>>,
    /// So many replacements fail, each after it has been made or not.
    unwritten: AtomicUsize,
    /// How many replacements were made.
    written: AtomicUsize,
}

/// What one process hears of the ends of others.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// What is told now is lost.
    pub(super) deaf: AtomicBool,
    pub(super) horizon: Arc<Horizon>,
    mouth: Mutex<Option<mpsc::Sender<Elsewhere>>>,
    told: Mutex<Option<mpsc::Receiver<Elsewhere>>>,
}

/// One process's way to the sessions.
#[derive(Debug)]
pub(super) struct Restless {
    shared: Arc<Shared>,
    ear: Option<Arc<Ear>>,
    /// So many removals fail, each after it has been tried or not.
    failures: AtomicUsize,
}

/// Asking for the time is a step too.
#[derive(Debug)]
pub(super) struct Ticking(ManualClock);

/// The horizon counts milliseconds: they pass when the test says so.
pub(super) fn by_hand(run: impl Fn()) {
    let mut paused = tokio::runtime::Builder::new_current_thread();
    let runtime = paused.enable_time().start_paused(true).build().unwrap();
    let _inside = runtime.enter();
    run();
}

pub(super) fn a_millisecond_passes() {
    block_on(advance(Duration::from_millis(1)));
}

/// Others have a turn, or many.
pub(super) async fn a_while() {
    for _ in 0..thread_rng().gen_range(1..12) {
        yield_now().await;
    }
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Arc::new(Ticking(ManualClock::at(Timestamp::from_secs(1_000_000)))),
            sessions: MemoryStore::new(100),
            ears: Mutex::default(),
            leases: Mutex::default(),
            unwritten: AtomicUsize::default(),
            written: AtomicUsize::default(),
        })
    }

    pub(super) fn fail_writes(&self, times: usize) {
        self.unwritten.store(times, Ordering::SeqCst);
    }

    pub(super) fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }

    /// As by a failover to a server that has not heard of them.
    pub(super) fn lose_leases(&self) {
        self.leases.lock().unwrap().clear();
    }

    /// In one step with the change, as a script of the server's is. To all but one.
    fn tell(&self, news: Elsewhere, but: Option<&Arc<Ear>>) {
        for ear in self.ears.lock().unwrap().iter() {
            let mouth = ear.mouth.lock().unwrap();
            let own = but.is_some_and(|but| Arc::ptr_eq(but, ear));
            if let Some(mouth) = mouth.as_ref().filter(|_| !own && !ear.deaf.load(Ordering::SeqCst))
            {
                mouth.try_send(news).unwrap();
            }
        }
    }

    /// A process that is alone with the store, which cannot remove anything so many times.
    pub(super) fn failing(self: &Arc<Self>, failures: usize) -> Arc<SessionManager> {
        manager(Restless {
            shared: Arc::clone(self),
            ear: None,
            failures: AtomicUsize::new(failures),
        })
    }

    /// One process of several.
    pub(super) fn replica(self: &Arc<Self>) -> (Arc<SessionManager>, Arc<Ear>) {
        let (mouth, told) = mpsc::channel(100);
        let ear = Arc::new(Ear {
            mouth: Mutex::new(Some(mouth)),
            told: Mutex::new(Some(told)),
            ..Ear::default()
        });
        self.ears.lock().unwrap().push(Arc::clone(&ear));
        let store = Restless {
            shared: Arc::clone(self),
            ear: Some(Arc::clone(&ear)),
            failures: AtomicUsize::default(),
        };
        (manager(store), ear)
    }
}

impl Ear {
    /// Nothing is told any more; what was told is still heard.
    pub(super) fn close(&self) {
        self.mouth.lock().unwrap().take();
    }
}

fn manager(store: Restless) -> Arc<SessionManager> {
    // No two of them draw the same.
    let seed = 7 + store.shared.ears.lock().unwrap().len() as u64;
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    let keys = Arc::new(SealingKeys::in_memory(&SeededEntropy::new(5)));
    let sealer = Sealer::new(keys, Arc::clone(&entropy));
    let hour = Duration::from_secs(3600);
    let settings =
        SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: hour }, hot: 100 };
    let clock = Arc::clone(&store.shared.clock) as Arc<dyn Clock>;
    let live = Arc::new(LiveStreams::new(100));
    Arc::new(SessionManager::new(Arc::new(store), sealer, live, clock, entropy, settings))
}

/// A session of somebody.
pub(super) async fn sign_in(manager: &SessionManager) -> Handle {
    let ann = Principal::new("https://idp.test", "ann");
    sign_in_with(manager, ann, ProviderTokens::default()).await
}

pub(super) async fn sign_in_with(
    manager: &SessionManager,
    principal: Principal,
    tokens: ProviderTokens,
) -> Handle {
    let new = NewSession {
        principal: Arc::new(principal),
        signed_in_by: WayIn::Oidc,
        provider: "corp".into(),
        auth_time: Timestamp::from_secs(999_990),
        auth_time_stated: true,
        acr: None,
        amr: Arc::new([]),
        acrs: Arc::new([]),
        tokens,
    };
    manager.start(new, None).await.unwrap().0
}

impl Ticking {
    pub(super) fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        point();
        self.0.now()
    }

    fn instant(&self) -> std::time::Instant {
        self.0.instant()
    }
}

#[async_trait]
impl SessionStore for Restless {
    async fn insert(&self, key: SessionKey, session: StoredSession) -> Result<(), StoreError> {
        yield_now().await;
        self.shared.sessions.insert(key, session).await
    }

    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreError> {
        yield_now().await;
        let found = self.shared.sessions.load(key).await;
        // What is on its way may be overtaken by much, or by nothing.
        for _ in 0..thread_rng().gen_range(0..25) {
            yield_now().await;
        }
        found
    }

    async fn replace(
        &self,
        key: SessionKey,
        names: Vec<IndexKey>,
        record: Vec<u8>,
        tokens: Vec<u8>,
    ) -> Result<bool, StoreError> {
        yield_now().await;
        let left = self.shared.unwritten.load(Ordering::SeqCst);
        self.shared.unwritten.store(left.saturating_sub(1), Ordering::SeqCst);
        let lost = Err(StoreError::Io { doing: "write", detail: "no answer".to_owned() });
        if left > 0 && thread_rng().r#gen() {
            return lost;
        }
        let before = self.shared.sessions.load(key).await?;
        let replaced = self.shared.sessions.replace(key, names, record.clone(), tokens).await?;
        if replaced {
            self.shared.written.fetch_add(1, Ordering::SeqCst);
        }
        if before.is_some_and(|before| before.record != record) {
            self.shared.tell(Elsewhere::Changed(key), self.ear.as_ref());
        }
        a_while().await;
        if left > 0 { lost } else { Ok(replaced) }
    }

    async fn lease(
        &self,
        key: SessionKey,
        holder: [u8; 16],
        _: Duration,
    ) -> Result<bool, StoreError> {
        if self.ear.is_none() {
            return Ok(true);
        }
        yield_now().await;
        let taken = *self.shared.leases.lock().unwrap().entry(key).or_insert(holder) == holder;
        yield_now().await;
        Ok(taken)
    }

    async fn release(&self, key: SessionKey, holder: [u8; 16]) -> Result<(), StoreError> {
        yield_now().await;
        let mut leases = self.shared.leases.lock().unwrap();
        if leases.get(&key) == Some(&holder) {
            leases.remove(&key);
        }
        Ok(())
    }

    async fn touch(&self, uses: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError> {
        self.shared.sessions.touch(uses).await
    }

    async fn remove(&self, key: SessionKey) -> Result<bool, StoreError> {
        yield_now().await;
        let left = self.failures.load(Ordering::SeqCst);
        if left > 0 {
            self.failures.store(left - 1, Ordering::SeqCst);
            return Err(StoreError::Io { doing: "write", detail: "no space".to_owned() });
        }
        let was_there = self.shared.sessions.remove(key).await;
        self.shared.tell(Elsewhere::Ended(Ended { key, cause: EndCause::Revoked }), None);
        yield_now().await;
        was_there
    }

    async fn keys_of(&self, name: IndexKey) -> Result<Vec<SessionKey>, StoreError> {
        self.shared.sessions.keys_of(name).await
    }

    async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Vec<Ended>, StoreError> {
        self.shared.sessions.sweep(now, idle).await
    }

    fn count(&self) -> usize {
        self.shared.sessions.count()
    }

    fn shared(&self) -> Option<&dyn SharedStore> {
        self.ear.as_ref().map(|_| self as &dyn SharedStore)
    }
}

#[async_trait]
impl SharedStore for Restless {
    fn horizon(&self) -> Arc<Horizon> {
        self.ear.as_ref().map(|ear| Arc::clone(&ear.horizon)).unwrap_or_default()
    }

    fn done_elsewhere(&self) -> Option<mpsc::Receiver<Elsewhere>> {
        self.ear.as_ref()?.told.lock().unwrap().take()
    }

    fn vitals(&self) -> Vitals {
        Vitals::default()
    }

    async fn ready(&self) {}
}
