//! The switchboard: each of pingora's phases, and where its work is done.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, Session};

use crate::authn::CookieNames;
use crate::base::{Clock, Entropy, RequestId};
use crate::endpoints::Endpoints;
use crate::gate::Gate;
use crate::http1::HeadLimits;
use crate::observe::Metrics;
use crate::proxy::connection::Phase;
use crate::proxy::context::{Answered, Context, Record};
use crate::proxy::inbound::Inbound;
use crate::proxy::{admission, inbound, outbound, rescue, streams};
use crate::session::SessionManager;
use crate::upstream::{Exchange, Protocol};
use crate::web::forwarded::Trusted;
use crate::web::mtls::SiteTable;

/// pingora's service.
pub struct Gateway {
    parts: Parts,
}

/// What lives as long as the process.
pub struct Parts {
    /// The configuration in force; a request keeps the one it began with.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Sessions, and the live streams bound to them.
    pub sessions: Arc<SessionManager>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// What a configuration becomes for the proxy.
pub struct Snapshot {
    /// The decision.
    pub gate: Gate,
    /// Our own pages.
    pub endpoints: Endpoints,
    /// Which of a request's cookies are ours.
    pub cookies: CookieNames,
    /// The proxies before us whose word counts.
    pub trusted: Trusted,
    /// The limits of a request head.
    pub head: HeadLimits,
    /// A request body must be complete in this time.
    pub body_time: Duration,
    /// A client must take, or send, a part of a message in this time.
    pub client_time: Duration,
    /// A connection between requests is closed after this.
    pub idle: Duration,
    /// Sends a browser that comes by plain HTTP to HTTPS, at this port.
    pub https_port: Option<u16>,
    /// Which host asks its clients for certificates; `None` where none does.
    pub sites: Option<Arc<SiteTable>>,
    /// Whether each request is logged.
    pub access_log: bool,
    /// Whether any route's backend speaks HTTP/2.
    pub http2_upstreams: bool,
}

impl Snapshot {
    /// Whether a request by HTTP/1 is for a backend that speaks HTTP/2, which pingora's path does.
    pub(super) fn needs_pingora(&self, inbound: &Inbound) -> bool {
        // A WebSocket is HTTP/1.1 whatever the pool speaks otherwise.
        self.http2_upstreams
            && !inbound.websocket
            && self
                .gate
                .plan_of(inbound.host.name(), &inbound.path, &inbound.method)
                .is_some_and(|plan| plan.pool.settings().protocol == Protocol::Http2)
    }
}

/// An answered request whose body goes on arriving is read on for this long before the connection
/// is closed.
const DRAIN: Duration = Duration::from_secs(2);

impl Gateway {
    /// The service over its parts.
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    pub(super) const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Binds an exchange that lasts to its session, and passes no more of it on where that has ended.
    /// pingora has no hook that time alone calls: what is silent meanwhile is found out when it speaks.
    fn still(&self, session: &Session, ctx: &mut Context) -> Result<()> {
        let age = || self.parts.clock.instant().saturating_duration_since(ctx.started);
        if ctx.exchange != Exchange::Ordinary || ctx.lasts || age() < streams::LASTING {
            return Ok(());
        }
        ctx.lasts = true;
        streams::lasts(&self.parts, ctx);
        if ctx.ticket.as_ref().is_some_and(|ticket| ticket.over().is_some()) {
            return Error::e_explain(ErrorType::HTTPStatus(401), "its session has ended");
        }
        if let Some(connection) = inbound::connection(session).cloned() {
            streams::tie(ctx, connection);
        }
        Ok(())
    }

