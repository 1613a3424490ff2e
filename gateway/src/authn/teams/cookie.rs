//! The cookie of a session that began in a tab.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
use crate::authn::session::CookieNames;
use crate::base::ProviderId;
use crate::identity::{Authenticated, WayIn};
use crate::session::{Handle, SessionManager};
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
}

impl TeamsCookie {
    /// The way in over the sessions of `manager` that people of `provider` began in a tab.
    pub fn new(names: CookieNames, manager: Arc<SessionManager>, provider: ProviderId) -> Self {
        Self { names, manager, provider }
    }
}

#[async_trait]
impl Authenticator for TeamsCookie {
    fn way_in(&self) -> WayIn {
        WayIn::Teams
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        let Some(name) = self.names.teams(request.scheme, request.host) else {
            return Outcome::Absent;
        };
        let text = match cookie::find(request.headers, &name) {
            CookieValue::Absent => return Outcome::Absent,
            CookieValue::Repeated => return Outcome::Reject(RejectReason::Repeated),
            CookieValue::One(text) => text,
        };
        let Some(handle) = Handle::parse(text) else {
            return Outcome::Reject(RejectReason::Malformed);
        };
        if !is_safe(request.method)
            && origin::check_state_change(request.headers, request.scheme, request.authority, &[])
                .is_err()
        {
            return Outcome::Reject(RejectReason::CrossSite);
        }
        match self.manager.find(&handle).await {
            Ok(Some(session)) if session.provider != self.provider => {
                Outcome::Reject(RejectReason::OtherProvider)
            }
            Ok(Some(session)) => {
                let principal = Arc::clone(&session.principal);
                let session = Arc::clone(session.reference());
                Outcome::Accept(Authenticated::assertion(principal, WayIn::Teams, Some(session)))
            }
            Ok(None) => Outcome::Reject(RejectReason::SessionUnknown),
            Err(fault) => Outcome::Unavailable(Unavailable {
                dependency: "the session store",
                cause: Box::new(fault),
            }),
        }
    }
}

/// The methods that change nothing (RFC 9110 section 9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

#[cfg(test)]
mod tests;
