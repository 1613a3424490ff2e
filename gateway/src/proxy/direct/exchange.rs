//! One request that may go to its upstream, and the answer that comes back.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::EXPECT;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tracing::warn;

use crate::http1::{AnswerHead, Body, Coding, Pump, RequestHead};
use crate::proxy::context::Context;
use crate::proxy::direct::bond::Bond;
use crate::proxy::direct::client::{After, Client};
use crate::proxy::direct::compose::{self, Leaves};
use crate::proxy::direct::duplex::{Duplex, Times};
use crate::proxy::direct::fault::Fault;
use crate::proxy::direct::serve::Direct;
use crate::proxy::direct::tunnel::Tunnel;
use crate::proxy::streams::{self, StreamName};
use crate::upstream::{Exchange, Linked};

/// How an exchange ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// With an answer.
    Answered(After),
    /// Without one: something must be said instead.
    Failed(Fault),
    /// Both sides speak WebSocket from now on.
    Upgraded(Box<Tunnel>),
}

/// A larger body is sent as it arrives.
const KEPT: u64 = 64 * 1024;
/// Interim answers to one request; a backend that sends more is not well.
const INTERIMS: usize = 16;

/// Sends the request on, to another backend where one fails before it has been asked, and relays
/// the answer. `last` closes the client's connection behind it.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    client: &mut Client<S>,
    ctx: &mut Context,
    head: &RequestHead,
    last: bool,
) -> Ended {
    let Some(pool) = ctx.admitted.as_ref().map(|admitted| admitted.plan().pool.clone()) else {
        return Ended::Failed(Fault::UpstreamMalformed("no permit for this request".to_owned()));
    };
    let tries = pool.settings().servers.len().max(2);
    let body = match kept_body(client, ctx, head).await {
        Ok(body) => body,
        Err(fault) => return Ended::Failed(fault),
    };
    let fresh = ctx.exchange == Exchange::WebSocket;
    loop {
        let now = Instant::now();
        let (linked, tried) = pool.link(&direct.connector, ctx.tried, (fresh, now)).await;
        ctx.attempts += 1;
        ctx.tried = tried;
        let linked = match linked {
            Ok(linked) => linked,
            // Nothing was sent yet, so that any request may be tried again: once on each server.
            Err(fault) if ctx.attempts < tries => {
                warn!(request_id = %ctx.id, upstream = %pool.id(), %fault, "trying another server");
                continue;
            }
            Err(fault) => return Ended::Failed(fault.into()),
        };
        let reused = linked.reused;
        let request = Outgoing { head, body: body.as_ref(), last, now };
        match attempt(direct, client, ctx, request, linked).await {
            // The backend closed the connection just as it was used again, which is its right.
            Ended::Failed(Fault::UpstreamBroken { answered: false, .. })
                if reused && body.is_some() => {}
            ended => return ended,
        }
    }
}

/// One try of a request.
#[derive(Clone, Copy, Debug)]
struct Outgoing<'a> {
    head: &'a RequestHead,
    /// Its whole body, where it could be sent again; otherwise it is sent as it arrives.
    body: Option<&'a Bytes>,
    last: bool,
    /// When it began.
    now: Instant,
}

/// The body of a request that may be sent twice (RFC 9110 section 9.2.2), if it is small: the
/// backend may close a kept connection at the very moment when it is used again.
async fn kept_body<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    ctx: &Context,
    head: &RequestHead,
) -> Result<Option<Bytes>, Fault> {
    let may_be_repeated = head.method.is_idempotent();
    match head.body {
        Body::Length(0) => Ok(may_be_repeated.then(Bytes::new)),
        Body::Length(length) if length <= KEPT && may_be_repeated => {
            if head.headers.contains_key(EXPECT) {
                return Ok(None);
            }
            let limit = usize::try_from(KEPT).unwrap_or(usize::MAX);
            let body = Box::pin(client.collect(head.body, limit, ctx.snapshot.body_time)).await;
            body.map_err(|error| match error.kind() {
                ErrorKind::TimedOut => Fault::Expired,
                _ => Fault::ClientGone,
            })
        }
        _ => Ok(None),
    }
}

