//! The way in by a session's handle in a cookie.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use async_trait::async_trait;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
use crate::authn::signed_url;
use crate::base::ProviderId;
use crate::identity::{Authenticated, WayIn};
use crate::session::{Handle, Hot, Session, SessionManager};
use crate::web::cookie::{self, CookieValue};
use crate::web::{Request, Scheme};

/// Reads the handle from a cookie and asks for its session.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    names: CookieNames,
    manager: Arc<SessionManager>,
    providers: Option<Arc<[ProviderId]>>,
}

/// The cookie's two names. The `__Host-` prefix makes browsers refuse the cookie from a sibling
/// domain or over plain HTTP; on a loopback address, where there may be no TLS, it cannot be had.
#[derive(Clone, Debug)]
pub struct CookieNames {
    /// Over HTTPS.
    pub secure: String,
    /// Over plain HTTP on loopback hosts.
    pub plain: String,
}

impl SessionCookie {
    /// The way in over the sessions of `manager`.
    pub fn new(names: CookieNames, manager: Arc<SessionManager>) -> Self {
        Self { names, manager, providers: None }
    }

    /// Takes only sessions of people who signed in with one of these providers: a route for those
    /// of one provider is not for those of another, where everybody may open an account.
    #[must_use]
    pub fn only(mut self, providers: impl Into<Arc<[ProviderId]>>) -> Self {
        self.providers = Some(providers.into());
        self
    }

    /// The handle that a request carries, or what there is to say without one.
    fn handle(&self, request: &Request<'_>) -> Result<Handle, Outcome> {
        let Some(name) = self.names.of(request.scheme, request.host) else {
            return Err(Outcome::Absent);
        };
        let text = match cookie::find(request.headers, name) {
            CookieValue::Absent => return Err(Outcome::Absent),
            CookieValue::Repeated => return Err(Outcome::Reject(RejectReason::Repeated)),
            CookieValue::One(text) => text,
        };
        Handle::parse(text).ok_or(Outcome::Reject(RejectReason::Malformed))
    }

    fn judge(&self, session: Option<&Session>, request: &Request<'_>) -> Outcome {
        let Some(session) = session else {
            return Outcome::Reject(RejectReason::SessionUnknown);
        };
        let takes = |providers: &Arc<[_]>| providers.contains(&session.provider);
        if !self.providers.as_ref().is_none_or(takes) {
            return Outcome::Reject(RejectReason::OtherProvider);
        }
        if !signed_url::reaches(session, request) {
            return Outcome::Reject(RejectReason::OutOfReach);
        }
        let principal = Arc::clone(&session.principal);
        let session = Arc::clone(session.reference());
        Outcome::Accept(Authenticated::assertion(principal, WayIn::Session, Some(session)))
    }
}

#[async_trait]
impl Authenticator for SessionCookie {
    fn way_in(&self) -> WayIn {
        WayIn::Session
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        let handle = match self.handle(request) {
            Ok(handle) => handle,
            Err(outcome) => return outcome,
        };
        match self.manager.find(&handle).await {
            Ok(session) => self.judge(session.as_deref(), request),
            Err(fault) => Outcome::Unavailable(Unavailable {
                dependency: "the session store",
                cause: Box::new(fault),
            }),
        }
    }

    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        match self.handle(request) {
            Ok(handle) => match self.manager.find_hot(&handle) {
                Hot::Cold => None,
                Hot::Over => Some(self.judge(None, request)),
                Hot::Session(session) => Some(self.judge(Some(&session), request)),
            },
            Err(outcome) => Some(outcome),
        }
    }

    fn again(
        &self,
        _: &Authenticated,
        session: Option<&Session>,
        request: &Request<'_>,
    ) -> Option<Outcome> {
        Some(self.judge(session, request))
    }
}

impl CookieNames {
    /// The name that counts for a request; none where a session would travel in the clear, so that
    /// a cookie that an attacker on the wire planted or read there is never looked at.
    pub fn of(&self, scheme: Scheme, host: &str) -> Option<&str> {
        match scheme {
            Scheme::Https => Some(&self.secure),
            Scheme::Http => is_loopback(host).then_some(&self.plain),
        }
    }
}

/// Whether nobody on the way can read what is sent.
pub(super) fn is_private(scheme: Scheme, host: &str) -> bool {
    scheme == Scheme::Https || is_loopback(host)
}

impl CookieNames {
    /// The name of the cookie that a tab in Teams has: of another name than the usual one, so that
    /// what a browser sends with other sites' requests counts only where it is looked for.
    pub fn teams(&self, scheme: Scheme, host: &str) -> Option<String> {
        self.of(scheme, host).map(|name| format!("{name}-teams"))
    }

    /// Whether a cookie is ours: a session's, or the one that binds a login to its browser. Neither
    /// is for an upstream to see, nor to set.
    pub fn is_ours(&self, name: &str) -> bool {
        [&self.secure, &self.plain].into_iter().any(|own| {
            let rest = name.strip_prefix(own.as_str());
            rest.is_some_and(|rest| matches!(rest, "" | "-login" | "-signed-out" | "-teams"))
        })
    }
}

impl Default for CookieNames {
    fn default() -> Self {
        Self { secure: "__Host-portcullis".to_owned(), plain: "portcullis".to_owned() }
    }
}

/// Hosts that browsers themselves keep on this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
