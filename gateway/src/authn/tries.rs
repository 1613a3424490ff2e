//! Where tries are counted: by all replicas together, or by this gateway alone.

use std::fmt;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::authn::throttle::{Allowance, Counted, Held, Throttle};
use crate::crypto::Tagger;
use crate::session::{SharedTries, StoreError, Tried};

/// Counts tries where replicas share them. While their store cannot be asked, each gateway counts for
/// itself: programs that send a password with each request go on, and nobody may try without an end.
pub struct Tries {
    own: Arc<Throttle>,
    together: Option<Together>,
}

/// What replicas share.
struct Together {
    tries: Arc<dyn SharedTries>,
    tagger: Tagger,
}

/// Where a try was taken, and is to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// Of this gateway.
    Own,
    /// Of all replicas.
    Shared,
}

impl Tries {
    /// Those of a gateway that shares nothing.
    pub fn alone(own: Arc<Throttle>) -> Self {
        Self { own, together: None }
    }

    /// Those of all replicas. `tagger` makes the names of what is counted, so that who reads the store
    /// cannot find out by guessing who tried from where.
    #[must_use]
    pub fn together(mut self, tries: Arc<dyn SharedTries>, tagger: Tagger) -> Self {
        self.together = Some(Together { tries, tagger });
        self
    }

    /// Takes one try of each; durable when it is `Ok`. Either all are taken or none. No two are of one thing.
    ///
    /// # Errors
    /// One of them has no try left, or nobody can say.
    pub async fn take(&self, counted: &[(Counted, Allowance)]) -> Result<Ledger, Held> {
        if let Some(together) = &self.together {
            match together.tries.take(&together.tried(counted)).await {
                Ok(None) => return Ok(Ledger::Shared),
                Ok(Some(wait)) => return Err(Held::TooMany(wait)),
                Err(fault) => tracing::warn!(%fault, "a try is counted by this gateway alone"),
            }
        }
        let counted = counted.to_vec();
        self.on_disk(move |own| own.take(&counted)).await?;
        Ok(Ledger::Own)
    }

    /// Gives one try back to each of `given_back`: it was none. And forgets all tries of `forgotten`:
    /// somebody showed that it is theirs. What fails is logged; those tries grow back all the same.
    pub async fn settle(
        &self,
        ledger: Ledger,
        given_back: &[(Counted, Allowance)],
        forgotten: &[Counted],
    ) {
        let settled = match (ledger, &self.together) {
            (Ledger::Shared, Some(together)) => {
                let settled = together.settle(given_back, forgotten).await;
                settled.map_err(|fault| Held::Broken(fault.to_string()))
            }
            _ => {
                let (given_back, forgotten) = (given_back.to_vec(), forgotten.to_vec());
                let settle = move |own: &Throttle| {
                    for one in forgotten {
                        own.forget(one)?;
                    }
                    own.give_back(&given_back)
                };
                self.on_disk(move |own| settle(own).map_err(Held::Broken)).await
            }
        };
        if let Err(fault) = settled {
            tracing::warn!(?fault, "a try that counts as none could not be given back");
        }
    }

    async fn on_disk(
        &self,
        work: impl FnOnce(&Throttle) -> Result<(), Held> + Send + 'static,
    ) -> Result<(), Held> {
        let own = Arc::clone(&self.own);
        let done = spawn_blocking(move || work(&own)).await;
        done.unwrap_or_else(|cause| Err(Held::Broken(cause.to_string())))
    }
}

impl Together {
    async fn settle(
        &self,
        given_back: &[(Counted, Allowance)],
        forgotten: &[Counted],
    ) -> Result<(), StoreError> {
        let forgotten: Vec<_> = forgotten.iter().map(|it| self.name(it)).collect();
        self.tries.settle(&self.tried(given_back), &forgotten).await
    }

    fn tried(&self, counted: &[(Counted, Allowance)]) -> Vec<Tried> {
        let tried = counted.iter().map(|(thing, allowance)| Tried {
            thing: self.name(thing),
            step: allowance.step(),
            whole: allowance.within,
        });
        tried.collect()
    }

    /// What a counter is called. A new sealing key begins new counters, once in a month.
    fn name(&self, counted: &Counted) -> [u8; 32] {
        // Should the library fail, which it cannot, all tries are of one thing: too few, not too many.
        self.tagger.name("password try", &[counted.as_bytes()]).unwrap_or_default()
    }
}

impl fmt::Debug for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tries").field("together", &self.together.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
