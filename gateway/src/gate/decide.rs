//! The decision, as a function: no socket, no pingora.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;

use crate::authn::ChainFault;
use crate::authz::{DenyReason, Question, Verdict};
use crate::base::Clock;
use crate::gate::app::Told;
use crate::gate::plan::RoutePlan;
use crate::gate::refusal::Refusal;
use crate::identity::{Authenticated, Permit, StepUp};
use crate::route::{Found, Table};
use crate::token::{MintedToken, Minter, RequestFacts, Transport};
use crate::web::{Request, origin};

/// Decides requests: route → ways in → authorization → token.
#[derive(Debug)]
pub struct Gate {
    routes: Table<Arc<RoutePlan>>,
    minter: Arc<Minter>,
    clock: Arc<dyn Clock>,
}

/// A request that may go to its upstream, with what it takes along. Only [`Gate::decide`] makes
/// one, and the proxy chooses no peer without one.
#[derive(Debug)]
pub struct Admitted {
    permit: Permit,
    plan: Arc<RoutePlan>,
    token: Option<MintedToken>,
    /// Boxed, since most routes tell their application nothing else.
    told: Option<Box<Told>>,
    facts: Facts,
}

/// What a decision cost, for the metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Seconds spent minting; `None` where nothing was minted.
    pub mint_seconds: Option<f64>,
}

/// A request that may not, and the route it was for, where there is one.
#[derive(Debug)]
pub struct Refused {
    /// Why not.
    pub refusal: Refusal,
    /// The route.
    pub plan: Option<Arc<RoutePlan>>,
    /// Who asks, where that is known: the audit names them.
    pub subject: Option<String>,
}

impl Gate {
    /// A gate over a table of routes.
    pub fn new(routes: Table<Arc<RoutePlan>>, minter: Arc<Minter>, clock: Arc<dyn Clock>) -> Self {
        Self { routes, minter, clock }
    }

    /// The route that would serve a `GET` of a path: what a login page needs to know.
    pub fn plan_for(&self, host: &str, path: &str) -> Option<&Arc<RoutePlan>> {
        self.plan_of(host, path, &http::Method::GET)
    }

    /// The route that would serve a request.
    pub fn plan_of(
        &self,
        host: &str,
        path: &str,
        method: &http::Method,
    ) -> Option<&Arc<RoutePlan>> {
        match self.routes.find(host, path, method) {
            Found::Route(plan) => Some(plan),
            Found::MethodNotAllowed(_) | Found::None => None,
        }
    }

    /// The route of a name.
    pub fn plan_named(&self, id: &str) -> Option<&Arc<RoutePlan>> {
        self.routes.iter().find(|plan| plan.id.as_str() == id)
    }

    /// All routes.
    pub fn routes(&self) -> &Table<Arc<RoutePlan>> {
        &self.routes
    }

    /// Whether what is decided for a path depends on the method: who does not know it cannot judge.
    pub fn tells_methods_apart(&self, host: &str, path: &str) -> bool {
        self.routes.tells_methods_apart(host, path)
    }

    /// Decides one request.
    ///
    /// # Errors
    /// The refusal, and what is known of route and caller.
    pub async fn decide(&self, request: &Request<'_>) -> Result<Admitted, Refused> {
        let plan = self.plan(request)?;
        let answer = plan.chain.authenticate(request).await;
        self.conclude(request, plan, answer)
    }

    /// What [`decide`](Self::decide) would say, where nobody has to be asked; `None` where somebody
    /// does. The same rules, without a future.
    pub fn decide_now(&self, request: &Request<'_>) -> Option<Result<Admitted, Refused>> {
        let plan = match self.plan(request) {
            Ok(plan) => plan,
            Err(refused) => return Some(Err(refused)),
        };
        let answer = plan.chain.authenticate_now(request)?;
        Some(self.conclude(request, plan, answer))
    }

    /// The route, if this request may be asked who it is.
    fn plan(&self, request: &Request<'_>) -> Result<&Arc<RoutePlan>, Refused> {
        let plan = self.route(request).map_err(Refused::without_route)?;
        if request.websocket && foreign(request, plan) {
            return Err(Refused::on(plan, Refusal::Origin));
        }
        // Before all else, so that a link goes no further even where its bearer is signed in.
        if plan.links.as_ref().is_some_and(|links| links.has_link(request.query)) {
            return Err(Refused::on(plan, Refusal::of_link(request)));
        }
        Ok(plan)
    }

    /// From what the ways in say to the decision.
    fn conclude(
        &self,
        request: &Request<'_>,
        plan: &Arc<RoutePlan>,
        answer: Result<Option<Authenticated>, ChainFault>,
    ) -> Result<Admitted, Refused> {
        let refused = |refusal| Refused::on(plan, refusal);
        let authenticated = match answer {
            Ok(Some(authenticated)) => authenticated,
            Ok(None) => return Err(refused(Refusal::Unauthenticated(None))),
            Err(fault) => return Err(refused(Refusal::of(fault))),
        };
        let who = Arc::clone(authenticated.principal());
        let named = |refusal| Refused { subject: Some(who.subject.clone()), ..refused(refusal) };
        let permit = match may(plan, authenticated, request) {
            Verdict::Allow(permit) => permit,
            // Nobody is not somebody who may not: they can sign in.
            Verdict::Deny(DenyReason::Anonymous) => {
                return Err(refused(Refusal::Unauthenticated(None)));
            }
            Verdict::Deny(reason) => return Err(named(Refusal::Forbidden(reason))),
        };
        // Last, so that nobody signs in once more only to read that they may not.
        let permit = match &plan.step_up {
            Some(wanted) => self.strong_enough(wanted, permit).map_err(named)?,
            None => permit,
        };
        self.mint(request, plan, permit).map_err(named)
    }

