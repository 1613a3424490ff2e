//! Live streams and the sessions they are bound to: a session that ends takes its streams with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::base::lock;
use crate::session::events::EndCause;
use crate::session::handle::SessionKey;

/// All open streams, by session. Ending a session is one signal, however many streams wait for it.
pub struct LiveStreams {
    shards: Box<[Mutex<Shard>]>,
    open: AtomicUsize,
    limit: usize,
    /// Sessions that ended lately: a handshake that was decided just before the end and is
    /// registered just after it must not outlive the session.
    ended: Cache<SessionKey, EndCause>,
}

/// One open stream. Dropping it unregisters the stream.
#[derive(Debug)]
pub struct StreamTicket {
    key: SessionKey,
    signal: Arc<Signal>,
    streams: Arc<LiveStreams>,
    deadline: Option<Instant>,
}

/// There are as many open streams as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} live streams are open, the limit; raise it or wait for some to close")]
pub struct StreamsFull {
    /// The limit.
    pub limit: usize,
}

type Signal = watch::Sender<Option<EndCause>>;
type Shard = HashMap<SessionKey, Bound>;

struct Bound {
    signal: Arc<Signal>,
    streams: usize,
    /// Whether there is a session that the sweep can look for.
    of_session: bool,
}

/// The key of streams that belong to no session (`anonymous` routes, tokens): no handle has it as
/// its digest, no sweep ends it.
pub const NOBODY: SessionKey = [0; 32];

/// Enough that two requests rarely meet at one lock.
const SHARDS: usize = 64;
/// How many ended sessions are remembered. A handshake takes seconds and is registered within them;
/// should more sessions than this end meanwhile, the sweep finds the stream a second later.
const REMEMBERED: usize = 16_384;

impl LiveStreams {
    /// Holds at most `limit` streams.
    pub fn new(limit: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            open: AtomicUsize::new(0),
            limit,
            ended: Cache::new(REMEMBERED),
        }
    }

    /// Binds a new stream to a session. Of a session that has just ended the ticket is over at once.
    ///
    /// # Errors
    /// When as many streams are open as may be.
    pub fn register(self: &Arc<Self>, key: SessionKey) -> Result<StreamTicket, StreamsFull> {
        self.bind(key, true)
    }

    /// Binds a new stream to a credential that is no session and can be withdrawn; `key` is a random
    /// name for it. It ends by [`end`](Self::end), like those of a session.
    ///
    /// # Errors
    /// When as many streams are open as may be.
    pub fn register_credential(
        self: &Arc<Self>,
        key: [u8; 32],
    ) -> Result<StreamTicket, StreamsFull> {
        self.bind(key, false)
    }

    fn bind(
        self: &Arc<Self>,
        key: SessionKey,
        of_session: bool,
    ) -> Result<StreamTicket, StreamsFull> {
        let room = |open: usize| (open < self.limit).then(|| open.saturating_add(1));
        if self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
            return Err(StreamsFull { limit: self.limit });
        }
        let mut shard = self.shard(&key);
        let signal = match self.ended.get(&key) {
            Some(cause) => Arc::new(Signal::new(Some(cause))),
            None => {
                let bound = shard.entry(key).or_insert_with(|| Bound::new(of_session));
                bound.streams = bound.streams.saturating_add(1);
                Arc::clone(&bound.signal)
            }
        };
        drop(shard);
        Ok(StreamTicket { key, signal, streams: Arc::clone(self), deadline: None })
    }

    /// Ends all streams of a session, those that are being opened included; how many were open.
    pub fn end(&self, key: &SessionKey, cause: EndCause) -> usize {
        let mut shard = self.shard(key);
        self.ended.insert(*key, cause);
        let Some(bound) = shard.remove(key) else {
            return 0;
        };
        drop(shard);
        bound.signal.send_replace(Some(cause));
        bound.streams
    }

    /// Ends all streams because the gateway is going down; how many. Their sessions live on.
    pub fn drain(&self) -> usize {
        let mut ended = 0_usize;
        for shard in &*self.shards {
            let all = std::mem::take(&mut *lock(shard));
            for bound in all.into_values() {
                bound.signal.send_replace(Some(EndCause::Drained));
                ended = ended.saturating_add(bound.streams);
            }
        }
        ended
    }

    /// How many streams are open: those that were told to end and have not closed yet included.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many streams of a session are open.
    pub fn open_of(&self, key: &SessionKey) -> usize {
        self.shard(key).get(key).map_or(0, |bound| bound.streams)
    }

    /// The sessions that have open streams.
    pub(crate) fn sessions(&self) -> Vec<SessionKey> {
        let of = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            let sessions = shard.iter().filter(|(_, bound)| bound.of_session);
            sessions.map(|(key, _)| *key).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(of).filter(|key| *key != NOBODY).collect()
    }

    fn shard(&self, key: &SessionKey) -> MutexGuard<'_, Shard> {
        let [first, ..] = *key;
        let index = usize::from(first) % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "the index is below SHARDS, the length")]
        lock(&self.shards[index])
    }
}

impl StreamTicket {
    /// The same, of a stream that ends by itself after a time: what opened it is good no longer.
    #[must_use]
    pub fn until(mut self, left: Duration) -> Self {
        self.deadline = Instant::now().checked_add(left);
        self
    }

    /// Resolves when the session has ended, or the stream's time is over, with the cause. May be
    /// dropped and asked again.
    pub async fn ended(&self) -> EndCause {
        self.signal().await
    }

    /// Like [`Self::ended`], as something to be kept beside the ticket. Without the ticket the
    /// stream is over too.
    pub fn signal(&self) -> impl Future<Output = EndCause> + Send + use<> {
        let (mut signal, deadline) = (self.signal.subscribe(), self.deadline);
        async move {
            let ended = async {
                let ended = signal.wait_for(Option::is_some).await.map(|cause| *cause);
                ended.ok().flatten().unwrap_or(EndCause::Revoked)
            };
            match deadline {
                None => ended.await,
                Some(deadline) => {
                    tokio::time::timeout_at(deadline, ended).await.unwrap_or(EndCause::Expired)
                }
            }
        }
    }

    /// Why the session, or the stream's time, has ended, if it has. Asks nobody and waits for nothing.
    pub fn over(&self) -> Option<EndCause> {
        let late = || self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        self.signal.borrow().or_else(|| late().then_some(EndCause::Expired))
    }
}

impl Drop for StreamTicket {
    fn drop(&mut self) {
        let mut shard = self.streams.shard(&self.key);
        if let Some(bound) = shard.get_mut(&self.key)
            && Arc::ptr_eq(&bound.signal, &self.signal)
        {
            bound.streams = bound.streams.saturating_sub(1);
            if bound.streams == 0 {
                shard.remove(&self.key);
            }
        }
        drop(shard);
        self.streams.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Bound {
    fn new(of_session: bool) -> Self {
        Self { signal: Arc::new(Signal::new(None)), streams: 0, of_session }
    }
}

impl fmt::Debug for LiveStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStreams").field("open", &self.open()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
