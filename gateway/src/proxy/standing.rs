//! What an open stream is judged by anew.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderMap;

use crate::base::RequestId;
use crate::gate::{Gate, RoutePlan};
use crate::identity::Authenticated;
use crate::proxy::context::Context;
use crate::proxy::inbound::Inbound;
use crate::proxy::service::Snapshot;
use crate::session::{Judgement, Session, Standing};
use crate::web::Request;

/// The request that opened a stream, without its header fields and query, which hold credentials; by
/// what it was let in; and the rules in force.
pub(super) struct Opened {
    id: RequestId,
    inbound: Inbound,
    proof: Authenticated,
    plan: Arc<RoutePlan>,
    in_force: Arc<ArcSwap<Snapshot>>,
}

impl Opened {
    /// `None` for a request that nobody has let in.
    pub(super) fn of(ctx: &Context, in_force: &Arc<ArcSwap<Snapshot>>) -> Option<Self> {
        let (admitted, inbound) = (ctx.admitted.as_ref()?, ctx.inbound.as_ref()?);
        Some(Self {
            id: ctx.id,
            inbound: inbound.bare(),
            proof: admitted.permit().authenticated().clone(),
            plan: Arc::clone(admitted.plan()),
            in_force: Arc::clone(in_force),
        })
    }

    fn ask<T>(&self, question: impl FnOnce(&Gate, &Request<'_>) -> T) -> T {
        let headers = HeaderMap::new();
        question(&self.in_force.load().gate, &self.inbound.request(self.id, &headers))
    }
}

impl Standing for Opened {
    fn is_outdated(&self) -> bool {
        self.ask(|gate, request| gate.is_outdated(request, &self.plan.rules))
    }

    fn judge(&self, session: Option<&Session>) -> Judgement {
        let permit =
            self.ask(|gate, request| gate.again(request, &self.proof, &self.plan.rules, session));
        permit.map_or(Judgement::Over, |permit| Judgement::GoesOn(permit.authenticated().expires()))
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("route", &self.plan.id).finish_non_exhaustive()
    }
}
