//! A token that was judged, and for how long that judgement counts.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use crate::base::Timestamp;
use crate::identity::{Principal, Strength};

/// What is known of a good token: of its issuer only, never of a route. What a route wants of it is
/// judged on each request.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    /// Whom it names.
    pub(super) principal: Arc<Principal>,
    /// When and how the person proved who they are, as the issuer says.
    pub(super) strength: Arc<Strength>,
    /// What it is good for.
    pub(super) scopes: Arc<[String]>,
    /// When the token itself ends: `exp`.
    pub(super) expires: Option<Timestamp>,
    /// The judgement counts from this moment on.
    pub(super) from: Timestamp,
    /// And before this one.
    pub(super) until: Timestamp,
    /// The keys it was verified with.
    pub(super) generation: u64,
}

/// SHA-256 of the whole token: of the first characters only, two people's tokens are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

/// The tokens of one issuer that were verified lately. One per issuer, so that what one issuer's keys
/// have verified is never found under another's.
#[derive(Debug)]
pub(super) struct VerifiedCache(Option<Cache<Fingerprint, Arc<Accepted>>>);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }

    /// A number that spreads tokens evenly.
    pub(super) fn shard(&self) -> usize {
        let [first, ..] = self.0;
        usize::from(first)
    }
}

impl Accepted {
    /// Whether it may be believed at this moment without asking again.
    fn counts(&self, now: Timestamp, generation: u64) -> bool {
        self.from <= now && now < self.until && self.generation == generation
    }
}

impl VerifiedCache {
    /// Remembers at most `entries`; 0 remembers nothing.
    pub(super) fn new(entries: usize) -> Self {
        Self((entries > 0).then(|| Cache::new(entries)))
    }

    /// Whether anything is remembered.
    pub(super) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What is known of a token, where it still counts.
    pub(super) fn find(
        &self,
        token: &Fingerprint,
        now: Timestamp,
        generation: u64,
    ) -> Option<Arc<Accepted>> {
        let cache = self.0.as_ref()?;
        let known = cache.get(token)?;
        if known.counts(now, generation) {
            return Some(known);
        }
        cache.remove(token);
        None
    }

    /// Remembers a token, unless it would not count.
    pub(super) fn remember(&self, token: Fingerprint, accepted: &Arc<Accepted>, now: Timestamp) {
        if let Some(cache) = &self.0
            && accepted.counts(now, accepted.generation)
        {
            cache.insert(token, Arc::clone(accepted));
        }
    }
}
