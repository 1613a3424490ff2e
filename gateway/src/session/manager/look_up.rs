//! Looking a session up: in memory, and where memory does not know, in the store, once for all who ask.

use std::sync::Arc;

use futures::future::FutureExt as _;

use crate::base::Timestamp;
use crate::session::events::{EndCause, Ended};
use crate::session::fence::Passage;
use crate::session::flights::Since;
use crate::session::handle::SessionKey;
use crate::session::lifetime::over;
use crate::session::manager::{Hot, RECORD, SessionManager};
use crate::session::record::Session;
use crate::session::store::{StoreError, StoredSession};

impl SessionManager {
    /// What memory alone knows of a session.
    pub(super) fn in_memory(&self, key: &SessionKey, now: Timestamp) -> Hot {
        let Some(session) = self.hot.get(key) else { return Hot::Cold };
        // Somebody else may have ended it since.
        if !self.horizon.holds(session.confirmed_at()) {
            return Hot::Cold;
        }
        match over(session.moments(), self.lifetimes.idle, now) {
            None => Hot::Session(session),
            // Idle here, and perhaps used elsewhere all the time.
            Some(EndCause::Idle) if self.is_shared => Hot::Cold,
            Some(cause) => {
                self.time_ends(&session, cause);
                Hot::Over
            }
        }
    }

    /// The session of a key, if it lives; not a use of it.
    pub(super) async fn look_up(
        &self,
        key: &SessionKey,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        match self.in_memory(key, self.clock.now()) {
            Hot::Session(session) => return Ok(Some(session)),
            Hot::Over => return Ok(None),
            Hot::Cold => {}
        }
        let generation = match self.fence.passage(key) {
            Passage::Dead => return Ok(None),
            Passage::Shut => return Err(StoreError::Behind),
            Passage::Open(generation) => generation,
        };
        let since = Since { generation, moment: self.horizon.now() };
        // Not one that began before something of the shard ended, or before the horizon: its answer
        // may be older than what this caller must know of.
        let joins = |at: Since| at.generation == since.generation && self.horizon.holds(at.moment);
        let (since, read) = self.flights.read(*key, since, joins, || self.reading(*key)).await;
        let Some(stored) = read? else {
            return Ok(None);
        };
        self.admit(*key, since, &stored)
    }

    fn reading(
        &self,
        key: SessionKey,
    ) -> futures::future::BoxFuture<'static, crate::session::flights::Read> {
        let store = Arc::clone(&self.store);
        async move { Ok(store.load(key).await?.map(Arc::new)) }.boxed()
    }

    fn admit(
        &self,
        key: SessionKey,
        since: Since,
        stored: &StoredSession,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let now = self.clock.now();
        // Of those who waited for one answer, the first one puts it into memory.
        if let Hot::Session(session) = self.in_memory(&key, now) {
            return Ok(Some(session));
        }
        let Some(session) = self.unseal(key, stored) else {
            tracing::warn!(
                "a stored session does not open: its sealing key is gone or it was altered"
            );
            return Ok(None);
        };
        let session = Arc::new(self.scheduled(session.confirmed(since.moment)));
        if let Some(old) = self.hot.peek(&key) {
            session.seen_as(&old);
        }
        if let Some(cause) = over(session.moments(), self.lifetimes.idle, now) {
            self.time_ends(&session, cause);
            return Ok(None);
        }
        // Not admitted: something ended meanwhile, perhaps this. The answer stands, as that of a
        // request that came just before the end; memory stays clean for the next.
        self.fence.admit(&key, since.generation, || {
            self.hot.insert(key, Arc::clone(&session));
            // What was read may be what another gateway wrote, whose message was lost.
            self.live.changed(&key);
        });
        Ok(Some(session))
    }

    pub(super) fn unseal(&self, key: SessionKey, stored: &StoredSession) -> Option<Session> {
        let record = self.sealer.open(RECORD, &key, &stored.record)?;
        Session::from_record(key, &record, stored.last_seen)
    }

    /// Kills one that time has ended, for good: a clock that goes back later finds nothing. The
    /// sweep makes it durable; no request waits for that.
    pub(super) fn time_ends(&self, session: &Session, cause: EndCause) {
        self.kill(&session.key, cause);
        self.tell(Ended { key: session.key, cause });
    }
}
