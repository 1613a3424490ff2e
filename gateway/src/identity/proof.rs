//! Proofs that a check has passed. Each has one constructor, named `assertion`, so that every place
//! that claims to have checked is found by searching for one word (`tests/it/layers.rs` holds the
//! list of floors that may).

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use crate::base::{ProviderId, RouteId, Timestamp};
use crate::identity::{Memo, Principal, Strength, WayIn};

/// Proof that somebody showed a good credential.
#[derive(Clone, Debug)]
pub struct Authenticated {
    principal: Arc<Principal>,
    way_in: WayIn,
    session: Option<Arc<SessionRef>>,
    expires: Option<Timestamp>,
    bond: Option<[u8; 32]>,
    passed: Option<Passed>,
    strength: Option<Arc<Strength>>,
}

/// Header fields that whoever vouched wants the upstream to see as they are.
pub type Passed = Arc<[(HeaderName, HeaderValue)]>;

/// What the rest of the gateway may know of the session behind a request; never its handle.
#[derive(Clone, Debug)]
pub struct SessionRef {
    /// SHA-256 of the handle: the store's key.
    pub key: [u8; 32],
    /// The session's public name (`sid`): says nothing about handle or key.
    pub sid: Arc<str>,
    /// How the person signed in.
    pub signed_in_by: WayIn,
    /// At which provider.
    pub provider: ProviderId,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// Whether somebody said so who knows it. Else `auth_time` is the moment at which the provider
    /// issued its token: of somebody, maybe, who had been signed in there for weeks.
    pub auth_time_stated: bool,
    /// Authentication context class, as the provider gave it.
    pub acr: Option<Arc<str>>,
    /// Authentication methods, as the provider gave them.
    pub amr: Arc<[String]>,
    /// Microsoft Entra's authentication contexts (`acrs`), as the provider gave them.
    pub acrs: Arc<[String]>,
    /// What is remembered with it.
    pub memo: Memo,
}

/// Proof that a request was authenticated *and* allowed on one route. Nothing is forwarded without.
#[derive(Clone, Debug)]
pub struct Permit {
    authenticated: Authenticated,
    route: RouteId,
}

impl Authenticated {
    /// Asserts that `principal` was proven by `way_in`. Called by the ways in only.
    pub fn assertion(
        principal: Arc<Principal>,
        way_in: WayIn,
        session: Option<Arc<SessionRef>>,
    ) -> Self {
        Self { principal, way_in, session, expires: None, bond: None, passed: None, strength: None }
    }

    /// The same, good until a moment only: what was opened with it must end then.
    #[must_use]
    pub const fn until(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }

    /// The same, of a credential that somebody can withdraw: streams that it opens are registered under
    /// this key, and end when the key does.
    #[must_use]
    pub const fn bound_to(mut self, bond: [u8; 32]) -> Self {
        self.bond = Some(bond);
        self
    }

    /// What streams are bound to that it opens, where there is no session.
    pub const fn bond(&self) -> Option<[u8; 32]> {
        self.bond
    }

    /// The same, with what its issuer says of how it was proven.
    #[must_use]
    pub fn shown(self, strength: Arc<Strength>) -> Self {
        Self { strength: Some(strength), ..self }
    }

    /// When and how it was proven, where that is known.
    pub fn strength(&self) -> Strength {
        match (&self.session, &self.strength) {
            (Some(session), _) => Strength {
                auth_time: session.auth_time_stated.then_some(session.auth_time),
                acr: session.acr.clone(),
                acrs: Arc::clone(&session.acrs),
            },
            (None, Some(strength)) => Strength::clone(strength),
            (None, None) => Strength::default(),
        }
    }

    /// The same, with fields for the upstream. The route strips these names from what clients send.
    #[must_use]
    pub fn passing(self, passed: Passed) -> Self {
        Self { passed: (!passed.is_empty()).then_some(passed), ..self }
    }

    /// Fields for the upstream, as whoever vouched wrote them.
    pub fn passed(&self) -> &[(HeaderName, HeaderValue)] {
        self.passed.as_deref().unwrap_or_default()
    }

    /// When the credential ends, where it says so itself. A session's end is the session's own.
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Who it is.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// How this request proved it.
    pub const fn way_in(&self) -> WayIn {
        self.way_in
    }

    /// The session the proof came from, if it came from one.
    pub fn session(&self) -> Option<&SessionRef> {
        self.session.as_deref()
    }

    /// Whether nobody in particular was accepted.
    pub fn is_anonymous(&self) -> bool {
        self.way_in == WayIn::Anonymous
    }
}

impl Permit {
    /// Asserts that `authenticated` may use `route`. Called by the authorizers only.
    pub fn assertion(authenticated: Authenticated, route: RouteId) -> Self {
        Self { authenticated, route }
    }

    /// The same, good until a moment only, or until the one that was said before, if that is earlier.
    #[must_use]
    pub fn until(mut self, moment: Timestamp) -> Self {
        let moment = self.authenticated.expires.map_or(moment, |expires| expires.min(moment));
        self.authenticated.expires = Some(moment);
        self
    }

    /// Who is let through.
    pub const fn authenticated(&self) -> &Authenticated {
        &self.authenticated
    }

    /// The route it was let through on.
    pub const fn route(&self) -> &RouteId {
        &self.route
    }
}
