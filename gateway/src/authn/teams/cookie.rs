//! The cookie of a session that began in a tab.

use std::sync::Arc;

use async_trait::async_trait;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
use crate::authn::session::CookieNames;
use crate::authn::teams::tickets::{self, Shown, Tickets};
use crate::base::{Clock, ProviderId, RouteId};
use crate::identity::{Authenticated, WayIn};
use crate::session::{Handle, Hot, Session, SessionKey, SessionManager, StoreError};
use crate::web::cookie::{self, CookieValue};
use crate::web::{Request, origin};

/// Reads the handle from the cookie of tabs and asks for its session.
///
/// The cookie is `SameSite=None`: a browser sends it along whoever asks, as far as the page is in the
/// same frame of the same host. So a request that may change something must come from our own pages.
#[derive(Clone, Debug)]
pub struct TeamsCookie {
    names: CookieNames,
    manager: Arc<SessionManager>,
    provider: ProviderId,
    tickets: Option<TicketDesk>,
}

/// Where a route's tickets are taken.
#[derive(Clone, Debug)]
struct TicketDesk {
    tickets: Tickets,
    route: RouteId,
    clock: Arc<dyn Clock>,
}

impl TeamsCookie {
    /// The way in over the sessions of `manager` that people of `provider` began in a tab.
    pub fn new(names: CookieNames, manager: Arc<SessionManager>, provider: ProviderId) -> Self {
        Self { names, manager, provider, tickets: None }
    }

    /// Takes tickets too, at the handshakes of WebSockets of this route.
    #[must_use]
    pub fn taking(mut self, tickets: Tickets, route: RouteId, clock: Arc<dyn Clock>) -> Self {
        self.tickets = Some(TicketDesk { tickets, route, clock });
        self
    }

    /// The session that a ticket stands for; `None` where no ticket is shown.
    async fn ticket(&self, request: &Request<'_>) -> Option<Result<SessionKey, Outcome>> {
        let desk = self.tickets.as_ref()?;
        let text = match tickets::shown(request) {
            Shown::Nothing => return None,
            Shown::Several => return Some(Err(Outcome::Reject(RejectReason::Repeated))),
            // Anywhere else an address is kept, and passed on by people.
            Shown::One(_) if !request.websocket => {
                return Some(Err(Outcome::Reject(RejectReason::Misplaced)));
            }
            Shown::One(text) => text,
        };
        let taken = desk.tickets.take(&text, &desk.route, desk.clock.now()).await;
        Some(match taken {
            Ok(key) => key.ok_or(Outcome::Reject(RejectReason::Used)),
            Err(fault) => Err(unavailable(fault)),
        })
    }

    /// The handle in the cookie, or what there is to say without one.
    fn cookie(&self, request: &Request<'_>) -> Result<Handle, Outcome> {
        let Some(name) = self.names.teams(request.scheme, request.host) else {
            return Err(Outcome::Absent);
        };
        let text = match cookie::find(request.headers, &name) {
            CookieValue::Absent => return Err(Outcome::Absent),
            CookieValue::Repeated => return Err(Outcome::Reject(RejectReason::Repeated)),
            CookieValue::One(text) => text,
        };
        let malformed = Outcome::Reject(RejectReason::Malformed);
        let handle = Handle::parse(text).ok_or(malformed)?;
        if origin::changes_across_sites(request) {
            return Err(Outcome::Reject(RejectReason::CrossSite));
        }
        Ok(handle)
    }

    fn judge(&self, session: Option<&Session>) -> Outcome {
        match session {
            None => Outcome::Reject(RejectReason::SessionUnknown),
            Some(session) if session.provider != self.provider => {
                Outcome::Reject(RejectReason::OtherProvider)
            }
            Some(session) => {
                let principal = Arc::clone(&session.principal);
                let session = Arc::clone(session.reference());
                Outcome::Accept(Authenticated::assertion(principal, WayIn::Teams, Some(session)))
            }
        }
    }
}

#[async_trait]
impl Authenticator for TeamsCookie {
    fn way_in(&self) -> WayIn {
        WayIn::Teams
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        let shown = match self.ticket(request).await {
            Some(shown) => shown,
            None => self.cookie(request).map(|handle| handle.key()),
        };
        let key = match shown {
            Ok(key) => key,
            Err(outcome) => return outcome,
        };
        match self.manager.find_by_key(&key).await {
            Ok(session) => self.judge(session.as_deref()),
            Err(fault) => unavailable(fault),
        }
    }

    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        // A ticket is used up by looking at it: only once, by whoever is asked in earnest.
        if self.tickets.is_some() && tickets::shown(request) != Shown::Nothing {
            return None;
        }
        match self.cookie(request) {
            Ok(handle) => match self.manager.find_hot(&handle) {
                Hot::Cold => None,
                Hot::Over => Some(self.judge(None)),
                Hot::Session(session) => Some(self.judge(Some(&session))),
            },
            Err(outcome) => Some(outcome),
        }
    }

    fn again(
        &self,
        _: &Authenticated,
        session: Option<&Session>,
        _: &Request<'_>,
    ) -> Option<Outcome> {
        Some(self.judge(session))
    }
}

fn unavailable(fault: StoreError) -> Outcome {
    let cause = Box::new(fault);
    Outcome::Unavailable(Unavailable { dependency: "the session store", cause })
}

#[cfg(test)]
mod tests;
