//! From when on what memory holds may be believed, where others change the store too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use tokio::time::Instant;

use crate::base::lock;

/// A moment before which nothing that was read counts any more.
///
/// Memory notes of each session when the store confirmed it. A store that only this process changes
/// never moves the horizon. A shared one moves it whenever it may have missed what others did.
#[derive(Debug)]
pub struct Horizon {
    born: Instant,
    /// What readers compare with; one load for each request.
    from: AtomicU64,
    base: Mutex<u64>,
}

/// A moment on the horizon's own scale: milliseconds since it was made, from 1 on.
pub(crate) type Moment = u64;

impl Default for Horizon {
    fn default() -> Self {
        Self { born: Instant::now(), from: AtomicU64::new(0), base: Mutex::new(0) }
    }
}

impl Horizon {
    /// Now. To be taken *before* the store is asked for what is then confirmed as of now.
    pub(crate) fn now(&self) -> Moment {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 2).saturating_add(1)
    }

    /// Whether what was confirmed at `moment` still counts.
    pub(crate) fn holds(&self, moment: Moment) -> bool {
        moment >= self.from.load(Ordering::Relaxed)
    }

    /// Nothing that was confirmed up to now counts any more; what is read from now on does.
    pub(crate) fn raise(&self) {
        let mut base = self.base();
        // What was read within this very millisecond may have been read before.
        *base = self.now().saturating_add(1);
        self.from.store(*base, Ordering::Relaxed);
    }

    /// Nothing counts, until [`open`](Self::open) or [`raise`](Self::raise).
    pub(crate) fn shut(&self) {
        let _base = self.base();
        self.from.store(u64::MAX, Ordering::Relaxed);
    }

    /// After [`shut`](Self::shut), when it turns out that nothing was missed: what counted before
    /// counts again.
    pub(crate) fn open(&self) {
        let base = self.base();
        self.from.store(*base, Ordering::Relaxed);
    }

    fn base(&self) -> MutexGuard<'_, u64> {
        lock(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_read_before_the_horizon_does_not_count() {
        let horizon = Horizon::default();
        assert!(horizon.holds(0), "nobody else changes the store");
        let before = horizon.now();
        horizon.raise();
        assert!(!horizon.holds(before) && !horizon.holds(0));
        tokio::time::advance(Duration::from_millis(2)).await;
        let after = horizon.now();
        assert!(horizon.holds(after));
        horizon.shut();
        assert!(!horizon.holds(after) && !horizon.holds(u64::MAX - 1));
        horizon.open();
        assert!(horizon.holds(after) && !horizon.holds(before));
    }
}
