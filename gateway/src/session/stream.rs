//! One live stream: when it ends, why, and what its right to go on rests on.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::base::Timestamp;
use crate::session::events::EndCause;
use crate::session::handle::SessionKey;
use crate::session::live::LiveStreams;
use crate::session::record::Session;

/// What becomes of a stream when *time* ends what it rests on: its session's idle time or absolute
/// lifetime, the token that opened it, the freshness of a sign-in. Every other end closes it at once:
/// who signs out, or is put out, must be out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// It ends too.
    #[default]
    Close,
    /// It ends so much later.
    Grace(Duration),
    /// It goes on until one of its ends closes it.
    Keep,
}

/// A stream that is about to be bound.
#[derive(Debug)]
pub struct Opening {
    /// Whether what it is bound to is a session, which the sweep can look for; else it is a credential
    /// that can be withdrawn.
    pub of_session: bool,
    /// Whether it counts against the limit of live streams. An ordinary request that merely lasts is
    /// bounded by the connections.
    pub counted: bool,
    /// What becomes of it when time ends what it rests on.
    pub at_end: AtEnd,
    /// What it is judged by anew when its session or the rules change; one without is never judged.
    pub standing: Option<Box<dyn Standing>>,
}

/// What a stream's right to go on rests on. Asked beside the requests, never by one.
pub trait Standing: fmt::Debug + Send + Sync {
    /// Whether other rules are in force for it than when it was opened.
    fn is_outdated(&self) -> bool;

    /// Judges it as a request of today would be. `session` is its session as it is now: `None` for
    /// one without a session, or whose session has ended without it.
    fn judge(&self, session: Option<&Session>) -> Judgement;
}

/// What is said of a stream that was judged anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It may go on, until a moment where there is one.
    GoesOn(Option<Timestamp>),
    /// A request like the one that opened it would be refused.
    Over,
}

/// One open stream. Dropping it unregisters the stream.
#[derive(Debug)]
pub struct StreamTicket {
    key: SessionKey,
    stream: Arc<Stream>,
    streams: Arc<LiveStreams>,
}

/// What registry and ticket share.
#[derive(Debug)]
pub(crate) struct Stream {
    ends: Mutex<Ends>,
    /// Rings after each change of `ends`.
    changed: Notify,
    pub(crate) opening: Opening,
    /// Its place in the registry's list; only looked at under the lock of that list.
    pub(crate) place: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    /// What opened it is good until then.
    own: Option<Instant>,
    /// What it rests on has ended; it ends then.
    told: Option<(Instant, EndCause)>,
    /// Counts the changes.
    version: u32,
}

impl Default for Opening {
    fn default() -> Self {
        Self { of_session: true, counted: true, at_end: AtEnd::Close, standing: None }
    }
}

impl AtEnd {
    /// How much later a stream ends for this cause; `None` where it does not end.
    fn delay(self, cause: EndCause) -> Option<Duration> {
        match self {
            Self::Grace(grace) if cause.is_by_time() => Some(grace),
            Self::Keep if cause.is_by_time() => None,
            Self::Close | Self::Grace(_) | Self::Keep => Some(Duration::ZERO),
        }
    }
}

impl Stream {
    pub(crate) fn new(opening: Opening) -> Arc<Self> {
        let (ends, changed, place) = Default::default();
        Arc::new(Self { ends, changed, opening, place })
    }

    /// Whether it goes on, for a while or for good, when what it rests on ends for this cause.
    pub(crate) fn outlasts(&self, cause: EndCause) -> bool {
        self.opening.at_end.delay(cause) != Some(Duration::ZERO)
    }

    /// Says that what it rests on has ended.
    pub(crate) fn tell(&self, cause: EndCause) {
        let Some(delay) = self.opening.at_end.delay(cause) else { return };
        let Some(at) = Instant::now().checked_add(delay) else { return };
        let mut ends = self.ends();
        if ends.told.is_none_or(|(sooner, _)| at < sooner) {
            ends.told = Some((at, cause));
            self.moved(ends);
        }
    }

