//! A request's way through the gate, and the answers of our own.

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use pingora_error::{Error, ErrorType, Result};
use pingora_proxy::Session;
use tracing::warn;

use crate::gate::{Refusal, Refused};
use crate::observe::audit;
use crate::proxy::context::Context;
use crate::proxy::inbound::{Inbound, connection};
use crate::proxy::service::{Gateway, Snapshot};
use crate::proxy::{lifeline, outbound, rescue, respond, streams};
use crate::session::SessionManager;
use crate::upstream::Exchange;
use crate::web::{CallerKind, Reply, Request, Scheme};

/// The largest body that a page of ours reads: a form.
const FORM_BYTES: usize = 64 * 1024;

/// Decides a request. True when it has been answered here.
pub(super) async fn admit(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Context,
) -> Result<bool> {
    let Some(connection) = connection(session).cloned() else {
        return Err(outbound::not_admitted());
    };
    let snapshot = std::sync::Arc::clone(&ctx.snapshot);
    match Inbound::read(session, &connection, &snapshot.trusted, snapshot.head) {
        Ok(inbound) => ctx.inbound = Some(inbound),
        Err(refusal) => {
            // Nobody can say where a malformed request ends: the connection is of no more use.
            let refused = Refused::without_route(refusal);
            note(gateway, ctx, &refused);
            respond::reply(session, ctx, refused.bare_reply(), true).await?;
            return Ok(true);
        }
    }
    let Some(inbound) = &ctx.inbound else { return Err(outbound::not_admitted()) };
    if let Some(reply) =
        to_https(&snapshot, &inbound.request(ctx.id, &session.req_header().headers))
    {
        ctx.answered.by = Some("redirect");
        respond::reply(session, ctx, reply, false).await?;
        return Ok(true);
    }
    if snapshot.endpoints.takes(&inbound.path) {
        return own(gateway, session, ctx).await;
    }
    decide(gateway, session, ctx).await
}

async fn decide(gateway: &Gateway, session: &mut Session, ctx: &mut Context) -> Result<bool> {
    let Some(inbound) = &ctx.inbound else { return Err(outbound::not_admitted()) };
    let request = inbound.request(ctx.id, &session.req_header().headers);
    let decided = ctx.snapshot.gate.decide(&request).await;
    let decided = decided.and_then(|admitted| {
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        if length.is_some_and(|length: u64| length > admitted.plan().body_bytes) {
            return Err(Refused::on(admitted.plan(), Refusal::BodyTooLarge));
        }
        Ok(admitted)
    });
    let admitted = match decided {
        Ok(admitted) => admitted,
        Err(refused) => {
            let reply = refused.reply(&request);
            note(gateway, ctx, &refused);
            // A body that is too large is not read, so that nobody knows where the next request is.
            let close = matches!(refused.refusal, Refusal::BodyTooLarge);
            respond::reply(session, ctx, reply, close).await?;
            return Ok(true);
        }
    };
    if let Some(seconds) = admitted.facts().mint_seconds {
        gateway.parts().metrics.minted(seconds);
    }
    ctx.exchange = exchange(&request);
    ctx.admitted = Some(admitted);
    if let Err(refused) = streams::opened(gateway.parts(), session, ctx) {
        note(gateway, ctx, &refused);
        let reply = refused.bare_reply();
        respond::reply(session, ctx, reply, false).await?;
        return Ok(true);
    }
    if ctx.exchange == Exchange::WebSocket {
        // Who listens may say nothing for long; the upstream's own silence has the same limit.
        let silence =
            ctx.admitted.as_ref().map(|to| to.plan().pool.settings().timeouts.stream_idle);
        session.as_downstream_mut().set_read_timeout(silence);
    } else if !session.as_downstream_mut().is_body_done() {
        watch_body(ctx);
    }
    Ok(false)
}

/// Answers with a page of our own.
async fn own(gateway: &Gateway, session: &mut Session, ctx: &mut Context) -> Result<bool> {
    ctx.answered.by = Some("own");
    // Each read has its limit, but a byte for each would hold the connection for weeks, and HTTP/2
    // has not even that.
    let form = tokio::time::timeout(ctx.snapshot.body_time, read_form(session)).await;
    let form = form.map_err(|_| Error::new_down(ErrorType::ReadTimedout))?;
    let Some(body) = form? else {
        let refused = Refused::without_route(Refusal::BodyTooLarge);
        note(gateway, ctx, &refused);
        respond::reply(session, ctx, refused.bare_reply(), true).await?;
        return Ok(true);
    };
    let snapshot = std::sync::Arc::clone(&ctx.snapshot);
    let Some(inbound) = &ctx.inbound else { return Err(outbound::not_admitted()) };
    let request = inbound.request(ctx.id, &session.req_header().headers);
    let reply = snapshot.endpoints.serve(&snapshot.gate, &request, &body).await;
    respond::reply(session, ctx, reply, false).await?;
    Ok(true)
}

