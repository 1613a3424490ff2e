//! From a tab's token, or its cookie, to a ticket for one WebSocket.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;

use crate::authn::teams::Tickets;
use crate::endpoints::answer::data;
use crate::endpoints::service::Endpoints;
use crate::endpoints::teams::session::{Tabs, field, refused, unavailable};
use crate::gate::Gate;
use crate::web::{CanonicalPath, Reply, Request};

impl Endpoints {
    /// `POST /.portcullis/teams/ticket`, with `path` in a form, and the tab's token in `Authorization`
    /// where there is no cookie.
    ///
    /// With a token a session begins that no browser holds: it lives as long as what the ticket opens,
    /// and then as long as an idle session does.
    pub(super) async fn tab_ticket(
        &self,
        gate: &Gate,
        tabs: &Tabs,
        request: &Request<'_>,
        body: &Bytes,
    ) -> Reply {
        if let Some(refusal) = self.not_a_post_of_ours(request) {
            return refusal;
        }
        let path = field(body, "path").filter(|path| CanonicalPath::parse(path).is_ok());
        let plan = path.and_then(|path| gate.plan_of(request.host, &path, &Method::GET));
        let Some(plan) = plan.filter(|plan| plan.tab.is_some()) else {
            let sentence = "No tab opens a connection at this address.";
            return refused(StatusCode::BAD_REQUEST, "teams_ticket_refused", sentence, request);
        };
        let handle = match self.tab_handle_of(request) {
            Some(handle) if !request.headers.contains_key("authorization") => {
                match self.parts.sessions.find(&handle).await {
                    Ok(session) => session.map(|_| handle),
                    Err(fault) => {
                        tracing::error!(%fault, "a session of a tab cannot be read");
                        return unavailable(request);
                    }
                }
            }
            _ => None,
        };
        let handle = match handle {
            Some(handle) => handle,
            None => match self.judge_tab(tabs, request).await {
                Ok(new) => match self.begin_tab(request, new).await {
                    Ok(handle) => handle,
                    Err(refusal) => return *refusal,
                },
                Err(refusal) => return *refusal,
            },
        };
        let ticket = tabs.tickets.give(&handle.key(), &plan.id, self.parts.clock.now());
        let lifetime = Tickets::LIFETIME.as_secs();
        data(StatusCode::OK, &json!({ "ticket": ticket, "expires_in": lifetime }))
    }
}