    /// Says for how long what opened it is still good; `None` for as long as what it is bound to.
    pub(crate) fn limit(&self, left: Option<Duration>) {
        let delay = self.opening.at_end.delay(EndCause::Expired);
        let left = left.zip(delay).map(|(left, delay)| left.saturating_add(delay));
        let own = left.and_then(|left| Instant::now().checked_add(left));
        let mut ends = self.ends();
        if ends.own != own {
            ends.own = own;
            self.moved(ends);
        }
    }

    fn moved(&self, mut ends: MutexGuard<'_, Ends>) {
        ends.version = ends.version.wrapping_add(1);
        drop(ends);
        self.changed.notify_waiters();
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    fn first(&self) -> Option<(Instant, EndCause)> {
        let own = self.own.map(|at| (at, EndCause::Expired));
        match (self.told, own) {
            (Some(told), Some(own)) if own.0 < told.0 => Some(own),
            (told, own) => told.or(own),
        }
    }

    fn over(&self) -> Option<EndCause> {
        self.first().filter(|(at, _)| *at <= Instant::now()).map(|(_, cause)| cause)
    }
}

impl StreamTicket {
    pub(crate) fn new(key: SessionKey, stream: Arc<Stream>, streams: Arc<LiveStreams>) -> Self {
        Self { key, stream, streams }
    }

    /// The same, of a stream that ends by itself after a time: what opened it is good no longer.
    #[must_use]
    pub fn until(self, left: Duration) -> Self {
        self.stream.limit(Some(left));
        self
    }

    /// Has the stream judged anew: what it was opened by may have changed meanwhile.
    pub fn recheck(&self) {
        self.streams.changed(&self.key);
    }

    /// Resolves when the stream is over, with the cause. May be dropped and asked again.
    pub async fn ended(&self) -> EndCause {
        self.signal().await
    }

    /// Like [`Self::ended`], as something to be kept beside the ticket.
    pub fn signal(&self) -> impl Future<Output = EndCause> + Send + use<> {
        let stream = Arc::clone(&self.stream);
        async move {
            loop {
                let mut changed = pin!(stream.changed.notified());
                // Before it is looked: a change in between rings too.
                changed.as_mut().enable();
                let first = stream.ends().first();
                match first {
                    Some((at, cause)) if at <= Instant::now() => return cause,
                    Some((at, _)) => tokio::select! {
                        () = sleep_until(at) => {}
                        () = changed => {}
                    },
                    None => changed.await,
                }
            }
        }
    }

    /// Why the stream is over, if it is. Asks nobody and waits for nothing.
    pub fn over(&self) -> Option<EndCause> {
        self.look().0
    }

    /// The same, and a number that changes with each change of when it will end: whoever waits for
    /// the end by [`signal`](Self::signal) in a task of its own must then let it look again.
    pub fn look(&self) -> (Option<EndCause>, u32) {
        let ends = self.stream.ends();
        (ends.over(), ends.version)
    }
}

impl Drop for StreamTicket {
    fn drop(&mut self) {
        self.streams.forget(&self.key, &self.stream);
    }
}

/// The place in a list, of one that is in none.
pub(crate) fn put(streams: &mut Vec<Arc<Stream>>, stream: &Arc<Stream>) {
    stream.place.store(streams.len(), Ordering::Relaxed);
    streams.push(Arc::clone(stream));
}

/// Takes a stream out of a list, whatever the list's length; whether it was in it.
pub(crate) fn take(streams: &mut Vec<Arc<Stream>>, stream: &Arc<Stream>) -> bool {
    let place = stream.place.load(Ordering::Relaxed);
    if !streams.get(place).is_some_and(|there| Arc::ptr_eq(there, stream)) {
        return false;
    }
    streams.swap_remove(place);
    if let Some(moved) = streams.get(place) {
        moved.place.store(place, Ordering::Relaxed);
    }
    true
}
