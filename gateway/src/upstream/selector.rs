//! Which backend of a pool serves a request.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Chooses among a pool's backends.
pub trait UpstreamSelector: Send + Sync + fmt::Debug {
    /// The index of the backend to try, of `count`; `tried` is the one that has just failed the same
    /// request, so that a retry goes elsewhere.
    fn select(&self, count: usize, tried: Option<usize>) -> usize;
}

/// One after the other.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: AtomicUsize,
}

impl UpstreamSelector for RoundRobin {
    fn select(&self, count: usize, tried: Option<usize>) -> usize {
        // A retry draws no number: of many at once, some would draw the failed backend again.
        let turn = match tried {
            Some(tried) => tried.wrapping_add(1),
            None => self.next.fetch_add(1, Ordering::Relaxed),
        };
        turn.checked_rem(count).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_gets_its_turn() {
        let selector = RoundRobin::default();
        let turns: Vec<_> = (0..6).map(|_| selector.select(3, None)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
        assert_eq!(selector.select(0, None), 0);
    }

    #[test]
    fn a_retry_goes_elsewhere_and_takes_nobodys_turn() {
        let selector = RoundRobin::default();
        assert_eq!(selector.select(3, None), 0);
        assert_eq!([selector.select(3, Some(0)), selector.select(3, Some(2))], [1, 0]);
        assert_eq!(selector.select(3, None), 1);
    }
}
