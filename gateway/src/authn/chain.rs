//! A route's ordered list of ways in.

use std::sync::Arc;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
use crate::identity::{Authenticated, WayIn};
use crate::web::Request;

/// The ways in of one route. The first credential that is *present* decides: a bad one stops the
/// chain, because falling through to a weaker way would let an attacker choose by spoiling.
#[derive(Clone, Debug)]
pub struct Chain {
    ways: Arc<[Arc<dyn Authenticator>]>,
    /// Whether two of them must agree; most chains need not ask.
    mixed: bool,
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
        let ways = ways.into();
        let kinds = || ways.iter().map(|way| way.way_in());
        let mixed = kinds().any(|one| kinds().any(|other| must_agree(one, other)));
        Self { ways, mixed }
    }

    /// Asks each way in turn. `None` when no credential was sent: an empty chain lets nobody in.
    ///
    /// One exception: a stale session cookie must not lock a visitor out of a route that also takes
    /// visitors without one, so a session that is unknown, or of a provider that does not count
    /// here, is absent where `anonymous` ends the list. An attacker gains nothing: leaving the cookie out does the same.
    ///
    /// A session's cookie and a token on one request must name one principal. Browsers send cookies
    /// along by themselves, so that else a page could act with a token of its own choice as somebody
    /// other than its visitor, and nobody could say afterwards who it was.
    ///
    /// # Errors
    /// A credential was sent and is bad, or it cannot be judged just now.
    pub async fn authenticate(
        &self,
        request: &Request<'_>,
    ) -> Result<Option<Authenticated>, ChainFault> {
        for (place, way) in self.ways.iter().enumerate() {
            match way.authenticate(request).await {
                Outcome::Absent => {}
                Outcome::Accept(authenticated) => {
                    if self.mixed {
                        self.check_others(place, &authenticated, request).await?;
                    }
                    return Ok(Some(authenticated));
                }
                Outcome::Reject(reason) if self.forgives(reason) => {}
                Outcome::Reject(reason) => return Err(ChainFault::Reject(way.way_in(), reason)),
                Outcome::Unavailable(cause) => return Err(ChainFault::Unavailable(cause)),
            }
        }
        Ok(None)
    }

    /// Asks the ways behind the one that accepted whether they name somebody else. One that is bad
    /// names nobody; the first credential has decided.
    async fn check_others(
        &self,
        place: usize,
        accepted: &Authenticated,
        request: &Request<'_>,
    ) -> Result<(), ChainFault> {
        let others = self.ways.iter().skip(place.saturating_add(1));
        for way in others.filter(|way| must_agree(accepted.way_in(), way.way_in())) {
            match way.authenticate(request).await {
                Outcome::Accept(other) if !other.principal().is_same_as(accepted.principal()) => {
                    return Err(ChainFault::Reject(way.way_in(), RejectReason::OtherPrincipal));
                }
                Outcome::Absent | Outcome::Accept(_) | Outcome::Reject(_) => {}
                // A check that cannot be made has not passed.
                Outcome::Unavailable(cause) => return Err(ChainFault::Unavailable(cause)),
            }
        }
        Ok(())
    }

    /// How a refusal asks for the credentials of this route; see [`Authenticator::challenge`].
    pub fn challenges(&self) -> impl Iterator<Item = (WayIn, &str)> {
        self.ways.iter().filter_map(|way| Some((way.way_in(), way.challenge()?)))
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

/// Whether credentials of these two kinds must name one principal: the cookie that a browser sends by
/// itself, and the token that a script adds.
const fn must_agree(one: WayIn, other: WayIn) -> bool {
    matches!(
        (one, other),
        (WayIn::Session, WayIn::Bearer | WayIn::Teams)
            | (WayIn::Bearer | WayIn::Teams, WayIn::Session)
    )
}

#[cfg(test)]
mod tests;
