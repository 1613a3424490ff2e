//! The decision about what goes on: a stream that is open, when its session or the rules have changed.

use crate::authz::Verdict;
use crate::gate::decide::{Gate, may};
use crate::gate::plan::{RoutePlan, RouteRules};
use crate::identity::{Authenticated, Permit};
use crate::session::Session;
use crate::web::Request;

impl Gate {
    /// Whether other rules are in force for a request like `request` than `rules`, those of the route
    /// that let it in: whichever route would serve it now.
    pub fn is_outdated(&self, request: &Request<'_>, rules: &RouteRules) -> bool {
        self.route(request).map_or(true, |plan| plan.rules != *rules)
    }

    /// Whether a request like the one that `proof` was accepted with would be let through now: the
    /// same steps as in [`decide`](Self::decide), without its credential and without a token.
    /// `request` has no header fields. `session` is that of `proof` as it is now. `rules` are those
    /// that let it in.
    ///
    /// Where a way in cannot say anything without the credential, such as `bearer`, what it said holds
    /// while its settings are the same, and no longer.
    pub fn again(
        &self,
        request: &Request<'_>,
        proof: &Authenticated,
        rules: &RouteRules,
        session: Option<&Session>,
    ) -> Option<Permit> {
        let plan: &RoutePlan = self.route(request).ok()?;
        let unchanged = plan.rules.ways == rules.ways;
        let proof = plan.chain.again(proof, session, request, unchanged)?;
        let permit = match may(plan, proof, request) {
            Verdict::Allow(permit) => permit,
            Verdict::Deny(_) => return None,
        };
        match &plan.step_up {
            Some(wanted) => self.strong_enough(wanted, permit).ok(),
            None => Some(permit),
        }
    }
}

#[cfg(test)]
mod tests;
