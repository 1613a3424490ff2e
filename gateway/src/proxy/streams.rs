//! Live streams and the sessions they end with.

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use pingora_error::{Error, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::gate::{Refusal, Refused};
use crate::proxy::connection::Phase;
use crate::proxy::context::Context;
use crate::proxy::service::Parts;
use crate::proxy::{inbound, lifeline};
use crate::session::NOBODY;
use crate::upstream::Exchange;

/// Answers of these kinds stay open: they are bound to their session like a WebSocket.
const STREAMING: [&str; 6] = [
    "text/event-stream",
    "application/grpc",
    "application/x-ndjson",
    "application/jsonl",
    "application/stream+json",
    "multipart/x-mixed-replace",
];

/// Binds a request that asks for a live stream to its session, before the upstream hears of it.
pub(super) fn opened(
    parts: &Parts,
    session: &Session,
    ctx: &mut Context,
) -> std::result::Result<(), Refused> {
    if ctx.exchange == Exchange::Ordinary {
        return Ok(());
    }
    bind(parts, session, ctx)
}

/// Binds an answer that turns out to be a live stream, and tells the connection when it becomes a
/// WebSocket.
pub(super) fn answered(
    parts: &Parts,
    session: &Session,
    answer: &ResponseHeader,
    ctx: &mut Context,
) -> Result<()> {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        if let Some(connection) = inbound::connection(session) {
            connection.enter(Phase::WebSocket);
        }
        return Ok(());
    }
    if ctx.exchange != Exchange::Ordinary || !streams(answer) {
        return Ok(());
    }
    ctx.exchange = Exchange::EventStream;
    bind(parts, session, ctx)
        .or_else(|refused| Error::e_explain(ErrorType::InternalError, refused.refusal.code()))
}

fn bind(parts: &Parts, session: &Session, ctx: &Context) -> std::result::Result<(), Refused> {
    let (Some(admitted), Some(lifeline)) = (&ctx.admitted, lifeline::current()) else {
        return Ok(());
    };
    let proof = admitted.permit().authenticated();
    let key = proof.session().map_or(NOBODY, |session| session.key);
    let ticket = parts
        .sessions
        .live()
        .register(key)
        .map_err(|_| Refused::on(admitted.plan(), Refusal::StreamLimit))?;
    let websocket = match ctx.exchange {
        Exchange::WebSocket => inbound::connection(session).cloned(),
        Exchange::EventStream | Exchange::Ordinary => None,
    };
    let left = proof.expires().map(|expires| expires.since(parts.clock.now()));
    lifeline.tie(ticket, websocket, left);
    Ok(())
}

fn streams(answer: &ResponseHeader) -> bool {
    let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    !answer.headers.contains_key(CONTENT_LENGTH)
        && kind.is_some_and(|kind| {
            STREAMING.iter().any(|streaming| {
                kind.get(..streaming.len()).is_some_and(|head| head.eq_ignore_ascii_case(streaming))
            })
        })
}
