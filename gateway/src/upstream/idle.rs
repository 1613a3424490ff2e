//! Connections to backends that wait for their next request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::upstream::link::Link;

/// The idle connections of one pool. Each thread has a shelf, which it shares with few others, so
/// that requests on different cores hardly ever wait for each other.
#[derive(Debug, Default)]
pub(super) struct IdleLinks {
    shelves: [Mutex<Vec<IdleLink>>; SHELVES],
}

#[derive(Debug)]
struct IdleLink {
    to: SocketAddr,
    since: Instant,
    link: Link,
}

const SHELVES: usize = 16;
/// Connections on one shelf; with more than this in use at once, the rest are made anew.
const SHELF: usize = 128;

thread_local! {
    static MINE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % SHELVES
    };
}

impl IdleLinks {
    /// The connection to `to` that was used last, if one is good and no older than `keep`.
    pub(super) fn take(&self, to: SocketAddr, keep: Duration, now: Instant) -> Option<Link> {
        let mine = mine();
        let others = (0..SHELVES).filter(|shelf| *shelf != mine);
        std::iter::once(mine).chain(others).find_map(|shelf| self.take_from(shelf, to, (keep, now)))
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(super) fn put(&self, to: SocketAddr, link: Link, since: Instant) {
        let Some(shelf) = self.shelves.get(mine()) else { return };
        let mut shelf = lock(shelf);
        if shelf.len() < SHELF {
            shelf.push(IdleLink { to, since, link });
        }
    }

    /// Closes what is older than `keep`, or was closed by its backend.
    pub(super) fn sweep(&self, keep: Duration) {
        for shelf in &self.shelves {
            lock(shelf).retain_mut(|idle| idle.since.elapsed() < keep && idle.link.is_quiet());
        }
    }

    fn take_from(
        &self,
        shelf: usize,
        to: SocketAddr,
        (keep, now): (Duration, Instant),
    ) -> Option<Link> {
        let mut shelf = lock(self.shelves.get(shelf)?);
        while let Some(at) = shelf.iter().rposition(|idle| idle.to == to) {
            let mut idle = shelf.swap_remove(at);
            let age = now.saturating_duration_since(idle.since);
            if age < keep && idle.link.is_quiet() {
                return Some(idle.link);
            }
        }
        None
    }
}

fn mine() -> usize {
    MINE.try_with(|mine| *mine).unwrap_or(0)
}

fn lock(shelf: &Mutex<Vec<IdleLink>>) -> MutexGuard<'_, Vec<IdleLink>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const KEEP: Duration = Duration::from_secs(60);

    async fn pair(listener: &TcpListener) -> (Link, TcpStream) {
        let to = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(TcpStream::connect(to), listener.accept());
        (Link::Plain(ours.unwrap()), theirs.unwrap().0)
    }

    #[tokio::test]
    async fn only_a_connection_that_is_good_is_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (to, other) = (listener.local_addr().unwrap(), "127.0.0.1:9".parse().unwrap());
        let idle = IdleLinks::default();
        let (link, _good) = pair(&listener).await;
        idle.put(to, link, Instant::now());
        assert!(idle.take(other, KEEP, Instant::now()).is_none());
        assert!(idle.take(to, KEEP, Instant::now()).is_some());
        assert!(idle.take(to, KEEP, Instant::now()).is_none());

        let (closed, theirs) = pair(&listener).await;
        let (chatty, mut talks) = pair(&listener).await;
        idle.put(to, closed, Instant::now());
        idle.put(to, chatty, Instant::now());
        drop(theirs);
        talks.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(
            idle.take(to, KEEP, Instant::now()).is_none(),
            "an answer that nobody asked for is somebody else's"
        );

        let (old, _theirs) = pair(&listener).await;
        idle.put(to, old, Instant::now());
        assert!(idle.take(to, Duration::ZERO, Instant::now()).is_none());
    }

    #[tokio::test]
    async fn a_sweep_closes_what_is_of_no_more_use() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let idle = IdleLinks::default();
        let (closed, theirs) = pair(&listener).await;
        let (good, _kept) = pair(&listener).await;
        idle.put(to, closed, Instant::now());
        idle.put(to, good, Instant::now());
        drop(theirs);
        tokio::time::sleep(Duration::from_millis(300)).await;
        idle.sweep(KEEP);
        let left: usize = idle.shelves.iter().map(|shelf| lock(shelf).len()).sum();
        assert_eq!(left, 1);
    }
}
