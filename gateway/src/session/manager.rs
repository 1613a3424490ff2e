//! The one who knows all sessions: starts, finds and ends them.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use quick_cache::sync::Cache;

use crate::base::{Clock, Entropy, Timestamp};
use crate::crypto::Sealer;
use crate::identity::SessionRef;
use crate::session::events::{EndCause, Ended};
use crate::session::fence::{Fence, Passage};
use crate::session::flights::Flights;
use crate::session::handle::{Handle, SessionKey, sid_of};
use crate::session::horizon::Horizon;
use crate::session::lifetime::{Lifetimes, Moments};
use crate::session::live::LiveStreams;
use crate::session::manager::starts::Starts;
use crate::session::names::{Name, Names};
use crate::session::pace::Pace;
use crate::session::record::{NewSession, Session};
use crate::session::renewals::Renewals;
use crate::session::store::{SessionStore, StoreError, StoredSession};
use crate::session::touches::Touches;

pub use inspect::{Ends, Indexed, SessionPage, Whose};
pub use sweep::Swept;

mod inspect;
mod look_up;
mod renew;
mod review;
#[cfg(test)]
mod scripted;
mod shared;
mod starts;
mod sweep;
mod tokens;

/// Sessions: durable in the store, hot in memory.
///
/// Finding a session that is in memory is one look-up: no I/O, no lock that all share, no
/// allocation. A session that has ended is never found again: not by a look-up that was under way
/// when it ended, not while the store fails, not after the clock went back.
pub struct SessionManager {
    store: Arc<dyn SessionStore>,
    sealer: Sealer,
    names: Names,
    live: Arc<LiveStreams>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    lifetimes: Lifetimes,
    touch_every: Duration,
    hot: Cache<SessionKey, Arc<Session>>,
    fence: Fence,
    starts: Starts,
    flights: Flights,
    /// What was confirmed before it does not count.
    horizon: Arc<Horizon>,
    /// Whether other processes change the store too.
    is_shared: bool,
    touches: Touches,
    renewals: Renewals,
    flushing: Pace,
    sweeping: Pace,
    /// Sessions that a look-up found to be over; told by the next sweep.
    expired: Mutex<Vec<Ended>>,
}

/// What memory alone knows of a handle.
#[derive(Debug)]
pub enum Hot {
    /// Nothing: the store must be asked.
    Cold,
    /// Its session has just been found to be over.
    Over,
    /// Its session, which lives.
    Session(Arc<Session>),
}

/// How sessions are to be kept.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// How long a session lives.
    pub lifetimes: Lifetimes,
    /// How many sessions memory holds; the others are read from the store when they are used.
    pub hot: usize,
}

/// What sealing binds a record to, and tokens to, beside the session's key: neither opens as the other.
const RECORD: &str = "session record";
const TOKENS: &str = "session tokens";
/// Ends that a failing store has not confirmed; beyond these the gateway refuses to read sessions.
const GRAVES: usize = 65_536;
/// The whole store is looked through this often: what nobody asks for any more is only clutter.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Ends in one go: as many as the embedded store takes into one transaction.
const AT_ONCE: usize = 256;

impl SessionManager {
    /// A manager over a store.
    pub fn new(
        store: Arc<dyn SessionStore>,
        sealer: Sealer,
        live: Arc<LiveStreams>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: SessionSettings,
    ) -> Self {
        let touch_every = settings.lifetimes.touch_every();
        let horizon = store.shared().map(|shared| shared.horizon());
        let (is_shared, horizon) = (horizon.is_some(), horizon.unwrap_or_default());
        Self {
            flushing: Pace::new(&*clock, touch_every / 6),
            sweeping: Pace::new(&*clock, SWEEP_EVERY),
            store,
            names: Names::new(&sealer),
            sealer,
            live,
            clock,
            entropy,
            lifetimes: settings.lifetimes,
            touch_every,
            hot: Cache::new(settings.hot),
            fence: Fence::new(GRAVES),
            starts: Starts::default(),
            flights: Flights::new(),
            horizon,
            is_shared,
            touches: Touches::new(settings.hot),
            renewals: Renewals::new(settings.hot),
            expired: Mutex::default(),
        }
    }

