//! Which sessions are to be renewed when, and which are being renewed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use tokio::sync::watch;

use crate::base::{Timestamp, lock};
use crate::session::circuits::Circuits;
use crate::session::handle::SessionKey;
use crate::session::manager::SessionManager;
use crate::session::renewal::{RenewalSettings, Renewer};

/// The renewals of one manager. Nothing is renewed before there is an engine.
pub(crate) struct Renewals {
    engine: OnceLock<Engine>,
    schedule: Mutex<BinaryHeap<Reverse<(Timestamp, SessionKey)>>>,
    limit: usize,
    under_way: UnderWay,
    pub(crate) circuits: Circuits,
}

/// What renews sessions.
pub(crate) struct Engine {
    pub(crate) manager: Weak<SessionManager>,
    pub(crate) renewer: Arc<dyn Renewer>,
    pub(crate) settings: RenewalSettings,
}

/// A renewal that is under way; its end is that the channel closes.
pub(crate) type Flight = watch::Receiver<()>;

type UnderWay = Arc<Mutex<HashMap<SessionKey, Flight>>>;

/// Where a renewal ends, whatever ended it.
pub(crate) struct Landing {
    under_way: UnderWay,
    key: SessionKey,
    _done: watch::Sender<()>,
}

/// Renewals under way that nobody waits for; more wait in the schedule.
const MOST: usize = 1_000;

impl Renewals {
    /// Has room for the sessions that memory holds, and for some that came back to it.
    pub(crate) fn new(hot: usize) -> Self {
        Self {
            engine: OnceLock::new(),
            schedule: Mutex::default(),
            limit: hot.saturating_mul(2).saturating_add(1_024),
            under_way: Arc::default(),
            circuits: Circuits::default(),
        }
    }

    pub(crate) fn start(&self, engine: Engine) {
        // A second one would renew what the first one renews.
        let _ = self.engine.set(engine);
    }

    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.engine.get()
    }

    /// Notes when a session is due. One that finds no room is renewed at its next use.
    pub(crate) fn schedule(&self, key: SessionKey, at: Timestamp) {
        let mut schedule = lock(&self.schedule);
        if schedule.len() < self.limit {
            schedule.push(Reverse((at, key)));
        }
    }

    /// Takes those that are due, at most so many, the longest due first.
    pub(crate) fn take_due(&self, now: Timestamp, most: usize) -> Vec<SessionKey> {
        let mut schedule = lock(&self.schedule);
        let mut due = Vec::new();
        while due.len() < most
            && schedule.peek().is_some_and(|Reverse((at, _))| *at <= now)
            && let Some(Reverse((_, key))) = schedule.pop()
        {
            due.push(key);
        }
        due
    }

    /// The renewal of a session that is under way, or a new one, to be flown by the caller.
    pub(crate) fn board(&self, key: SessionKey) -> (Flight, Option<Landing>) {
        let mut under_way = lock(&self.under_way);
        if let Some(flight) = under_way.get(&key) {
            return (flight.clone(), None);
        }
        let (done, flight) = watch::channel(());
        under_way.insert(key, flight.clone());
        drop(under_way);
        let under_way = Arc::clone(&self.under_way);
        (flight, Some(Landing { under_way, key, _done: done }))
    }

    /// All that are under way.
    pub(crate) fn flights(&self) -> Vec<Flight> {
        lock(&self.under_way).values().cloned().collect()
    }

    /// How many are under way.
    pub(crate) fn count(&self) -> usize {
        lock(&self.under_way).len()
    }

    /// Whether there is room for one that nobody waits for.
    pub(crate) fn has_room(&self) -> bool {
        self.count() < MOST
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // Before those who wait are woken: who comes now begins anew.
        lock(&self.under_way).remove(&self.key);
    }
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewals").field("under_way", &self.count()).finish_non_exhaustive()
    }
}
