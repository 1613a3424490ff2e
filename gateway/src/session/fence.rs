//! What keeps an ended session dead in memory, whatever was under way when it ended.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use crate::base::lock;
use crate::session::events::{EndCause, Ended};
use crate::session::handle::SessionKey;

/// Generations and open graves, by shard of the key.
///
/// A look-up that misses memory takes the generation *before* it reads the store and hands it in
/// when it puts the record into memory. An end in between has moved the generation on, and the
/// record stays out: without this, a request that was slow to read would bring a session back that
/// somebody has just signed out of.
///
/// An end digs a grave first and fills it when the store has forgotten the session. Until then,
/// and for as long as the store fails, the grave alone says that the session is dead.
pub(crate) struct Fence {
    shards: Box<[Mutex<Shard>]>,
    graves: usize,
}

/// A moment in a shard's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

#[derive(Default)]
struct Shard {
    generation: u64,
    open: HashMap<SessionKey, EndCause>,
}

/// What the fence says of a key that memory does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It has ended, whatever the store says.
    Dead,
    /// The store may be asked; the generation belongs to the answer.
    Open(Generation),
    /// So many ends wait for a failing store that one more could not be remembered. Nobody passes
    /// who is not in memory: a session that ended must not return because a table was full.
    Shut,
}

const SHARDS: usize = 256;

impl Fence {
    /// Remembers about `graves` ends that the store has not confirmed.
    pub(crate) fn new(graves: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            graves: graves.div_ceil(SHARDS),
        }
    }

    pub(crate) fn passage(&self, key: &SessionKey) -> Passage {
        let shard = self.shard(key);
        if shard.open.contains_key(key) {
            Passage::Dead
        } else if shard.open.len() >= self.graves {
            Passage::Shut
        } else {
            Passage::Open(Generation(shard.generation))
        }
    }

    /// Runs `put` if nothing of the shard has ended since `since`. No end runs beside it.
    pub(crate) fn admit(&self, key: &SessionKey, since: Generation, put: impl FnOnce()) {
        let shard = self.shard(key);
        if shard.generation == since.0 {
            put();
        }
    }

    /// Runs `change` after the store has another record of a session: what read the store before is
    /// turned away. No admission and no end runs beside it.
    pub(crate) fn turn(&self, key: &SessionKey, change: impl FnOnce()) {
        let mut shard = self.shard(key);
        shard.generation = shard.generation.wrapping_add(1);
        change();
    }

    /// Declares a session dead and runs `forget`; no admission runs beside it.
    pub(crate) fn bury(&self, key: &SessionKey, cause: EndCause, forget: impl FnOnce()) {
        let mut shard = self.shard(key);
        shard.generation = shard.generation.wrapping_add(1);
        // At the limit the shard is shut, and stays so until the store answers again.
        if shard.open.len() < self.graves {
            shard.open.insert(*key, cause);
        }
        forget();
    }

    /// The store has confirmed: the grave is closed. What read the store before is turned away.
    pub(crate) fn close(&self, key: &SessionKey) {
        let mut shard = self.shard(key);
        shard.generation = shard.generation.wrapping_add(1);
        shard.open.remove(key);
    }

    /// The ends that the store has not confirmed.
    pub(crate) fn unconfirmed(&self) -> Vec<Ended> {
        let of = |shard: &Mutex<Shard>| {
            let open = &lock(shard).open;
            open.iter().map(|(key, cause)| Ended { key: *key, cause: *cause }).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(of).collect()
    }

    fn shard(&self, key: &SessionKey) -> MutexGuard<'_, Shard> {
        let [_, second, ..] = *key;
        let index = usize::from(second) % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "the index is below SHARDS, the length")]
        lock(&self.shards[index])
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fence")
    }
}
