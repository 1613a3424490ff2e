//! Which backend of a pool serves a request.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Chooses among a pool's backends.
pub trait UpstreamSelector: Send + Sync + fmt::Debug {
    /// The index of the backend to try, of `count`; `attempt` is zero at first and grows with each
    /// try of the same request, so that a retry goes elsewhere.
    fn select(&self, count: usize, attempt: usize) -> usize;
}

/// One after the other.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: AtomicUsize,
}

impl UpstreamSelector for RoundRobin {
    fn select(&self, count: usize, _: usize) -> usize {
        // The attempts of one request draw consecutive numbers unless others come between, which
        // on average sends a retry elsewhere just the same.
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        turn.checked_rem(count).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_gets_its_turn() {
        let selector = RoundRobin::default();
        let turns: Vec<_> = (0..6).map(|_| selector.select(3, 0)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
        assert_eq!(selector.select(0, 0), 0);
    }
}
