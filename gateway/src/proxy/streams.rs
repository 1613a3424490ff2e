//! Live streams and the sessions they end with.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{RequestId, RouteId};
use crate::gate::{Farewell, Refusal, Refused};
use crate::observe::audit;
use crate::proxy::connection::Connection;
use crate::proxy::context::Context;
use crate::proxy::lifeline;
use crate::proxy::service::Parts;
use crate::proxy::standing::Opened;
use crate::session::{EndCause, NOBODY, Opening, SessionManager, Standing};
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

/// RFC 6455 section 7.4.1, "going away": what a drain says.
const GOING_AWAY: u16 = 1001;

/// An ordinary request that lasts longer is bound to its session too. What ends before is over within
/// this time of its session's end; and few requests are this long, so that the others pay nothing.
pub(super) const LASTING: Duration = Duration::from_secs(1);

/// Binds a request that asks for a live stream to its session, before the upstream hears of it.
pub(super) fn opened(parts: &Parts, ctx: &mut Context) -> Result<(), Refused> {
    if ctx.exchange == Exchange::Ordinary {
        return Ok(());
    }
    bind(parts, ctx, true)
}

/// Binds an answer that turns out to be a live stream: one of a streaming type, without a length.
pub(super) fn answered(
    parts: &Parts,
    content_type: Option<&[u8]>,
    has_length: bool,
    ctx: &mut Context,
) -> Result<(), Refused> {
    let streams = !has_length && content_type.is_some_and(is_streaming);
    if ctx.exchange != Exchange::Ordinary || !streams {
        return Ok(());
    }
    ctx.exchange = Exchange::EventStream;
    bind(parts, ctx, true)
}

/// Binds an ordinary request that lasts: a long download, a long poll, a large upload. It takes no
/// stream's place; what bounds it is what bounds all requests.
pub(super) fn lasts(parts: &Parts, ctx: &mut Context) {
    // Without a limit there is no refusal.
    let _ = bind(parts, ctx, false);
}

/// Somebody who types into an open chat is not idle. What the server sends does not count: a
/// forgotten tab that only listens must still run out.
pub(super) fn spoke(sessions: &SessionManager, ctx: &Context) {
    let session = ctx.admitted.as_ref().and_then(|to| to.permit().authenticated().session());
    if let Some(session) = session {
        sessions.touch(&session.key);
    }
}

/// Hands a stream that is bound over to the lifeline of pingora's request. `connection` is closed
/// with a frame, where the stream is a WebSocket.
pub(super) fn tie(ctx: &mut Context, connection: Arc<Connection>) {
    let websocket = (ctx.exchange == Exchange::WebSocket).then_some(connection);
    let Some(lifeline) = lifeline::current() else { return };
    // An upload that lasted and is answered by a stream is tied already; the second ticket stays with
    // the request, and counts for as long.
    if lifeline.is_tied() {
        return;
    }
    if let Some(ticket) = ctx.ticket.take() {
        lifeline.tie(ticket, websocket, StreamName::of(ctx));
    }
}

/// What the audit log calls a stream.
#[derive(Debug)]
pub(super) struct StreamName {
    request_id: RequestId,
    route: RouteId,
    sid: Option<Arc<str>>,
    subject: String,
    pub(super) farewell: Farewell,
}

impl StreamName {
    pub(super) fn of(ctx: &Context) -> Option<Self> {
        let admitted = ctx.admitted.as_ref()?;
        let proof = admitted.permit().authenticated();
        Some(Self {
            request_id: ctx.id,
            route: admitted.plan().id.clone(),
            sid: proof.session().map(|session| Arc::clone(&session.sid)),
            subject: proof.principal().subject.clone(),
            farewell: admitted.plan().farewell,
        })
    }

    /// Notes that the gateway closed it. Draining is no audit event: it says nothing of anybody.
    pub(super) fn closed(&self, cause: EndCause) {
        if cause == EndCause::Drained {
            return;
        }
        audit::stream_closed(
            (self.request_id.as_str(), self.route.as_str()),
            (self.sid.as_deref(), &self.subject),
            cause.as_str(),
        );
    }
}

/// The code and the reason of the close frame that a WebSocket ends with.
pub(super) fn farewell(cause: EndCause, route: Option<Farewell>) -> (u16, &'static str) {
    let code = match cause {
        EndCause::Drained => GOING_AWAY,
        EndCause::Absolute
        | EndCause::Backchannel
        | EndCause::Expired
        | EndCause::Frontchannel
        | EndCause::Idle
        | EndCause::Logout
        | EndCause::Policy
        | EndCause::Refresh
        | EndCause::Replaced
        | EndCause::Revoked => route.unwrap_or_default().close_code,
    };
    (code, cause.as_str())
}

fn bind(parts: &Parts, ctx: &mut Context, counted: bool) -> Result<(), Refused> {
    let Some(admitted) = &ctx.admitted else { return Ok(()) };
    let proof = admitted.permit().authenticated();
    let (sessions, live) = (&parts.sessions, parts.sessions.live());
    let standing = Opened::of(ctx, &parts.snapshot);
    let opening = Opening {
        of_session: proof.session().is_some(),
        counted,
        at_end: admitted.plan().farewell.at_end,
        standing: standing.map(|standing| Box::new(standing) as Box<dyn Standing>),
    };
    let key = match (proof.session(), proof.bond()) {
        (Some(session), _) => session.key,
        (None, Some(credential)) => credential,
        (None, None) => NOBODY,
    };
    let ticket = live.bind(key, opening);
    let ticket = ticket.map_err(|_| Refused::on(admitted.plan(), Refusal::StreamLimit))?;
    let ticket = match proof.expires() {
        Some(expires) => ticket.until(sessions.time_left(expires)),
        None => ticket,
    };
    // What came between the decision and this has found no stream to be judged anew.
    let as_decided = proof.session().is_none_or(|session| sessions.is_current(session))
        && Arc::ptr_eq(&ctx.snapshot, &parts.snapshot.load());
    if !as_decided {
        ticket.recheck();
    }
    ctx.ticket = Some(ticket);
    Ok(())
}

fn is_streaming(content_type: &[u8]) -> bool {
    STREAMING.iter().any(|streaming| {
        let kind = content_type.get(..streaming.len());
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case(streaming.as_bytes()))
    })
}
