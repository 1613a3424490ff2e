//! A route's ordered list of ways in.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
use crate::identity::{Authenticated, WayIn};
use crate::session::Session;
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
            let outcome = now_or_later(&**way, request).await;
            if let ControlFlow::Break(decided) = self.heed(&**way, outcome) {
                if let Ok(Some(accepted)) = &decided {
                    for other in self.others(place, accepted) {
                        agrees(other, accepted, now_or_later(other, request).await)?;
                    }
                }
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
        for (place, way) in self.ways.iter().enumerate() {
            let outcome = way.authenticate_now(request)?;
            if let ControlFlow::Break(decided) = self.heed(&**way, outcome) {
                if let Ok(Some(accepted)) = &decided {
                    for other in self.others(place, accepted) {
                        let outcome = other.authenticate_now(request)?;
                        if let Err(fault) = agrees(other, accepted, outcome) {
                            return Some(Err(fault));
                        }
                    }
                }
                return Some(decided);
            }
        }
        Some(Ok(None))
    }

    /// What it says today of somebody whom it accepted earlier, without their credential: see
    /// [`Authenticator::again`]. `unchanged` says that its ways are the ones that accepted. `None` where
    /// it would not accept them, or cannot say.
    pub fn again(
        &self,
        proof: &Authenticated,
        session: Option<&Session>,
        request: &Request<'_>,
        unchanged: bool,
    ) -> Option<Authenticated> {
        let way = self.ways.iter().find(|way| way.way_in() == proof.way_in())?;
        match way.again(proof, session, request) {
            Some(Outcome::Accept(proof)) => Some(proof),
            Some(Outcome::Absent | Outcome::Reject(_) | Outcome::Unavailable(_)) => None,
            None => unchanged.then(|| proof.clone()),
        }
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

    /// The ways behind the one that accepted which must not name somebody else.
    fn others<'a>(
        &'a self,
        place: usize,
        accepted: &Authenticated,
    ) -> impl Iterator<Item = &'a dyn Authenticator> + use<'a> {
        let way_in = accepted.way_in();
        let behind = if self.mixed { self.ways.get(place.saturating_add(1)..) } else { None };
        let behind = behind.unwrap_or_default().iter().map(|way| &**way);
        behind.filter(move |way| must_agree(way_in, way.way_in()))
    }

    /// How a refusal asks for the credentials of this route; see [`Authenticator::challenge`].
    pub fn challenges(&self) -> impl Iterator<Item = (WayIn, &str)> {
        self.ways.iter().filter_map(|way| Some((way.way_in(), way.challenge()?)))
    }

    fn forgives(&self, reason: RejectReason) -> bool {
        let nobody_here = matches!(
            reason,
            RejectReason::OtherProvider | RejectReason::OutOfReach | RejectReason::SessionUnknown
        );
        nobody_here && self.ends_anonymous()
    }

    fn ends_anonymous(&self) -> bool {
        self.ways.last().is_some_and(|last| last.way_in() == WayIn::Anonymous)
    }
}

async fn now_or_later(way: &dyn Authenticator, request: &Request<'_>) -> Outcome {
    match way.authenticate_now(request) {
        Some(outcome) => outcome,
        None => way.authenticate(request).await,
    }
}

/// Whether another credential of the request names the one who was accepted, or nobody: one that is
/// bad names nobody, and the first one has decided.
fn agrees(
    other: &dyn Authenticator,
    accepted: &Authenticated,
    outcome: Outcome,
) -> Result<(), ChainFault> {
    match outcome {
        Outcome::Accept(proof) if !proof.principal().is_same_as(accepted.principal()) => {
            Err(ChainFault::Reject(other.way_in(), RejectReason::OtherPrincipal))
        }
        Outcome::Absent | Outcome::Accept(_) | Outcome::Reject(_) => Ok(()),
        // A check that cannot be made has not passed.
        Outcome::Unavailable(cause) => Err(ChainFault::Unavailable(cause)),
    }
}

/// Whether credentials of these two kinds must name one principal: the cookie that a browser sends by
/// itself, and the token or password that a program adds.
const fn must_agree(one: WayIn, other: WayIn) -> bool {
    matches!(
        (one, other),
        (WayIn::Session, WayIn::ApiKey | WayIn::Bearer | WayIn::Password | WayIn::Teams)
            | (WayIn::ApiKey | WayIn::Bearer | WayIn::Password | WayIn::Teams, WayIn::Session)
    )
}

#[cfg(test)]
mod tests;
