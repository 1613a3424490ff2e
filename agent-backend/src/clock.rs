//! Time as an argument: nothing else in the crate asks the system what time it is.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Where the time comes from. Wall time judges tokens, monotonic time judges caches.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall-clock time.
    fn now(&self) -> Timestamp;
    /// Monotonic time; never goes back when the wall clock is set.
    fn instant(&self) -> Instant;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that moves only when told to; for tests.
#[derive(Debug)]
pub struct ManualClock {
    start: Timestamp,
    origin: Instant,
    moved: AtomicI64,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

impl ManualClock {
    /// A clock standing at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { start, origin: SystemClock.instant(), moved: AtomicI64::new(0) }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.moved.fetch_add(millis, Ordering::SeqCst);
    }

    fn moved(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.moved.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.start.saturating_add(self.moved()).unwrap_or(self.start)
    }

    fn instant(&self) -> Instant {
        self.origin + self.moved()
    }
}
