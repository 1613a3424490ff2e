//! Live streams and the sessions they are bound to: a session that ends takes its streams with it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use quick_cache::sync::Cache;
use tokio::sync::Notify;

use crate::base::lock;
use crate::session::events::EndCause;
use crate::session::handle::SessionKey;
use crate::session::stream::{AtEnd, Opening, Stream, StreamTicket, put, take};

/// All open streams, by session. Ending a session is one signal, however many streams wait for it.
pub struct LiveStreams {
    shards: Box<[Mutex<Shard>]>,
    open: AtomicUsize,
    limit: usize,
    /// Sessions that ended lately: a handshake that was decided just before the end and is
    /// registered just after it must not outlive the session.
    ended: Cache<SessionKey, EndCause>,
    /// What is to be judged anew.
    due: Mutex<Due>,
    is_due: Notify,
}

/// There are as many open streams as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} live streams are open, the limit; raise it or wait for some to close")]
pub struct StreamsFull {
    /// The limit.
    pub limit: usize,
}

/// Streams that are to be judged anew.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Those of these sessions.
    pub(crate) keys: HashSet<SessionKey>,
    /// All for which other rules are in force.
    pub(crate) outdated: bool,
}

/// The streams of one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bound {
    pub(crate) streams: Vec<Arc<Stream>>,
    /// The session has ended, and what is here goes on without it.
    pub(crate) over: bool,
}

type Shard = HashMap<SessionKey, Bound>;

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
            due: Mutex::default(),
            is_due: Notify::new(),
        }
    }

    /// Binds a new stream to a session. Of a session that has just ended the ticket is over at once.
    ///
    /// # Errors
    /// When as many streams are open as may be.
    pub fn register(self: &Arc<Self>, key: SessionKey) -> Result<StreamTicket, StreamsFull> {
        self.bind(key, Opening::default())
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
        self.bind(key, Opening { of_session: false, ..Opening::default() })
    }

    /// Binds a new stream to a session or a credential. Of one that has just ended the ticket is over
    /// at once, whatever the route grants streams that are open already.
    ///
    /// # Errors
    /// When as many streams are open as may be.
    pub fn bind(
        self: &Arc<Self>,
        key: SessionKey,
        opening: Opening,
    ) -> Result<StreamTicket, StreamsFull> {
        let room = |open: usize| (open < self.limit).then(|| open.saturating_add(1));
        if opening.counted
            && self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err()
        {
            return Err(StreamsFull { limit: self.limit });
        }
        let mut shard = self.shard(&key);
        let ended = self.ended.get(&key);
        // Nothing that is opened after the end has grace.
        let at_end = if ended.is_some() { AtEnd::Close } else { opening.at_end };
        let stream = Stream::new(Opening { at_end, ..opening });
        match ended {
            Some(cause) => stream.tell(cause),
            None => put(&mut shard.entry(key).or_default().streams, &stream),
        }
        drop(shard);
        Ok(StreamTicket::new(key, stream, Arc::clone(self)))
    }

    /// Ends all streams of a session, those that are being opened included; how many were open. What
    /// a route grants its streams beyond the end, they have.
    pub fn end(&self, key: &SessionKey, cause: EndCause) -> usize {
        let mut shard = self.shard(key);
        self.ended.insert(*key, cause);
        let Some(bound) = shard.remove(key) else {
            return 0;
        };
        let told = bound.streams;
        let mut lasting = Bound { streams: Vec::new(), over: true };
        for stream in told.iter().filter(|stream| stream.outlasts(cause)) {
            put(&mut lasting.streams, stream);
        }
        if !lasting.streams.is_empty() {
            shard.insert(*key, lasting);
        }
        drop(shard);
        for stream in &told {
            stream.tell(cause);
        }
        told.len()
    }

    /// Ends all streams because the gateway is going down; how many. Their sessions live on.
    pub fn drain(&self) -> usize {
        let mut ended = 0_usize;
        for shard in &*self.shards {
            let all = std::mem::take(&mut *lock(shard));
            for stream in all.into_values().flat_map(|bound| bound.streams) {
                stream.tell(EndCause::Drained);
                ended = ended.saturating_add(1);
            }
        }
        ended
    }

    /// Has the streams of a session judged anew: what is known of its person, or of how they signed in,
    /// has changed. Costs nothing where it has none; may be called for nothing.
    pub fn changed(&self, key: &SessionKey) {
        if self.shard(key).contains_key(key) {
            lock(&self.due).keys.insert(*key);
            self.is_due.notify_one();
        }
    }

    /// Has all streams judged anew for which other rules are in force than when they were opened. To be
    /// called when those rules are in force.
    pub fn rules_changed(&self) {
        lock(&self.due).outdated = true;
        self.is_due.notify_one();
    }

    /// Waits for streams that are to be judged anew.
    pub(crate) async fn due(&self) -> Due {
        loop {
            let due = std::mem::take(&mut *lock(&self.due));
            if due.outdated || !due.keys.is_empty() {
                return due;
            }
            self.is_due.notified().await;
        }
    }

    /// The streams of a session.
    pub(crate) fn of(&self, key: &SessionKey) -> Bound {
        self.shard(key).get(key).cloned().unwrap_or_default()
    }

    /// The streams for which other rules are in force, by session, in parts: there may be very many, and
    /// requests wait while one part is looked at.
    pub(crate) fn outdated(&self) -> impl Iterator<Item = Vec<(SessionKey, Bound)>> {
        let outdated = |stream: &Arc<Stream>| {
            stream.opening.standing.as_ref().is_some_and(|standing| standing.is_outdated())
        };
        self.shards.iter().map(move |shard| {
            // Looked at without the lock.
            let all: Vec<_> = lock(shard).iter().map(|(key, it)| (*key, it.clone())).collect();
            let mut found = Vec::new();
            for (key, mut bound) in all {
                bound.streams.retain(outdated);
                if !bound.streams.is_empty() {
                    found.push((key, bound));
                }
            }
            found
        })
    }

    /// How many streams are open: those that were told to end and have not closed yet included.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many streams of a session are open.
    pub fn open_of(&self, key: &SessionKey) -> usize {
        let counted = |bound: &Bound| bound.streams.iter().filter(|it| it.opening.counted).count();
        self.shard(key).get(key).map_or(0, counted)
    }

    /// The sessions that have open streams.
    pub(crate) fn sessions(&self) -> Vec<SessionKey> {
        let of_session = |bound: &Bound| {
            !bound.over && bound.streams.first().is_some_and(|stream| stream.opening.of_session)
        };
        let of = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            let sessions = shard.iter().filter(|(_, bound)| of_session(bound));
            sessions.map(|(key, _)| *key).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(of).filter(|key| *key != NOBODY).collect()
    }

    /// Forgets a stream that has closed.
    pub(crate) fn forget(&self, key: &SessionKey, stream: &Arc<Stream>) {
        let mut shard = self.shard(key);
        if let Some(bound) = shard.get_mut(key)
            && take(&mut bound.streams, stream)
            && bound.streams.is_empty()
        {
            shard.remove(key);
        }
        drop(shard);
        if stream.opening.counted {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, key: &SessionKey) -> MutexGuard<'_, Shard> {
        let [first, ..] = *key;
        let index = usize::from(first) % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "the index is below SHARDS, the length")]
        lock(&self.shards[index])
    }
}

impl fmt::Debug for LiveStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStreams").field("open", &self.open()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
