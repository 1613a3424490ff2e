//! A store that a test can stop in the middle and break.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::base::Timestamp;
use crate::session::events::Ended;
use crate::session::handle::SessionKey;
use crate::session::memory::MemoryStore;
use crate::session::store::{IndexKey, SessionStore, StoreError, StoredSession};

/// Sessions in memory, behind gates.
#[derive(Debug)]
pub(crate) struct ScriptedStore {
    sessions: MemoryStore,
    holding: AtomicBool,
    holding_replaces: AtomicBool,
    failing: AtomicBool,
    pausing: AtomicBool,
    loads: AtomicUsize,
    failing_loads: AtomicBool,
    failing_bars: AtomicUsize,
    late: Mutex<Option<(SessionKey, StoredSession)>>,
    held: Semaphore,
    released: Semaphore,
}

impl ScriptedStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            sessions: MemoryStore::new(100),
            holding: AtomicBool::new(false),
            holding_replaces: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            pausing: AtomicBool::new(false),
            loads: AtomicUsize::new(0),
            failing_loads: AtomicBool::new(false),
            failing_bars: AtomicUsize::new(0),
            late: Mutex::default(),
            held: Semaphore::new(0),
            released: Semaphore::new(0),
        })
    }

    /// Sign-ins wait before they are written, until they are let on.
    pub(crate) fn hold_inserts(&self, hold: bool) {
        self.pausing.store(hold, Ordering::SeqCst);
        if !hold {
            self.released.add_permits(1);
        }
    }

    /// The next load reads, and answers when it is released.
    pub(crate) fn hold_loads(&self) {
        self.holding.store(true, Ordering::SeqCst);
    }

    /// The next replacement is written, and answered when it is released.
    pub(crate) fn hold_replaces(&self, hold: bool) {
        self.holding_replaces.store(hold, Ordering::SeqCst);
    }

    pub(crate) async fn wait_for_held_load(&self) {
        self.held.acquire().await.unwrap().forget();
    }

    pub(crate) fn release_loads(&self) {
        self.holding.store(false, Ordering::SeqCst);
        self.released.add_permits(1);
    }

    /// How many sessions were read since this was last asked.
    pub(crate) fn count_loads(&self) -> usize {
        self.loads.swap(0, Ordering::SeqCst)
    }

    pub(crate) fn fail_loads(&self, fail: bool) {
        self.failing_loads.store(fail, Ordering::SeqCst);
    }

    /// So many bars fail. Just before the next one holds, another gateway writes a session.
    pub(crate) fn fail_bars(&self, times: usize, late: (SessionKey, StoredSession)) {
        self.failing_bars.store(times, Ordering::SeqCst);
        *self.late.lock().unwrap() = Some(late);
    }

    pub(crate) fn fail_removes(&self, fail: bool) {
        self.failing.store(fail, Ordering::SeqCst);
    }
}

#[async_trait]
impl SessionStore for ScriptedStore {
    async fn insert(&self, key: SessionKey, session: StoredSession) -> Result<(), StoreError> {
        if self.pausing.load(Ordering::SeqCst) {
            self.held.add_permits(1);
            self.released.acquire().await.unwrap().forget();
        }
        self.sessions.insert(key, session).await
    }

    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        if self.failing_loads.load(Ordering::SeqCst) {
            return Err(StoreError::Io { doing: "read", detail: "no answer".to_owned() });
        }
        let found = self.sessions.load(key).await;
        if self.holding.load(Ordering::SeqCst) {
            self.held.add_permits(1);
            self.released.acquire().await.unwrap().forget();
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
        let replaced = self.sessions.replace(key, names, record, tokens).await;
        if self.holding_replaces.load(Ordering::SeqCst) {
            self.held.add_permits(1);
            self.released.acquire().await.unwrap().forget();
        }
        replaced
    }

    async fn bar(&self, _: &[IndexKey]) -> Result<(), StoreError> {
        let left = self.failing_bars.load(Ordering::SeqCst);
        if left > 0 {
            self.failing_bars.store(left - 1, Ordering::SeqCst);
            return Err(StoreError::Io { doing: "write", detail: "no space".to_owned() });
        }
        let late = self.late.lock().unwrap().take();
        match late {
            Some((key, session)) => self.sessions.insert(key, session).await,
            None => Ok(()),
        }
    }

    async fn touch(&self, uses: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError> {
        self.sessions.touch(uses).await
    }

    async fn remove(&self, key: SessionKey) -> Result<bool, StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Io { doing: "write", detail: "no space".to_owned() });
        }
        self.sessions.remove(key).await
    }

    async fn keys_of(&self, name: IndexKey) -> Result<Vec<SessionKey>, StoreError> {
        self.sessions.keys_of(name).await
    }

    async fn keys(
        &self,
        from: Option<&str>,
        most: usize,
    ) -> Result<(Vec<SessionKey>, Option<String>), StoreError> {
        self.sessions.keys(from, most).await
    }

    async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Vec<Ended>, StoreError> {
        self.sessions.sweep(now, idle).await
    }

    fn count(&self) -> usize {
        self.sessions.count()
    }
}
