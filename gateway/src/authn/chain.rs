//! A route's ordered list of ways in.

use std::sync::Arc;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason};
use crate::identity::WayIn;
use crate::web::Request;

/// The ways in of one route. The first credential that is *present* decides: a bad one stops the
/// chain, because falling through to a weaker way would let an attacker choose by spoiling.
#[derive(Clone, Debug)]
pub struct Chain {
    ways: Arc<[Arc<dyn Authenticator>]>,
}

impl Chain {
    /// The ways in, in the order of the route's `auth` list.
    pub fn new(ways: impl Into<Arc<[Arc<dyn Authenticator>]>>) -> Self {
        Self { ways: ways.into() }
    }

    /// Asks each way in turn. An empty chain says [`Outcome::Absent`]: nobody is let in.
    ///
    /// One exception: a stale session cookie must not lock a visitor out of a route that also takes
    /// visitors without one, so a session that is unknown counts as absent where `anonymous` ends
    /// the list. An attacker gains nothing: leaving the cookie out does the same.
    pub async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        for way in self.ways.iter() {
            match way.authenticate(request).await {
                Outcome::Absent => {}
                Outcome::Reject(RejectReason::SessionUnknown) if self.ends_anonymous() => {}
                decided => return decided,
            }
        }
        Outcome::Absent
    }

    fn ends_anonymous(&self) -> bool {
        self.ways
            .last()
            .is_some_and(|last| last.way_in() == WayIn::Anonymous)
    }
}
