//! One key in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::authn::api_key::record::ApiKey;
use crate::authn::api_key::text::Digest;
use crate::base::{Entropy, Timestamp};
use crate::identity::Principal;

/// One key in memory. A change puts another one in its place; uses are noted in it.
pub(super) struct Entry {
    pub(super) key: ApiKey,
    pub(super) digest: Digest,
    pub(super) principal: Arc<Principal>,
    /// What streams that it opens are bound to. A key that is switched on again has another one: the
    /// old one was ended.
    pub(super) streams: [u8; 32],
    used: AtomicI64,
    written: AtomicI64,
}

/// Uses closer together are one: the last use is known to the second.
const APART_MILLIS: i64 = 1_000;

impl Entry {
    /// A key that was last used at `used` (milliseconds since the Unix epoch; 0: never), which is written.
    pub(super) fn new(key: ApiKey, digest: Digest, used: i64, entropy: &dyn Entropy) -> Self {
        Self {
            principal: key.principal(),
            key,
            digest,
            streams: entropy.bytes(),
            used: AtomicI64::new(used),
            written: AtomicI64::new(used),
        }
    }

    /// The same key, changed. Its streams were bound to the old one, which has to be ended.
    pub(super) fn changed(&self, key: ApiKey, digest: Digest, entropy: &dyn Entropy) -> Self {
        let entry = Self::new(key, digest, self.used(), entropy);
        entry.written.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
        entry
    }

    /// Notes a use.
    pub(super) fn touch(&self, now: Timestamp) {
        let now = now.as_millis();
        // Read first: a write would take the line away from the other cores with each request.
        if self.used().saturating_add(APART_MILLIS) <= now {
            self.used.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// The last use, in milliseconds since the Unix epoch; 0: none.
    pub(super) fn used(&self) -> i64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The last use, where it is not written yet.
    pub(super) fn unwritten(&self) -> Option<i64> {
        let used = self.used();
        (used > self.written.load(Ordering::Relaxed)).then_some(used)
    }

    /// A use that is written, by us or another gateway.
    pub(super) fn is_written(&self, used: i64) {
        self.used.fetch_max(used, Ordering::Relaxed);
        self.written.fetch_max(used, Ordering::Relaxed);
    }
}
