//! How many connections are open, and the limit.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// Counts open connections against a limit, and lets a drain wait for the last one.
#[derive(Clone, Debug)]
pub struct Load {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Connections by client address; kept only where there is a limit for them.
    clients: Mutex<HashMap<IpAddr, u32>>,
    per_client: u32,
    open: AtomicUsize,
    limit: AtomicUsize,
    refused: AtomicUsize,
    emptied: Notify,
}

/// The right to hold one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    load: Load,
    client: Option<IpAddr>,
}

impl Load {
    /// No connection yet, `limit` at most, and of each client at most `per_client`; 0 for no limit.
    pub fn new(limit: usize, per_client: u32) -> Self {
        Self {
            inner: Arc::new(Inner {
                clients: Mutex::default(),
                per_client,
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

    pub(super) fn admit(&self, client: IpAddr) -> Option<ConnectionPermit> {
        let before = self.inner.open.fetch_add(1, Ordering::AcqRel);
        let mut permit = ConnectionPermit { load: self.clone(), client: None };
        let room = before < self.inner.limit.load(Ordering::Acquire);
        if !room || !self.admit_client(client, &mut permit) {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(permit)
    }

    fn admit_client(&self, client: IpAddr, permit: &mut ConnectionPermit) -> bool {
        if self.inner.per_client == 0 {
            return true;
        }
        let client = client.to_canonical();
        let mut clients = self.clients();
        let open = clients.entry(client).or_default();
        if *open >= self.inner.per_client {
            return false;
        }
        *open += 1;
        permit.client = Some(client);
        true
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.inner.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        if let Some(client) = self.client
            && let Entry::Occupied(mut open) = self.load.clients().entry(client)
        {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
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
        let load = Load::new(2, 0);
        let client = IpAddr::from([127, 0, 0, 1]);
        let (one, two) = (load.admit(client).unwrap(), load.admit(client).unwrap());
        assert!(load.admit(client).is_none());
        assert_eq!((load.open(), load.refused()), (2, 1));
        drop(one);
        assert!(!load.wait_until_empty(Duration::from_millis(5)).await);
        drop(two);
        assert!(load.wait_until_empty(Duration::from_millis(5)).await);
    }

    #[test]
    fn one_client_cannot_take_all_connections() {
        let load = Load::new(10, 1);
        let (greedy, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let held = load.admit(greedy).unwrap();
        assert!(load.admit(greedy).is_none());
        assert!(load.admit("::ffff:10.0.0.1".parse().unwrap()).is_none());
        assert!(load.admit(other).is_some());
        drop(held);
        assert!(load.admit(greedy).is_some());
    }
}