async fn attempt<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    client: &mut Client<S>,
    ctx: &mut Context,
    request: Outgoing<'_>,
    mut linked: Linked,
) -> Ended {
    let Outgoing { head, body, last, now } = request;
    let (Some(admitted), Some(inbound)) = (&ctx.admitted, &ctx.inbound) else {
        return Ended::Failed(Fault::UpstreamMalformed("no permit for this request".to_owned()));
    };
    let coding = if head.body == Body::CHUNKED { Coding::Chunked } else { Coding::Raw };
    let unread = if body.is_some() { Body::EMPTY } else { head.body };
    let mut upload = Pump::new(unread, coding, admitted.plan().body_bytes);
    compose::request(upload.out(), head, inbound, admitted, (&ctx.snapshot, ctx.id));
    if let Some(body) = body {
        upload.out().extend_from_slice(body);
    }
    let download = Pump::new(Body::EMPTY, Coding::Raw, u64::MAX);
    let bond = ctx.ticket.take().map(Bond::new);
    let mut duplex =
        Duplex::new(client, &mut linked.link, (upload, download), (bond, times(ctx, now)), now);
    let answered = match answer_head(direct, &mut duplex, ctx, head, last).await {
        Ok(answered) => answered,
        // What follows half an interim answer would be read as its end.
        Err(fault) if duplex.interim => {
            drop(duplex);
            note(direct, ctx, &fault);
            return Ended::Answered(After::Abort);
        }
        Err(fault) => {
            // Another try is bound to its session too.
            ctx.ticket = duplex.bond.take().map(Bond::into_ticket);
            return Ended::Failed(fault);
        }
    };
    if answered.upgraded {
        let Duplex { link_in, download, bond, .. } = duplex;
        return Ended::Upgraded(Box::new(Tunnel::new(linked, link_in, download, bond)));
    }
    let finished = loop {
        match duplex.finish().await {
            Err(Fault::Unbound) => bind(direct, &mut duplex, ctx),
            finished => break finished,
        }
    };
    ctx.answered.bytes = duplex.download.count();
    let (uploaded, has_ended) = (duplex.is_uploaded(), duplex.has_request_ended());
    let (leftover, moved) = (!duplex.link_in.is_empty(), duplex.last_moved());
    drop(duplex);
    if let Err(fault) = finished {
        note(direct, ctx, &fault);
        return Ended::Answered(After::Abort);
    }
    if answered.link_persists
        && uploaded
        && !leftover
        && let Some(admitted) = &ctx.admitted
    {
        admitted.plan().pool.keep(linked, moved);
    }
    Ended::Answered(match (answered.close, has_ended) {
        (false, true) => After::Reuse,
        // Closing a socket with unread bytes resets it, and the client may lose the answer.
        (true, true) if client.inlet.is_empty() => After::Close,
        (true, true) => After::Linger,
        (_, false) => After::Linger,
    })
}

/// Logs and counts an exchange that failed.
pub(super) fn note(direct: &Direct, ctx: &Context, fault: &Fault) {
    let metrics = &direct.gateway.parts().metrics;
    if let (Fault::Cut(cause), Some(name)) = (fault, StreamName::of(ctx)) {
        name.closed(*cause);
    }
    if let Some(cause) = fault.cut() {
        metrics.request_cut(cause);
        return;
    }
    let Some(admitted) = &ctx.admitted else { return };
    if let Some(kind) = fault.kind() {
        metrics.upstream_error(admitted.plan().pool.id().as_str(), kind);
        let route = admitted.plan().id.as_str();
        warn!(request_id = %ctx.id, route, %fault, "request failed");
    }
}

/// Binds an exchange that lasts to its session.
fn bind<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    duplex: &mut Duplex<'_, S>,
    ctx: &mut Context,
) {
    streams::lasts(direct.gateway.parts(), ctx);
    duplex.unbound = None;
    duplex.bond = ctx.ticket.take().map(Bond::new);
}

