//! Uses of sessions that the store has yet to hear of.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::Timestamp;
use crate::session::handle::SessionKey;

/// A bounded batch, written behind. A use that finds it full is left out: the session is noted
/// again at its next use, and may seem idle for a little longer meanwhile.
#[derive(Debug)]
pub(crate) struct Touches {
    waiting: Mutex<HashMap<SessionKey, Timestamp>>,
    limit: usize,
}

impl Touches {
    pub(crate) fn new(limit: usize) -> Self {
        Self { waiting: Mutex::default(), limit }
    }

    pub(crate) fn add(&self, key: SessionKey, seen: Timestamp) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < self.limit || waiting.contains_key(&key) {
            let last = waiting.entry(key).or_insert(seen);
            *last = seen.max(*last);
        }
    }

    pub(crate) fn take(&self) -> Vec<(SessionKey, Timestamp)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting).into_iter().collect()
    }
}
