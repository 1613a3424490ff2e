//! Reads of the store that are under way: who asks for the same session waits for the same answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::{BoxFuture, FutureExt as _, Shared, WeakShared};

use crate::base::lock;
use crate::session::fence::Generation;
use crate::session::handle::SessionKey;
use crate::session::horizon::Moment;
use crate::session::store::{StoreError, StoredSession};

/// What a read brings.
pub(crate) type Read = Result<Option<Arc<StoredSession>>, StoreError>;
type Reading = BoxFuture<'static, Read>;

/// When a read began: who joins it later learns what was so then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    /// The fence's generation.
    pub(crate) generation: Generation,
    /// The horizon's time.
    pub(crate) moment: Moment,
}

/// The reads, by session. No request waits for one that began before something it must know of.
pub(crate) struct Flights {
    shards: Box<[Mutex<HashMap<SessionKey, Flight>>]>,
}

struct Flight {
    since: Since,
    reading: WeakShared<Reading>,
}

/// One who waits. However many go away, the others get the answer; when the last one has gone the
/// read is forgotten.
struct Waiting<'a> {
    flights: &'a Flights,
    key: SessionKey,
    reading: Option<Shared<Reading>>,
}

const SHARDS: usize = 64;

impl Flights {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// The answer of the read of `key` that is under way if `joins` takes its beginning, else of a
    /// new one that began at `since`.
    pub(crate) async fn read(
        &self,
        key: SessionKey,
        since: Since,
        joins: impl Fn(Since) -> bool,
        begin: impl FnOnce() -> Reading,
    ) -> (Since, Read) {
        let (since, reading) = {
            let mut shard = self.shard(&key);
            let under_way = shard.get(&key).and_then(|flight| {
                let reading = flight.reading.upgrade().filter(|_| joins(flight.since))?;
                Some((flight.since, reading))
            });
            under_way.unwrap_or_else(|| {
                let reading = begin().shared();
                if let Some(weak) = reading.downgrade() {
                    shard.insert(key, Flight { since, reading: weak });
                }
                (since, reading)
            })
        };
        let waiting = Waiting { flights: self, key, reading: Some(reading.clone()) };
        let read = reading.await;
        drop(waiting);
        (since, read)
    }

    /// Whether no read is under way.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| lock(shard).is_empty())
    }

    fn shard(&self, key: &SessionKey) -> MutexGuard<'_, HashMap<SessionKey, Flight>> {
        let [_, _, third, ..] = *key;
        let index = usize::from(third) % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "the index is below SHARDS, the length")]
        lock(&self.shards[index])
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Let go of here, where it has not landed: the last one must see that nobody is left.
        let landed = self.reading.take().filter(|own| own.peek().is_some());
        let mut shard = self.flights.shard(&self.key);
        // A read that another one has begun since stays: who comes next is to join it.
        let over = |there: Shared<Reading>| landed.is_some_and(|own| own.ptr_eq(&there));
        if let Entry::Occupied(flight) = shard.entry(self.key)
            && flight.get().reading.upgrade().is_none_or(over)
        {
            flight.remove();
        }
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;
    use crate::session::fence::{Fence, Passage};

    fn since(moment: Moment) -> Since {
        let Passage::Open(generation) = Fence::new(10).passage(&[1; 32]) else { panic!("shut") };
        Since { generation, moment }
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_are_one_read_and_some_who_leave_do_not_stop_it() {
        let (flights, reads) = (Arc::new(Flights::new()), Arc::new(AtomicUsize::new(0)));
        let ask = |moment| {
            let (flights, reads) = (Arc::clone(&flights), Arc::clone(&reads));
            async move {
                let begin = || {
                    reads.fetch_add(1, Ordering::SeqCst);
                    async {
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        Ok(None)
                    }
                    .boxed()
                };
                flights.read([1; 32], since(moment), |at| at.moment >= moment, begin).await.0
            }
        };
        let first = tokio::spawn(ask(5));
        tokio::task::yield_now().await;
        let others: Vec<_> = (0..50).map(|_| tokio::spawn(ask(3))).collect();
        tokio::task::yield_now().await;
        first.abort();
        for other in join_all(others).await {
            assert_eq!(other.unwrap(), since(5), "they learn when it began");
        }
        assert_eq!(reads.load(Ordering::SeqCst), 1);
        // Nobody joins a read that began before what it must know of.
        let (early, late) = tokio::join!(ask(1), ask(2));
        assert_eq!((early.moment, late.moment), (1, 2));
        assert_eq!(reads.load(Ordering::SeqCst), 3);
        assert!(flights.is_empty(), "a leak");
    }
}