/// What the head of an answer settled.
#[derive(Clone, Copy, Debug)]
struct Answered {
    upgraded: bool,
    close: bool,
    link_persists: bool,
}

/// Reads the answer's head, and writes the client's before its body.
async fn answer_head<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    duplex: &mut Duplex<'_, S>,
    ctx: &mut Context,
    head: &RequestHead,
    last: bool,
) -> Result<Answered, Fault> {
    let malformed = |fault: crate::http1::AnswerFault| Fault::UpstreamMalformed(fault.to_string());
    for _ in 0..INTERIMS {
        let answer = loop {
            if let Some(answer) =
                AnswerHead::parse(duplex.link_in.bytes(), &head.method).map_err(malformed)?
            {
                break answer;
            }
            match duplex.more_head().await {
                Err(Fault::Unbound) => bind(direct, duplex, ctx),
                more => more?,
            }
        };
        let upgraded = answer.status == StatusCode::SWITCHING_PROTOCOLS.as_u16();
        if upgraded && ctx.exchange != Exchange::WebSocket {
            return Err(Fault::UpstreamMalformed("an upgrade that nobody asked for".to_owned()));
        }
        let length = answer.length;
        if !upgraded && (100..=199).contains(&answer.status) {
            // HTTP/1.0 has no interim answers.
            if head.http11
                && let Some(admitted) = &ctx.admitted
            {
                duplex.interim = true;
                compose::interim(duplex.download.out(), &answer, admitted, &ctx.snapshot);
            }
            duplex.link_in.consume(length);
            continue;
        }
        if !upgraded {
            let parts = direct.gateway.parts();
            streams::answered(parts, answer.content_type, answer.has_length, ctx)
                .map_err(|refused| Fault::UpstreamMalformed(refused.refusal.code().to_owned()))?;
            if let Some(ticket) = ctx.ticket.take() {
                duplex.unbound = None;
                duplex.bond = Some(Bond::new(ticket));
            }
        }
        let Some(admitted) = &ctx.admitted else { return Err(Fault::ClientGone) };
        let (body, coding, ends) = leaves(&answer, head);
        let close = last || ends || !head.persists() || !duplex.has_request_ended();
        let shape = Leaves { coding, close };
        let out = duplex.download.out();
        compose::answer(out, &answer, shape, admitted, (&ctx.snapshot, ctx.id));
        ctx.answered.status = answer.status;
        let link_persists = answer.persists && !upgraded;
        duplex.link_in.consume(length);
        duplex.download.carry(body, coding);
        if ctx.exchange != Exchange::Ordinary {
            duplex.set_silence(silence(ctx));
        }
        return Ok(Answered { upgraded, close, link_persists });
    }
    Err(Fault::UpstreamMalformed("interim answers without end".to_owned()))
}

/// The body that the client is sent, how it is written, and whether the connection must end with it.
fn leaves(answer: &AnswerHead<'_>, head: &RequestHead) -> (Body, Coding, bool) {
    match answer.body {
        Body::Length(length) => (Body::Length(length), Coding::Raw, false),
        body if head.http11 => (body, Coding::Chunked, false),
        body => (body, Coding::Raw, true),
    }
}

fn times(ctx: &Context, now: Instant) -> Times {
    let upstream = ctx.admitted.as_ref().map(|admitted| admitted.plan().pool.settings().timeouts);
    let snapshot = &ctx.snapshot;
    Times {
        body: now + snapshot.body_time,
        client: snapshot.client_time,
        silence: silence(ctx),
        write: upstream.map_or(snapshot.client_time, |times| times.write),
    }
}

fn silence(ctx: &Context) -> Duration {
    let upstream = ctx.admitted.as_ref().map(|admitted| admitted.plan().pool.settings().timeouts);
    upstream.map_or(ctx.snapshot.client_time, |times| match ctx.exchange {
        Exchange::Ordinary => times.first_byte,
        Exchange::EventStream | Exchange::WebSocket => times.stream_idle,
    })
}