    /// The state of a request that is just beginning.
    pub(super) fn context(&self) -> Context {
        let parts = &self.parts;
        Context {
            snapshot: parts.snapshot.load_full(),
            started: parts.clock.instant(),
            id: RequestId::random(&*parts.entropy),
            inbound: None,
            admitted: None,
            exchange: Exchange::Ordinary,
            ticket: None,
            lasts: false,
            attempts: 0,
            tried: None,
            body_received: 0,
            body_timer: None,
            too_large: false,
            answered: Answered::default(),
            record: Record {
                clock: Arc::clone(&parts.clock),
                metrics: Arc::clone(&parts.metrics),
                protocol: "",
                method: None,
                peer: None,
            },
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        self.context()
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        ctx.record.method = Some(session.req_header().method.clone());
        ctx.record.protocol = inbound::protocol(session.req_header().version);
        if let Some(connection) = inbound::connection(session) {
            connection.enter(Phase::Busy);
            ctx.record.peer = Some(connection.peer.ip());
        }
        // pingora forgets all of these between two requests of one connection.
        let snapshot = Arc::clone(&ctx.snapshot);
        // It also reads the line before a chunk more kindly than others do (none at all is the last
        // chunk, and an extension may hold a line feed), so that to somebody before us the body may
        // end elsewhere. What is behind such a body is therefore never taken for a request.
        let certain = !session.req_header().headers.contains_key(TRANSFER_ENCODING);
        let client = session.as_downstream_mut();
        client.set_keepalive(certain.then(|| snapshot.idle.as_secs().max(1)));
        client.set_read_timeout(Some(snapshot.client_time));
        client.set_write_timeout(Some(snapshot.client_time));
        client.set_total_drain_timeout(Some(DRAIN));
        client.set_pipelining_enabled(certain);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        admission::admit(self, session, ctx).await
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        // Nothing has been answered while an upload goes on.
        self.still(session, ctx)?;
        admission::body(&self.parts.sessions, body, end_of_stream, ctx)
    }

    async fn upstream_peer(&self, _: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        let admitted = ctx.admitted.as_ref().ok_or_else(outbound::not_admitted)?;
        ctx.attempts += 1;
        // A retry sends the body from its beginning.
        ctx.body_received = 0;
        let peer = admitted.plan().pool.peer(ctx.exchange, ctx.tried);
        let peer = peer.map(|(peer, turn)| {
            ctx.tried = Some(turn);
            peer
        });
        let mut peer = peer.or_err(ErrorType::ConnectError, "choosing a server");
        if let Err(error) = &mut peer {
            error.as_up();
        }
        peer
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let (Some(admitted), Some(inbound)) = (&ctx.admitted, &ctx.inbound) else {
            return Err(outbound::not_admitted());
        };
        let client = &session.req_header().headers;
        outbound::prepare(upstream, client, inbound, admitted, &ctx.snapshot, ctx.id)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        answer: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let Some(admitted) = &ctx.admitted else { return Err(outbound::not_admitted()) };
        outbound::finish(answer, admitted, &ctx.snapshot, ctx.id)?;
        if !answer.status.is_informational() || answer.status == StatusCode::SWITCHING_PROTOCOLS {
            ctx.answered.status = answer.status.as_u16();
        }
        let connection = inbound::connection(session).cloned();
        let Some(connection) = connection else { return Ok(()) };
        if answer.status == StatusCode::SWITCHING_PROTOCOLS {
            connection.enter(Phase::WebSocket);
            return Ok(());
        }
        let content_type = answer.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let has_length = answer.headers.contains_key(CONTENT_LENGTH);
        streams::answered(&self.parts, content_type, has_length, ctx).or_else(|refused| {
            Error::e_explain(ErrorType::InternalError, refused.refusal.code())
        })?;
        streams::tie(ctx, connection);
        self.still(session, ctx)
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        _: &mut Option<Bytes>,
        _: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        self.still(session, ctx).map(|()| None)
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        ctx: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        // Nothing was sent yet, so that any request may be tried again: once on each server.
        let servers = ctx.admitted.as_ref().map_or(1, |to| to.plan().pool.settings().servers.len());
        error.set_retry(ctx.attempts < servers.max(2));
        error
    }

    fn error_while_proxy(
        &self,
        _: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        _: &mut Context,
        client_reused: bool,
    ) -> Box<Error> {
        let replayable = session.req_header().method.is_idempotent()
            && !session.as_ref().retry_buffer_truncated()
            && session.response_written().is_none();
        if replayable {
            error.retry.decide_reuse(client_reused);
        } else {
            error.set_retry(false);
        }
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Context,
    ) -> FailToProxy {
        let status = admission::rescue(self, session, error, ctx).await;
        FailToProxy { error_code: status, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        if let Some(sent) = session.response_written() {
            ctx.answered.status = sent.status.as_u16();
        }
        ctx.answered.bytes = session.body_bytes_sent() as u64;
        let failed = error.and_then(rescue::kind);
        if let (Some(kind), Some(admitted)) = (failed, &ctx.admitted) {
            let upstream = admitted.plan().pool.id();
            self.parts.metrics.upstream_error(upstream.as_str(), kind);
        }
    }

    fn suppress_error_log(&self, _: &Session, _: &Context, _: &Error) -> bool {
        true
    }
}
