//! A request's way through the gate, whatever carries it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::authn::Unavailable;
use crate::authn::teams::Tickets;
use crate::gate::{Admitted, Refusal, Refused};
use crate::observe::audit;
use crate::proxy::connection::Connection;
use crate::proxy::context::Context;
use crate::proxy::inbound::Inbound;
use crate::proxy::service::{Gateway, Snapshot};
use crate::proxy::streams;
use crate::upstream::Exchange;
use crate::web::mtls::{OtherSite, SiteTable};
use crate::web::{CallerKind, Reply, Request, Scheme};

/// The largest body that a page of ours reads: a form.
pub(super) const FORM_BYTES: usize = 64 * 1024;

/// What is to be done with a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is answered here. Boxed, since most requests are not.
    Answer(Box<Answer>),
    /// It goes to its upstream; the context holds the permit.
    Forward,
    /// A page of ours answers it, once its form has been read.
    Own,
}

/// An answer of ours.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// Nobody can say where the next request on this connection begins.
    pub(super) close: bool,
}

/// Looks at a request head that has been read, or not, and decides.
pub(super) async fn judge(
    gateway: &Gateway,
    ctx: &mut Context,
    connection: &Connection,
    read: Result<Inbound, Refusal>,
    headers: &HeaderMap,
) -> Verdict {
    let inbound = match read {
        Ok(inbound) => ctx.inbound.insert(inbound),
        Err(refusal) => return Verdict::Answer(Box::new(malformed(gateway, ctx, refusal))),
    };
    if let Some(reply) = to_https(&ctx.snapshot, &inbound.request(ctx.id, headers)) {
        ctx.answered.by = Some("redirect");
        return Verdict::Answer(Box::new(Answer { reply, close: false }));
    }
    if let Some(sites) = &ctx.snapshot.sites
        && admit_certificate(gateway, sites, connection, inbound).is_err()
    {
        let refused = Refused::without_route(Refusal::OtherConnection);
        note(gateway, ctx, &refused);
        // The client has to connect for this host.
        return Verdict::Answer(Box::new(Answer { reply: refused.bare_reply(), close: true }));
    }
    let (endpoints, gate) = (&ctx.snapshot.endpoints, &ctx.snapshot.gate);
    if endpoints.takes(&inbound.path)
        || gate.described(inbound.host.name(), &inbound.path).is_some()
    {
        ctx.answered.by = Some("own");
        return Verdict::Own;
    }
    match decide(gateway, ctx, headers).await {
        Ok(()) => Verdict::Forward,
        Err(answer) => Verdict::Answer(answer),
    }
}

/// Finds the client's certificate that counts for the host of a request.
fn admit_certificate(
    gateway: &Gateway,
    sites: &SiteTable,
    connection: &Connection,
    inbound: &mut Inbound,
) -> Result<(), OtherSite> {
    let (tls, now) = (connection.tls.as_ref(), gateway.parts().clock.now());
    let negotiated = tls.and_then(|tls| tls.site.as_ref());
    inbound.certificate = sites.admit(inbound.host.name(), tls.is_some(), negotiated, now)?;
    Ok(())
}

/// Nobody can say where a malformed request ends: the connection is of no more use.
pub(super) fn malformed(gateway: &Gateway, ctx: &mut Context, refusal: Refusal) -> Answer {
    let refused = Refused::without_route(refusal);
    note(gateway, ctx, &refused);
    Answer { reply: refused.bare_reply(), close: true }
}

/// The page of ours that a request asks for. `form` is `None` where it was too large to be read.
pub(super) async fn own(
    gateway: &Gateway,
    ctx: &mut Context,
    headers: &HeaderMap,
    form: Option<Bytes>,
) -> Answer {
    let (Some(form), Some(inbound)) = (form, &ctx.inbound) else {
        return malformed(gateway, ctx, Refusal::BodyTooLarge);
    };
    let request = inbound.request(ctx.id, headers);
    let reply = ctx.snapshot.endpoints.serve(&ctx.snapshot.gate, &request, &form).await;
    Answer { reply, close: false }
}

/// The answer for an exchange that failed before its answer began.
pub(super) fn failed(
    gateway: &Gateway,
    ctx: &mut Context,
    headers: &HeaderMap,
    refusal: Refusal,
) -> Answer {
    let refused = Refused::without_route(refusal);
    note(gateway, ctx, &refused);
    let reply = match &ctx.inbound {
        Some(inbound) => refused.reply(&inbound.request(ctx.id, headers)),
        None => refused.bare_reply(),
    };
    Answer { reply, close: true }
}

