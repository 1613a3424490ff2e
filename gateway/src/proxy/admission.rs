//! What pingora's session is asked for, and told, around the decision.

use bytes::{Bytes, BytesMut};
use pingora_error::{Error, ErrorType, Result};
use pingora_proxy::Session;
use tracing::warn;

use crate::proxy::context::Context;
use crate::proxy::inbound::{Inbound, connection};
use crate::proxy::judge::{FORM_BYTES, Verdict, failed, judge, own};
use crate::proxy::service::Gateway;
use crate::proxy::{lifeline, outbound, rescue, respond, streams};
use crate::session::SessionManager;
use crate::upstream::Exchange;

/// Decides a request. True when it has been answered here.
pub(super) async fn admit(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Context,
) -> Result<bool> {
    let Some(connection) = connection(session).cloned() else {
        return Err(outbound::not_admitted());
    };
    let read = Inbound::read(session, &connection, &ctx.snapshot.trusted, ctx.snapshot.head);
    let answer = match judge(gateway, ctx, &connection, read, &session.req_header().headers).await {
        Verdict::Forward => {
            streams::tie(ctx, connection);
            wait_for_body(session, ctx);
            return Ok(false);
        }
        Verdict::Answer(answer) => *answer,
        Verdict::Own => {
            // Each read has its limit, but a byte for each would hold the connection for weeks, and
            // HTTP/2 has not even that.
            let form = tokio::time::timeout(ctx.snapshot.body_time, read_form(session)).await;
            let form = form.map_err(|_| Error::new_down(ErrorType::ReadTimedout))??;
            own(gateway, ctx, &session.req_header().headers, form).await
        }
    };
    respond::reply(session, ctx, answer.reply, answer.close).await?;
    Ok(true)
}

fn wait_for_body(session: &mut Session, ctx: &mut Context) {
    if ctx.exchange == Exchange::WebSocket {
        // Who listens may say nothing for long; the upstream's own silence has the same limit.
        let silence =
            ctx.admitted.as_ref().map(|to| to.plan().pool.settings().timeouts.stream_idle);
        session.as_downstream_mut().set_read_timeout(silence);
    } else if !session.as_downstream_mut().is_body_done() {
        watch_body(ctx);
    }
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
        if body.is_some() {
            streams::spoke(sessions, ctx);
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
    let answer = failed(gateway, ctx, &session.req_header().headers, refusal);
    let status = answer.reply.status.as_u16();
    match respond::reply(session, ctx, answer.reply, answer.close).await {
        Ok(()) => status,
        Err(_) => 0,
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
