//! Sessions in memory: for the demo and for tests. A restart ends them all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::base::Timestamp;
use crate::session::events::Ended;
use crate::session::handle::SessionKey;
use crate::session::lifetime::{Moments, over};
use crate::session::store::{
    IndexKey, SWEEP_BATCH, SessionStore, StoreError, StoredSession, key_of, mark_of,
};

/// A bounded map. Looking for sessions by a name walks all of them.
#[derive(Debug)]
pub struct MemoryStore {
    sessions: Mutex<HashMap<SessionKey, StoredSession>>,
    limit: usize,
}

impl MemoryStore {
    /// Keeps at most `limit` sessions.
    pub fn new(limit: usize) -> Self {
        Self { sessions: Mutex::default(), limit }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionKey, StoredSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn insert(&self, key: SessionKey, session: StoredSession) -> Result<(), StoreError> {
        let mut sessions = self.sessions();
        if sessions.len() >= self.limit {
            return Err(StoreError::Full { limit: self.limit });
        }
        sessions.insert(key, session);
        Ok(())
    }

    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.sessions().get(&key).cloned())
    }

    async fn replace(
        &self,
        key: SessionKey,
        names: Vec<IndexKey>,
        record: Vec<u8>,
        tokens: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let mut sessions = self.sessions();
        let Some(session) = sessions.get_mut(&key) else { return Ok(false) };
        (session.names, session.record, session.tokens) = (names, record, tokens);
        Ok(true)
    }

    async fn touch(&self, uses: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError> {
        let mut sessions = self.sessions();
        for (key, seen) in uses {
            if let Some(session) = sessions.get_mut(&key) {
                session.last_seen = session.last_seen.max(seen);
            }
        }
        Ok(())
    }

    async fn remove(&self, key: SessionKey) -> Result<bool, StoreError> {
        Ok(self.sessions().remove(&key).is_some())
    }

    async fn keys_of(&self, name: IndexKey) -> Result<Vec<SessionKey>, StoreError> {
        let sessions = self.sessions();
        let named = sessions.iter().filter(|(_, kept)| kept.names.contains(&name));
        Ok(named.map(|(key, _)| *key).collect())
    }

    async fn keys(
        &self,
        from: Option<&str>,
        most: usize,
    ) -> Result<(Vec<SessionKey>, Option<String>), StoreError> {
        let from = from.and_then(key_of);
        let mut keys: Vec<_> = self.sessions().keys().copied().collect();
        keys.retain(|key| from.is_none_or(|from| *key > from));
        keys.sort_unstable();
        let more = keys.len() > most;
        keys.truncate(most);
        let mark = keys.last().map(mark_of).filter(|_| more);
        Ok((keys, mark))
    }

    async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Vec<Ended>, StoreError> {
        let mut sessions = self.sessions();
        let ended: Vec<Ended> = sessions
            .iter()
            .filter_map(|(key, kept)| {
                let moments =
                    Moments { absolute_expiry: kept.absolute_expiry, last_seen: kept.last_seen };
                over(moments, idle, now).map(|cause| Ended { key: *key, cause })
            })
            .take(SWEEP_BATCH)
            .collect();
        for gone in &ended {
            sessions.remove(&gone.key);
        }
        Ok(ended)
    }

    fn count(&self) -> usize {
        self.sessions().len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::session::store::conformance;

    #[tokio::test]
    async fn the_memory_store_keeps_the_contract() {
        conformance::a_store_keeps_the_contract(|limit| Arc::new(MemoryStore::new(limit))).await;
    }
}
