//! A route's ordered list of ways in.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
use crate::identity::{Authenticated, WayIn};
use crate::web::Request;

/// The ways in of one route. The first credential that is *present* decides: a bad one stops the
/// chain, because falling through to a weaker way would let an attacker choose by spoiling.
#[derive(Clone, Debug)]
pub struct Chain {
    ways: Arc<[Arc<dyn Authenticator>]>,
}

/// Why a chain stopped. 401 and 503 are never confused.
#[derive(Debug)]
pub enum ChainFault {
    /// A credential of this way in is bad.
    Reject(WayIn, RejectReason),
    /// A credential cannot be judged just now.
    Unavailable(Unavailable),
}

impl Chain {
    /// The ways in, in the order of the route's `auth` list.
    pub fn new(ways: impl Into<Arc<[Arc<dyn Authenticator>]>>) -> Self {
        Self { ways: ways.into() }
    }

    /// Asks each way in turn. `None` when no credential was sent: an empty chain lets nobody in.
    ///
    /// One exception: a stale session cookie must not lock a visitor out of a route that also takes
    /// visitors without one, so a session that is unknown, or of a provider that does not count
    /// here, is absent where `anonymous` ends the list. An attacker gains nothing: leaving the cookie out does the same.
    ///
    /// # Errors
    /// A credential was sent and is bad, or it cannot be judged just now.
    pub async fn authenticate(
        &self,
        request: &Request<'_>,
    ) -> Result<Option<Authenticated>, ChainFault> {
        for way in self.ways.iter() {
            let outcome = match way.authenticate_now(request) {
                Some(outcome) => outcome,
                None => way.authenticate(request).await,
            };
            if let ControlFlow::Break(decided) = self.heed(&**way, outcome) {
                return decided;
            }
        }
        Ok(None)
    }

    /// What [`authenticate`](Self::authenticate) would say, where no way has to ask anybody; `None`
    /// where one does.
    ///
    /// # Errors
    /// A credential was sent and is bad, or it cannot be judged just now.
    pub fn authenticate_now(
        &self,
        request: &Request<'_>,
    ) -> Option<Result<Option<Authenticated>, ChainFault>> {
        for way in self.ways.iter() {
            let outcome = way.authenticate_now(request)?;
            if let ControlFlow::Break(decided) = self.heed(&**way, outcome) {
                return Some(decided);
            }
        }
        Some(Ok(None))
    }

    /// Whether a way's answer decides, and how.
    fn heed(
        &self,
        way: &dyn Authenticator,
        outcome: Outcome,
    ) -> ControlFlow<Result<Option<Authenticated>, ChainFault>> {
        ControlFlow::Break(match outcome {
            Outcome::Absent => return ControlFlow::Continue(()),
            Outcome::Reject(reason) if self.forgives(reason) => return ControlFlow::Continue(()),
            Outcome::Accept(authenticated) => Ok(Some(authenticated)),
            Outcome::Reject(reason) => Err(ChainFault::Reject(way.way_in(), reason)),
            Outcome::Unavailable(cause) => Err(ChainFault::Unavailable(cause)),
        })
    }

    fn forgives(&self, reason: RejectReason) -> bool {
        let nobody_here =
            matches!(reason, RejectReason::OtherProvider | RejectReason::SessionUnknown);
        nobody_here && self.ends_anonymous()
    }

    fn ends_anonymous(&self) -> bool {
        self.ways.last().is_some_and(|last| last.way_in() == WayIn::Anonymous)
    }
}

#[cfg(test)]
mod tests;
