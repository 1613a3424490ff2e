//! How many connections are open, and the limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Counts open connections against a limit, and lets a drain wait for the last one.
#[derive(Clone, Debug)]
pub struct Load {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    open: AtomicUsize,
    limit: AtomicUsize,
    refused: AtomicUsize,
    emptied: Notify,
}

/// The right to hold one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    load: Load,
}

impl Load {
    /// No connection yet, `limit` at most.
    pub fn new(limit: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                open: AtomicUsize::new(0),
                limit: AtomicUsize::new(limit),
                refused: AtomicUsize::new(0),
                emptied: Notify::new(),
            }),
        }
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.inner.open.load(Ordering::Acquire)
    }

    /// Connections closed at once because the limit was reached, since the start.
    pub fn refused(&self) -> usize {
        self.inner.refused.load(Ordering::Relaxed)
    }

    /// Changes the limit; connections beyond a lower one live on.
    pub fn limit_to(&self, limit: usize) {
        self.inner.limit.store(limit, Ordering::Release);
    }

    /// Waits until no connection is open, at most `budget`. False when some are left.
    pub async fn wait_until_empty(&self, budget: Duration) -> bool {
        let emptied = async {
            while self.open() > 0 {
                let notified = self.inner.emptied.notified();
                if self.open() == 0 {
                    break;
                }
                notified.await;
            }
        };
        tokio::time::timeout(budget, emptied).await.is_ok()
    }

    pub(super) fn admit(&self) -> Option<ConnectionPermit> {
        let before = self.inner.open.fetch_add(1, Ordering::AcqRel);
        let permit = ConnectionPermit { load: self.clone() };
        if before >= self.inner.limit.load(Ordering::Acquire) {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(permit)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        if self.load.inner.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.load.inner.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_limit_holds_and_a_drain_sees_the_last_one_go() {
        let load = Load::new(2);
        let (one, two) = (load.admit().unwrap(), load.admit().unwrap());
        assert!(load.admit().is_none());
        assert_eq!((load.open(), load.refused()), (2, 1));
        drop(one);
        assert!(!load.wait_until_empty(Duration::from_millis(5)).await);
        drop(two);
        assert!(load.wait_until_empty(Duration::from_millis(5)).await);
    }
}