    /// Starts a session under a new handle; durable before it is `Ok`. The session that the browser
    /// brought along, `replaces`, is ended first: whoever planted its cookie gains nothing. One that
    /// somebody ends while it is being written is over when it is returned.
    ///
    /// # Errors
    /// When the store fails or is full.
    pub async fn start(
        &self,
        new: NewSession,
        replaces: Option<&Handle>,
    ) -> Result<(Handle, Arc<Session>), StoreError> {
        let names = self.names.of(&new.principal, &new.tokens)?;
        let bars = self.store.bars(&names).await?;
        if let Some(old) = replaces {
            self.end(&old.key(), EndCause::Replaced).await?;
        }
        let handle = Handle::random(&*self.entropy);
        let (key, now) = (handle.key(), self.clock.now());
        let sid = sid_of(&key);
        let session = Session::begin(&new, key, sid, now, self.lifetimes.absolute);
        let session = Arc::new(self.scheduled(session.confirmed(self.horizon.now())));
        let stored = StoredSession {
            names,
            record: self.sealer.seal(RECORD, &key, &session.to_record()),
            tokens: self.sealer.seal(TOKENS, &key, new.tokens.to_bytes().expose()),
            absolute_expiry: session.absolute_expiry,
            last_seen: now,
        };
        let passage = self.fence.passage(&key);
        let start = self.starts.begin();
        let is_kept = self.store.insert_unless_barred(key, stored, bars).await?;
        if let Passage::Open(since) = passage
            && is_kept
        {
            self.fence.admit(&key, since, || self.hot.insert(key, Arc::clone(&session)));
        }
        if !is_kept || start.is_meant(|whose| whose.means(&session, &new.tokens)) {
            self.end(&key, EndCause::Revoked).await?;
            self.tell(Ended { key, cause: EndCause::Revoked });
        }
        Ok((handle, session))
    }

    /// The session of a handle, if it lives; counts as a use of it. Waits for its renewal where its
    /// tokens expired so long ago that it must not be served without.
    ///
    /// # Errors
    /// When the session is not in memory and the store cannot be read.
    pub async fn find(&self, handle: &Handle) -> Result<Option<Arc<Session>>, StoreError> {
        self.find_by_key(&handle.key()).await
    }