async fn read_form(session: &mut Session) -> Result<Option<Bytes>> {
    if session.as_downstream_mut().is_body_done() {
        return Ok(Some(Bytes::new()));
    }
    if session.req_header().headers.contains_key(http::header::EXPECT) {
        session.as_downstream_mut().write_continue_response().await?;
    }
    let mut form = BytesMut::new();
    while let Some(part) = session.as_downstream_mut().read_request_body().await? {
        if form.len() + part.len() > FORM_BYTES {
            return Ok(None);
        }
        form.extend_from_slice(&part);
    }
    Ok(Some(form.freeze()))
}

/// Looks at each part of a request body on its way to the upstream.
pub(super) fn body(
    sessions: &SessionManager,
    body: &mut Option<Bytes>,
    end: bool,
    ctx: &mut Context,
) -> Result<()> {
    if end {
        if let Some(timer) = ctx.body_timer.take() {
            timer.abort();
        }
        // pingora issue 935: an empty last part makes its HTTP/1 writer end the body twice, and
        // the second end would be read as the beginning of the next request on that connection.
        if body.as_ref().is_some_and(Bytes::is_empty) {
            *body = None;
        }
    }
    if ctx.exchange == Exchange::WebSocket {
        // Somebody who types into an open chat is not idle. What the server sends does not count: a
        // forgotten tab that only listens must still run out.
        let session = ctx.admitted.as_ref().and_then(|to| to.permit().authenticated().session());
        if let (Some(session), Some(_)) = (session, body) {
            sessions.touch(&session.key);
        }
        return Ok(());
    }
    ctx.body_received += body.as_ref().map_or(0, |body| body.len() as u64);
    let limit = ctx.admitted.as_ref().map_or(0, |admitted| admitted.plan().body_bytes);
    if ctx.body_received > limit {
        ctx.too_large = true;
        return Error::e_explain(ErrorType::HTTPStatus(413), "request body over the limit");
    }
    Ok(())
}

/// Answers for an error, if anybody is there to read it. The status that was sent.
pub(super) async fn rescue(
    gateway: &Gateway,
    session: &mut Session,
    error: &Error,
    ctx: &mut Context,
) -> u16 {
    let Some(refusal) = rescue::refusal(error, ctx) else { return 0 };
    if session.response_written().is_some() {
        return 0;
    }
    let route = ctx.admitted.as_ref().map_or("none", |admitted| admitted.plan().id.as_str());
    warn!(request_id = %ctx.id, route, %error, "request failed");
    let refused = Refused::without_route(refusal);
    note(gateway, ctx, &refused);
    let reply = match &ctx.inbound {
        Some(inbound) => refused.reply(&inbound.request(ctx.id, &session.req_header().headers)),
        None => refused.bare_reply(),
    };
    let status = reply.status.as_u16();
    match respond::reply(session, ctx, reply, true).await {
        Ok(()) => status,
        Err(_) => 0,
    }
}

fn note(gateway: &Gateway, ctx: &mut Context, refused: &Refused) {
    let route = refused.plan.as_ref().map_or("none", |plan| plan.id.as_str());
    let refusal = &refused.refusal;
    gateway.parts().metrics.refusal(refusal.code());
    audit::refused(
        ctx.id.as_str(),
        route,
        refusal.code(),
        &refusal.cause(),
        refused.subject.as_deref(),
    );
    ctx.answered.by.get_or_insert("refused");
}

fn exchange(request: &Request<'_>) -> Exchange {
    if request.websocket {
        Exchange::WebSocket
    } else if request.header("accept").is_some_and(|accept| accept.contains("text/event-stream")) {
        Exchange::EventStream
    } else {
        Exchange::Ordinary
    }
}

/// Cuts the request when its body is not complete in time: a client that sends a byte a minute
/// would else hold an upstream connection for as long as it likes.
fn watch_body(ctx: &mut Context) {
    let (Some(lifeline), budget) = (lifeline::current(), ctx.snapshot.body_time) else { return };
    let timer = tokio::spawn(async move {
        tokio::time::sleep(budget).await;
        lifeline.expire();
    });
    ctx.body_timer = Some(timer.abort_handle());
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
