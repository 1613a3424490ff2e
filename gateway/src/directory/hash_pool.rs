//! Where passwords are hashed: beside the runtime, and only so many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use crate::base::Secret;
use crate::directory::PasswordHash;

/// Turns at hashing: each takes a processor and some memory for a while (19 MiB for a new hash).
/// Clones share the turns and the count.
#[derive(Clone, Debug)]
pub struct HashPool {
    turns: Arc<Semaphore>,
    bench: HashBench,
}

/// One turn. Whoever holds it may hash, and what it costs is counted.
#[derive(Clone, Debug, Default)]
pub struct HashBench(Arc<Spent>);

#[derive(Debug, Default)]
struct Spent {
    checks: AtomicU64,
    cost: AtomicU64,
}

impl HashPool {
    /// A pool with so many turns at once.
    pub fn new(at_once: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once)), bench: HashBench::default() }
    }

    /// Does `work` on a thread that may wait, when there is a turn.
    ///
    /// # Errors
    /// When the process ends, or the work panicked; in words, for the log.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&HashBench) -> T + Send + 'static,
    ) -> Result<T, String> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| "the gateway is on its way out".to_owned())?;
        let bench = self.bench.clone();
        let work = move || {
            // Held by the work and not by whoever waits for it: a caller that goes away frees
            // neither processor nor memory.
            let _turn = turn;
            work(&bench)
        };
        tokio::task::spawn_blocking(work).await.map_err(|cause| cause.to_string())
    }

    /// What was hashed since the start: how many checks, and their costs together. An unknown name
    /// must add to both what a known one adds.
    pub fn spent(&self) -> (u64, u64) {
        let Spent { checks, cost } = &*self.bench.0;
        (checks.load(Ordering::Relaxed), cost.load(Ordering::Relaxed))
    }
}

impl HashBench {
    /// Whether a hash is a password's; as [`PasswordHash::is_of`].
    pub fn is_of(&self, hash: &PasswordHash, password: &Secret<String>) -> bool {
        self.0.checks.fetch_add(1, Ordering::Relaxed);
        self.0.cost.fetch_add(hash.cost(), Ordering::Relaxed);
        hash.is_of(password)
    }
}
