//! The edge's wrapper around pingora's HTTP proxy: each request runs beside its lifeline.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora_core::server::ShutdownWatch;
use tracing::debug;

use crate::observe::Metrics;
use crate::proxy::{Connection, Lifeline, Phase, scope};

/// An HTTP application whose requests can be ended from outside.
pub struct Edge<A> {
    inner: Arc<A>,
    metrics: Arc<Metrics>,
    server: HttpServerOptions,
    http2: H2Options,
}

/// A header block, decoded. Bounds what one `HEADERS` frame plus its continuations can make us
/// hold ("HTTP/2 bomb", CVE-2026-49975): each of the indexed fields counts with its full size.
const HTTP2_HEADER_BYTES: u32 = 32 * 1024;
/// Streams that a client opened and reset before we looked at them (CVE-2023-44487).
const HTTP2_PENDING_RESETS: usize = 20;

impl<A> Edge<A> {
    /// Wraps an application.
    pub fn new(
        inner: Arc<A>,
        metrics: Arc<Metrics>,
        idle: Duration,
        requests: u32,
        streams: u32,
    ) -> Self {
        let mut server = HttpServerOptions::default();
        // pingora counts how often a connection is used again.
        server.keepalive_request_limit = Some(requests.saturating_sub(1));
        server.h2_idle_timeout = Some(idle);
        let mut http2 = default_h2_options();
        http2
            .max_concurrent_streams(streams)
            .max_header_list_size(HTTP2_HEADER_BYTES)
            .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS);
        Self { inner, metrics, server, http2 }
    }
}

#[async_trait]
impl<A> HttpServerApp for Edge<A>
where
    A: HttpServerApp + Send + Sync + 'static,
{
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let connection = session
            .digest()
            .and_then(|digest| digest.proxy_digest.as_ref())
            .and_then(|proxy| proxy.user_data.as_ref())
            .and_then(|data| data.downcast_ref::<Arc<Connection>>())
            .map(Arc::clone);
        let lifeline = Arc::new(Lifeline::default());
        let request = self.inner.process_new_http(session, shutdown);
        let request = scope(Arc::clone(&lifeline), request);
        let reused = tokio::select! {
            biased;
            reused = request => reused,
            cut = lifeline.cut() => {
                self.metrics.request_cut(cut.as_str());
                debug!(cause = cut.as_str(), "request cut");
                None
            }
        };
        if let (Some(connection), Some(_)) = (connection, &reused) {
            connection.enter(Phase::Idle);
        }
        reused
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.http2.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.server)
    }

    async fn http_cleanup(&self) {
        self.inner.http_cleanup().await;
    }
}
