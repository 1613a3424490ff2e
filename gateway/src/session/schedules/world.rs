//! A store that can be switched away from at each step, may fail, and may be one that others change too.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shuttle::future::yield_now;
use shuttle::rand::{Rng as _, thread_rng};
use tokio::sync::mpsc;

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
    sessions: MemoryStore,
    ears: Mutex<Vec<Arc<Ear>>>,
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
struct Ticking(ManualClock);

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { sessions: MemoryStore::new(100), ears: Mutex::default() })
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
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
    let keys = Arc::new(SealingKeys::in_memory(&SeededEntropy::new(5)));
    let sealer = Sealer::new(keys, Arc::clone(&entropy));
    let hour = Duration::from_secs(3600);
    let settings =
        SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: hour }, hot: 100 };
    let clock = Arc::new(Ticking(ManualClock::at(Timestamp::from_secs(1_000_000))));
    let live = Arc::new(LiveStreams::new(100));
    Arc::new(SessionManager::new(Arc::new(store), sealer, live, clock, entropy, settings))
}

/// A session of somebody.
pub(super) async fn sign_in(manager: &SessionManager) -> Handle {
    let new = NewSession {
        principal: Arc::new(Principal::new("https://idp.test", "ann")),
        signed_in_by: WayIn::Oidc,
        provider: "corp".into(),
        auth_time: Timestamp::from_secs(999_990),
        auth_time_stated: true,
        acr: None,
        amr: Arc::new([]),
        acrs: Arc::new([]),
        tokens: ProviderTokens::default(),
    };
    manager.start(new, None).await.unwrap().0
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
        // In one step with the removal, as a script of the server's is.
        for ear in self.shared.ears.lock().unwrap().iter() {
            let mouth = ear.mouth.lock().unwrap();
            if let Some(mouth) = mouth.as_ref().filter(|_| !ear.deaf.load(Ordering::SeqCst)) {
                let gone = Ended { key, cause: EndCause::Revoked };
                mouth.try_send(Elsewhere::Ended(gone)).unwrap();
            }
        }
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
