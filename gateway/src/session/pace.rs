//! How often something is done that is asked for more often.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::Clock;

/// Says yes at most once in a while. By monotonic time: setting the clock neither stops nor hurries it.
#[derive(Debug)]
pub(crate) struct Pace {
    last: Mutex<Instant>,
    every: Duration,
}

impl Pace {
    pub(crate) fn new(clock: &dyn Clock, every: Duration) -> Self {
        Self { last: Mutex::new(clock.instant()), every }
    }

    /// Whether it is time again; if so, the while begins anew.
    pub(crate) fn due(&self, clock: &dyn Clock) -> bool {
        let now = clock.instant();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_duration_since(*last) >= self.every;
        if due {
            *last = now;
        }
        due
    }
}
