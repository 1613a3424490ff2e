//! What was used up lately, in the memory of one gateway.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::base::Timestamp;
use crate::session::shared::OneTime;
use crate::session::store::StoreError;

/// Things that were used, until they are over. Nothing is pushed out to make room: what is forgotten too
/// early could be used again.
#[derive(Debug)]
pub(super) struct LatelyUsed {
    uses: Mutex<Uses>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Uses {
    counts: HashMap<[u8; 32], u32>,
    over: BTreeSet<(Timestamp, [u8; 32])>,
    /// A clock that goes back makes nothing good again.
    latest: Timestamp,
}

/// About 10 MiB. Only what we gave out and somebody brought back within its minute is in it.
const LIMIT: usize = 65_536;

impl Default for LatelyUsed {
    fn default() -> Self {
        Self { uses: Mutex::default(), limit: LIMIT }
    }
}

impl LatelyUsed {
    fn locked(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl OneTime for LatelyUsed {
    async fn spend(
        &self,
        thing: [u8; 32],
        most: u32,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut uses = self.locked();
        uses.forget_until(now);
        if expires <= uses.latest {
            return Ok(false);
        }
        let before = uses.counts.get(&thing).copied().unwrap_or_default();
        if before >= most {
            return Ok(false);
        }
        if uses.counts.len() >= self.limit && before == 0 {
            let detail = format!("{} things were used within their time", self.limit);
            return Err(StoreError::Io { doing: "note what was used", detail });
        }
        uses.counts.insert(thing, before.saturating_add(1));
        uses.over.insert((expires, thing));
        Ok(true)
    }

    async fn uses(&self, thing: [u8; 32]) -> Result<u32, StoreError> {
        Ok(self.locked().counts.get(&thing).copied().unwrap_or_default())
    }
}

impl Uses {
    fn forget_until(&mut self, now: Timestamp) {
        self.latest = self.latest.max(now);
        while let Some(first) = self.over.first().copied().filter(|(over, _)| *over <= self.latest)
        {
            self.over.remove(&first);
            self.counts.remove(&first.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Timestamp = Timestamp::from_secs;

    #[tokio::test]
    async fn nothing_is_forgotten_before_it_is_over_and_nothing_kept_after() {
        let used = LatelyUsed { limit: 2, ..LatelyUsed::default() };
        let spend = async |thing: u8, now| used.spend([thing; 32], 1, AT(130), AT(now)).await;
        assert!(spend(1, 100).await.unwrap());
        assert!(!spend(1, 100).await.unwrap());
        assert!(spend(2, 129).await.unwrap());
        for _ in 0..10 {
            assert!(spend(3, 129).await.is_err(), "no room is no reason to forget");
        }
        assert!(!spend(1, 129).await.unwrap());
        assert_eq!(used.uses([1; 32]).await.unwrap(), 1);
        assert!(used.spend([4; 32], 1, AT(200), AT(130)).await.unwrap());
        assert_eq!(used.locked().counts.len(), 1);
        assert_eq!(used.locked().over.len(), 1);
        assert!(!spend(1, 100).await.unwrap(), "the clock went back");
    }
}