    /// The same permit, good until the sign-in behind it is too old.
    pub(super) fn strong_enough(
        &self,
        wanted: &Arc<StepUp>,
        permit: Permit,
    ) -> Result<Permit, Refusal> {
        match wanted.judge(&permit.authenticated().strength(), self.clock.now()) {
            Ok(Some(until)) => Ok(permit.until(until)),
            Ok(None) => Ok(permit),
            Err(lacking) => Err(Refusal::StepUp(Arc::clone(wanted), lacking)),
        }
    }

    pub(super) fn route(&self, request: &Request<'_>) -> Result<&Arc<RoutePlan>, Refusal> {
        match self.routes.find(request.host, request.path, request.method) {
            Found::Route(plan) => Ok(plan),
            Found::MethodNotAllowed(allowed) => Err(Refusal::MethodNotAllowed(allowed)),
            Found::None if self.routes.knows_host(request.host) => Err(Refusal::NotFound),
            Found::None => Err(Refusal::Misdirected),
        }
    }

    fn mint(
        &self,
        request: &Request<'_>,
        plan: &Arc<RoutePlan>,
        permit: Permit,
    ) -> Result<Admitted, Refusal> {
        let mut facts = Facts::default();
        let mut token = None;
        if let Some(wanted) = &plan.token {
            token = self.minter.reuse(&permit, wanted);
            if token.is_none() {
                let started: Instant = self.clock.instant();
                let about = facts_of(request);
                token = Some(self.minter.mint(&permit, wanted, &about).map_err(Refusal::Mint)?);
                let spent = self.clock.instant().saturating_duration_since(started);
                facts.mint_seconds = Some(spent.as_secs_f64());
            }
        }
        let told = plan.app.as_ref().map(|app| {
            Box::new(app.tell(request, &permit, plan.token.as_ref().zip(token.as_ref())))
        });
        Ok(Admitted { permit, plan: Arc::clone(plan), token, told, facts })
    }
}

impl Admitted {
    /// The proof that it was authenticated and allowed.
    pub const fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The route.
    pub const fn plan(&self) -> &Arc<RoutePlan> {
        &self.plan
    }

    /// The identity token to send along.
    pub const fn token(&self) -> Option<&MintedToken> {
        self.token.as_ref()
    }

    /// What its application is told beside the token, where it is told anything.
    pub fn told(&self) -> Option<&Told> {
        self.told.as_deref()
    }

    /// Adds `Set-Cookie` fields of ours to the answer; only where the application is told something.
    pub fn set_cookies(&mut self, cookies: impl IntoIterator<Item = HeaderValue>) {
        if let Some(told) = &mut self.told {
            told.set_cookies.extend(cookies);
        }
    }

    /// What the client is sent of a `Set-Cookie` field of the application; `None` for nothing.
    pub fn relayed<'a>(&self, set_cookie: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match (&self.plan.app, &self.told) {
            (Some(app), Some(told)) => app.relayed(set_cookie, told),
            _ => Some(set_cookie.into()),
        }
    }

    /// What the decision cost.
    pub const fn facts(&self) -> Facts {
        self.facts
    }
}

impl Refused {
    /// A refusal on a route.
    pub fn on(plan: &Arc<RoutePlan>, refusal: Refusal) -> Self {
        Self { refusal, plan: Some(Arc::clone(plan)), subject: None }
    }

    /// A refusal before any route is known.
    pub fn without_route(refusal: Refusal) -> Self {
        Self { refusal, plan: None, subject: None }
    }
}

/// Whether somebody may, by the rules of a route.
pub(super) fn may(
    plan: &RoutePlan,
    authenticated: Authenticated,
    request: &Request<'_>,
) -> Verdict {
    plan.authorizer.authorize(Question { authenticated, route: &plan.id, request })
}

/// Whether a page of another site opens this WebSocket: browsers send cookies along whoever asks.
fn foreign(request: &Request<'_>, plan: &RoutePlan) -> bool {
    let allowed = &plan.websocket_origins;
    origin::check_websocket(request.headers, request.scheme, request.authority, allowed).is_err()
}

fn facts_of<'a>(request: &'a Request<'_>) -> RequestFacts<'a> {
    let transport = if request.websocket {
        Transport::WebSocket
    } else if request.takes_events() {
        Transport::EventStream
    } else {
        Transport::Http
    };
    RequestFacts {
        id: request.id,
        client: request.client,
        transport,
        method: request.method.as_str(),
        path: request.path,
        request_host: request.host,
    }
}

#[cfg(test)]
mod step_up;
#[cfg(test)]
mod tests;