    /// The same by its key: for what stands for a session without being its handle.
    ///
    /// # Errors
    /// When the session is not in memory and the store cannot be read.
    pub async fn find_by_key(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreError> {
        match self.look_up(key).await? {
            Some(session) if !self.note_use(&session, self.clock.now()) => {
                self.renewed(&session).await
            }
            found => Ok(found),
        }
    }

    /// The session of a handle, if it lives and is in memory; counts as a use of it. What
    /// [`find`](Self::find) says without waiting.
    pub fn find_hot(&self, handle: &Handle) -> Hot {
        let now = self.clock.now();
        match self.in_memory(&handle.key(), now) {
            // It must be renewed first, for which one has to wait.
            Hot::Session(session) if !self.note_use(&session, now) => Hot::Cold,
            found => found,
        }
    }

    /// The session of a handle, if it lives; not a use of it: who only asks keeps nothing alive.
    ///
    /// # Errors
    /// When the session is not in memory and the store cannot be read.
    pub async fn peek(&self, handle: &Handle) -> Result<Option<Arc<Session>>, StoreError> {
        self.look_up(&handle.key()).await
    }

    /// Ends a session and its streams; whether the store had it. `Ok` means that the end is durable.
    ///
    /// The session is dead in memory at once, even if the store then fails, or the caller goes away
    /// before the answer: the sweep goes on trying to make it durable.
    ///
    /// # Errors
    /// When the store fails: the session is dead here, and may return if the process restarts first.
    pub async fn end(&self, key: &SessionKey, cause: EndCause) -> Result<bool, StoreError> {
        let was_hot = self.kill(key, cause);
        // A sweep may be faster in making this end durable; the session was there all the same.
        let was_there = self.store.end(*key, cause).await?;
        self.fence.close(key);
        Ok(was_hot || was_there)
    }

    /// Ends all sessions of one person; how many.
    ///
    /// # Errors
    /// When the store fails; all that could be ended are. Also when sign-ins at other gateways could not
    /// be kept out meanwhile.
    pub async fn end_all_of(
        &self,
        issuer: &str,
        subject: &str,
        cause: EndCause,
    ) -> Result<usize, StoreError> {
        let whose = Whose::of(issuer, subject);
        let barred = self.overtake(&whose, cause).await;
        let name = Name::Principal(issuer, subject);
        let ended = self.end_named(name, cause).await?;
        if barred.is_ok() {
            return Ok(ended);
        }
        // See `end_those`.
        let barred = self.overtake(&whose, cause).await;
        let more = self.end_named(name, cause).await?;
        barred.map(|()| ended.saturating_add(more))
    }

    async fn end_named(&self, name: Name<'_>, cause: EndCause) -> Result<usize, StoreError> {
        let keys = self.keys_named(&[name]).await?;
        for key in &keys {
            self.kill(key, cause);
        }
        let mut ended = 0_usize;
        let mut fault = None;
        for some in keys.chunks(AT_ONCE) {
            for end in join_all(some.iter().map(|key| self.end(key, cause))).await {
                match end {
                    Ok(_) => ended = ended.saturating_add(1),
                    Err(error) => fault = Some(error),
                }
            }
        }
        fault.map_or(Ok(ended), Err)
    }

    /// How long it is until a moment; nothing when it is over.
    pub fn time_left(&self, until: Timestamp) -> Duration {
        until.since(self.clock.now())
    }

    /// How long it is until a session ends by itself, if it is not used again.
    pub fn remaining(&self, session: &Session) -> Duration {
        let now = self.clock.now();
        let Moments { absolute_expiry, last_seen } = session.moments();
        let left = absolute_expiry.since(now).min(last_seen.after(self.lifetimes.idle).since(now));
        session.due.doom().map_or(left, |end| left.min(end.since(now)))
    }

    /// Notes a use of a session: a live stream calls this while data moves, so that an open chat is
    /// not idle.
    pub fn touch(&self, key: &SessionKey) {
        match self.hot.get(key) {
            Some(session) => drop(self.note_use(&session, self.clock.now())),
            None => self.touches.add(*key, self.clock.now()),
        }
    }

    /// How many sessions are kept.
    pub fn count(&self) -> usize {
        self.store.count()
    }

    /// Whether memory says of a session what a request that is still being served was told: not where
    /// its person, or how they signed in, has changed meanwhile, or may have. Nor where it is not in memory.
    pub fn is_current(&self, about: &SessionRef) -> bool {
        let held = self.hot.peek(&about.key);
        held.is_some_and(|session| {
            self.horizon.holds(session.confirmed_at())
                && std::ptr::eq(&**session.reference(), about)
        })
    }

    /// The streams that end with their sessions.
    pub fn live(&self) -> &Arc<LiveStreams> {
        &self.live
    }

    /// Whether it may be served as it is; else it must be renewed first.
    fn note_use(&self, session: &Session, now: Timestamp) -> bool {
        if session.touch(now, self.touch_every) {
            self.touches.add(session.key, now);
        }
        !session.due.is_due(now) || self.attend(session, now)
    }

    /// Dead in memory: not found from here on, by anybody, and no stream of it goes on. Whether
    /// memory had it.
    fn kill(&self, key: &SessionKey, cause: EndCause) -> bool {
        let mut was_hot = false;
        self.fence.bury(key, cause, || was_hot = self.hot.remove(key).is_some());
        self.live.end(key, cause);
        was_hot
    }
}

impl fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("store", &self.store)
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