async fn decide(
    gateway: &Gateway,
    ctx: &mut Context,
    headers: &HeaderMap,
) -> Result<(), Box<Answer>> {
    let Some(inbound) = &ctx.inbound else {
        return Err(Box::new(malformed(gateway, ctx, Refusal::BadRequest("it was not read"))));
    };
    let request = inbound.request(ctx.id, headers);
    let gate = &ctx.snapshot.gate;
    let decided = match gate.decide_now(&request) {
        Some(decided) => decided,
        None => Box::pin(gate.decide(&request)).await,
    };
    let decided = decided.and_then(|admitted| {
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        if length.is_some_and(|length: u64| length > admitted.plan().body_bytes) {
            return Err(Refused::on(admitted.plan(), Refusal::BodyTooLarge));
        }
        Ok(admitted)
    });
    let mut admitted = match decided {
        Ok(admitted) => admitted,
        Err(refused) => {
            let reply = refused.reply(&request);
            note(gateway, ctx, &refused);
            // A body that is too large is not read, so that nobody knows where the next request is.
            let close = matches!(refused.refusal, Refusal::BodyTooLarge);
            return Err(Box::new(Answer { reply, close }));
        }
    };
    if let Some(seconds) = admitted.facts().mint_seconds {
        gateway.parts().metrics.minted(seconds);
    }
    if let Err(refused) = leave(&ctx.snapshot, &request, &mut admitted).await {
        let reply = refused.reply(&request);
        note(gateway, ctx, &refused);
        return Err(Box::new(Answer { reply, close: false }));
    }
    ctx.exchange = exchange(&request);
    // What has opened the connection is not for the application, nor for its log.
    let ticket = match (&admitted.plan().tab, request.query) {
        (Some(_), Some(query)) => Tickets::strip(query),
        _ => None,
    };
    if let (Some(query), Some(inbound)) = (ticket, &mut ctx.inbound) {
        inbound.query = (!query.is_empty()).then_some(query);
    }
    ctx.admitted = Some(admitted);
    streams::opened(gateway.parts(), ctx).map_err(|refused| {
        note(gateway, ctx, &refused);
        Box::new(Answer { reply: refused.bare_reply(), close: false })
    })
}

/// Ends the session of whoever signs out of the application.
async fn leave(
    snapshot: &Snapshot,
    request: &Request<'_>,
    admitted: &mut Admitted,
) -> Result<(), Refused> {
    let app = admitted.plan().app.as_ref();
    if !app.is_some_and(|app| app.signs_out(request.method, request.path)) {
        return Ok(());
    }
    let plan = Arc::clone(admitted.plan());
    let who = admitted.permit().authenticated();
    let left = Box::pin(snapshot.endpoints.leave(request, who)).await;
    let cookies = left.map_err(|fault| {
        let cause = Box::new(fault);
        let fault = Unavailable { dependency: "the session store", cause };
        Refused::on(&plan, Refusal::Unavailable(fault))
    })?;
    admitted.set_cookies(cookies);
    Ok(())
}

fn note(gateway: &Gateway, ctx: &mut Context, refused: &Refused) {
    let route = refused.plan.as_ref().map_or("none", |plan| plan.id.as_str());
    let refusal = &refused.refusal;
    gateway.parts().metrics.refusal(refusal.code());
    audit::refused(
        (ctx.id.as_str(), route),
        (refusal.code(), &refusal.cause()),
        refused.subject.as_deref(),
        matches!(refusal, Refusal::Forbidden(_)),
    );
    ctx.answered.by.get_or_insert("refused");
}

fn exchange(request: &Request<'_>) -> Exchange {
    if request.websocket {
        Exchange::WebSocket
    } else if request.takes_events() {
        Exchange::EventStream
    } else {
        Exchange::Ordinary
    }
}

/// Where a person who came by plain HTTP is sent. A program is refused instead: it has already sent
/// its credential in the clear, and would go on doing so unnoticed.
fn to_https(snapshot: &Snapshot, request: &Request<'_>) -> Option<Reply> {
    let port = snapshot.https_port?;
    if request.scheme == Scheme::Https {
        return None;
    }
    if !snapshot.gate.routes().knows_host(request.host) {
        return Some(Refused::without_route(Refusal::Misdirected).bare_reply());
    }
    let navigates = matches!(request.caller_kind(), CallerKind::Navigation)
        && matches!(*request.method, Method::GET | Method::HEAD);
    if !navigates {
        let refused =
            Refused::without_route(Refusal::BadRequest("plain HTTP where HTTPS is needed"));
        return Some(refused.bare_reply());
    }
    let host = request.host;
    let target = request.path_and_query();
    let location = match port {
        443 => format!("https://{host}{target}"),
        port => format!("https://{host}:{port}{target}"),
    };
    Some(Reply::redirect(StatusCode::PERMANENT_REDIRECT, &location))
}
