//! Notices a browser that signs in again and again because its session cookie never comes back.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::base::Timestamp;
use crate::endpoints::browser::Mark;

/// When each browser finished its last logins.
#[derive(Debug)]
pub(super) struct RecentLogins(Cache<String, Arc<[Timestamp]>>);

/// Browsers remembered. One that is pushed out loops a little longer.
const BROWSERS: usize = 16_384;
/// Logins finished within this time count.
const WINDOW: Duration = Duration::from_secs(60);
/// So many that a third is begun only by a browser that cannot keep the cookie.
const TOLERATED: usize = 2;
/// With a session behind the request the cookie does come back: many tabs are signing in at once.
/// Something may still send it round in circles.
const TOLERATED_SIGNED_IN: usize = 16;

impl Default for RecentLogins {
    fn default() -> Self {
        Self(Cache::new(BROWSERS))
    }
}

impl RecentLogins {
    /// Notes a login that ended in a session. Two at the same moment may count as one.
    pub(super) fn finished(&self, mark: &Mark, now: Timestamp) {
        let mut recent = self.within(mark, now);
        recent.push(now);
        let surplus = recent.len().saturating_sub(TOLERATED_SIGNED_IN);
        self.0.insert(mark.as_str().to_owned(), recent.split_off(surplus).into());
    }

    /// Whether a browser that has no session may be going in circles.
    pub(super) fn is_suspect(&self, mark: &Mark, now: Timestamp) -> bool {
        self.within(mark, now).len() >= TOLERATED
    }

    /// Whether a browser goes in circles although it has a session.
    pub(super) fn is_circling(&self, mark: &Mark, now: Timestamp) -> bool {
        self.within(mark, now).len() >= TOLERATED_SIGNED_IN
    }

    /// Forgets a browser's logins: the person wants to try again.
    pub(super) fn forget(&self, mark: &Mark) {
        self.0.remove(mark.as_str());
    }

    fn within(&self, mark: &Mark, now: Timestamp) -> Vec<Timestamp> {
        let finished = self.0.get(mark.as_str());
        let finished = finished.iter().flat_map(|finished| finished.iter().copied());
        finished.filter(|at| now.since(*at) <= WINDOW).collect()
    }
}
