//! What is known of one request while it goes through pingora's phases.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::Method;
use tokio::task::AbortHandle;

use crate::base::{Clock, RequestId};
use crate::gate::Admitted;
use crate::observe::{AccessRecord, Metrics};
use crate::proxy::inbound::Inbound;
use crate::proxy::service::Snapshot;
use crate::session::StreamTicket;
use crate::upstream::Exchange;

/// One request's state. When it is dropped, the request is over, however it ended (pingora's own
/// `logging` phase is skipped when a stream is cut), and is counted and logged.
pub struct Context {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) started: Instant,
    pub(super) id: RequestId,
    pub(super) inbound: Option<Inbound>,
    pub(super) admitted: Option<Admitted>,
    pub(super) exchange: Exchange,
    /// What binds a live stream to its session, until whoever relays the stream takes it.
    pub(super) ticket: Option<StreamTicket>,
    /// It is no stream, and is bound all the same because it lasts.
    pub(super) lasts: bool,
    pub(super) attempts: usize,
    /// The backend of the last attempt.
    pub(super) tried: Option<usize>,
    pub(super) body_received: u64,
    pub(super) body_timer: Option<AbortHandle>,
    /// What the request asked for is too much: the error page must say so.
    pub(super) too_large: bool,
    pub(super) answered: Answered,
    pub(super) record: Record,
}

/// What was answered.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) bytes: u64,
    /// What answered, where it was no route.
    pub(super) by: Option<&'static str>,
}

/// Where the end of a request is noted.
pub(super) struct Record {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) protocol: &'static str,
    /// `None` until a request has come.
    pub(super) method: Option<Method>,
    pub(super) peer: Option<IpAddr>,
}

impl Context {
    fn log(&self) {
        let took = self.record.clock.instant().saturating_duration_since(self.started);
        let plan = self.admitted.as_ref().map(|admitted| admitted.plan());
        let route = self.answered.by.or(plan.map(|plan| plan.id.as_str())).unwrap_or("none");
        self.record.metrics.request(route, self.answered.status, took);
        if !self.snapshot.access_log {
            return;
        }
        let permit = self.admitted.as_ref().map(Admitted::permit);
        let who = permit.map(|permit| permit.authenticated());
        AccessRecord {
            request_id: self.id.as_str(),
            client: self.inbound.as_ref().map(|inbound| inbound.client).or(self.record.peer),
            method: self.record.method.as_ref().map_or("", Method::as_str),
            host: self.inbound.as_ref().map_or("", |inbound| inbound.host.name()),
            path: self.inbound.as_ref().map_or("", |inbound| &inbound.path),
            route,
            status: self.answered.status,
            bytes: self.answered.bytes,
            duration: took,
            subject: who.map(|who| who.principal().subject.as_str()),
            sid: who.and_then(|who| who.session()).map(|session| &*session.sid),
            protocol: self.record.protocol,
        }
        .log();
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(timer) = self.body_timer.take() {
            timer.abort();
        }
        // A connection that closed before a request came has nothing to tell.
        if self.record.method.is_some() {
            self.log();
        }
    }
}
