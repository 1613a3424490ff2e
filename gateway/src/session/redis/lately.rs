//! Sessions that ended lately, remembered in case the server forgets that they did.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::session::handle::SessionKey;

/// A server that was restored from a copy, or a replica that was promoted before it had heard of
/// everything, still has sessions that somebody signed out of. Every gateway tells it again.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<VecDeque<(Instant, SessionKey)>>);

/// Longer than a replica lags behind.
const REMEMBERED: Duration = Duration::from_secs(600);
const MOST: usize = 65_536;

impl Lately {
    pub(super) fn add(&self, key: SessionKey) {
        let now = Instant::now();
        let mut ended = self.ended();
        let old = |front: Option<&(Instant, SessionKey)>| {
            front.is_some_and(|(at, _)| now.duration_since(*at) > REMEMBERED)
        };
        while ended.len() >= MOST || old(ended.front()) {
            ended.pop_front();
        }
        ended.push_back((now, key));
    }

    pub(super) fn all(&self) -> Vec<SessionKey> {
        self.ended().iter().map(|(_, key)| *key).collect()
    }

    fn ended(&self) -> MutexGuard<'_, VecDeque<(Instant, SessionKey)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
