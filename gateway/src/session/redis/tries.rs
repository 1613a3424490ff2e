//! Tries, counted in the server.

use std::time::Duration;

use async_trait::async_trait;

use crate::session::redis::RedisStore;
use crate::session::redis::scripts::SCRIPTS;
use crate::session::shared::{SharedTries, Tried};
use crate::session::store::StoreError;

/// So many things may be new in the time in which tries grow back, at all gateways together, so that
/// never more than twice as many are there. As many as a gateway keeps by itself, which is where tries
/// are counted beyond it.
const MOST: u32 = 1_000_000;

#[async_trait]
impl SharedTries for RedisStore {
    async fn take(&self, tries: &[Tried]) -> Result<Option<Duration>, StoreError> {
        let mut call = SCRIPTS.take_tries.prepare_invoke();
        for tried in tries {
            call.key(self.link.names.tries(&tried.thing));
            call.arg(millis(tried.step)).arg(millis(tried.whole));
        }
        call.key(self.link.names.tries_begun()).arg(MOST);
        let wait: u64 = self.link.run("count a try", &call).await?;
        Ok((wait > 0).then(|| Duration::from_millis(wait)))
    }

    async fn settle(&self, given_back: &[Tried], forgotten: &[[u8; 32]]) -> Result<(), StoreError> {
        let mut call = SCRIPTS.settle_tries.prepare_invoke();
        for tried in given_back {
            call.key(self.link.names.tries(&tried.thing)).arg(millis(tried.step));
        }
        for thing in forgotten {
            call.key(self.link.names.tries(thing)).arg(0);
        }
        call.key(self.link.names.tries_begun());
        let _: bool = self.link.run("give a try back", &call).await?;
        Ok(())
    }
}

/// At least one: a key that lives for no time cannot be.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> 12).clamp(1, u64::MAX >> 12)
}
