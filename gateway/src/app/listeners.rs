//! Binds the listening sockets and serves them.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::{HttpProxy, http_proxy};
use tokio::sync::watch;

use crate::app::lasting::Lasting;
use crate::config::{Checked, Config, Http1Engine};
use crate::edge::{AcceptLimits, Bound, Edge, Servers, Sites, bind, serve};
use crate::proxy::{Direct, DirectLimits, Draining, Gateway, Parts, Snapshot};

/// The sockets, bound before anything is served: a port that is taken stops the start.
pub(super) struct Sockets {
    pub(super) http: Option<Bound>,
    pub(super) https: Option<Bound>,
    pub(super) admin: Bound,
}

/// A socket that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (`server.{key}.listen`): {cause}")]
pub struct BindFault {
    key: &'static str,
    address: SocketAddr,
    cause: std::io::Error,
}

impl Sockets {
    pub(super) fn bind(config: &Checked<Config>) -> Result<Self, BindFault> {
        let bound = |key: &'static str, address: SocketAddr| {
            bind(address).map_err(|cause| BindFault { key, address, cause })
        };
        let server = &config.server;
        Ok(Self {
            http: server.http.as_ref().map(|http| bound("http", http.listen)).transpose()?,
            https: server.https.as_ref().map(|https| bound("https", https.listen)).transpose()?,
            admin: bound("admin", server.admin.listen)?,
        })
    }

    /// Says on standard output where the gateway listens: with port 0, nobody else knows.
    pub(super) fn announce(&self) {
        let all = [("http", &self.http), ("https", &self.https)];
        let bound = all.iter().filter_map(|(name, bound)| Some((*name, bound.as_ref()?.address)));
        let mut out = std::io::stdout().lock();
        for (name, address) in bound.chain([("admin", self.admin.address)]) {
            // Standard output may be closed; serving goes on without it.
            let _ = writeln!(out, r#"{{"listening":"{name}","address":"{address}"}}"#);
        }
        let _ = out.flush();
    }
}

/// The data plane: the direct path, and pingora's proxy with our service in it behind our edge.
pub(super) type Proxy = Servers<HttpProxy<Gateway>>;

pub(super) fn proxy(
    config: &Checked<Config>,
    lasting: &Lasting,
    snapshot: &Arc<ArcSwap<Snapshot>>,
    draining: &Draining,
) -> Proxy {
    let limits = &config.server.limits;
    let threads = config.server.threads.map_or(0, std::num::NonZero::get);
    let server = ServerConf {
        upstream_keepalive_pool_size: UPSTREAM_POOL,
        threads: threads.max(1),
        ..ServerConf::default()
    };
    let gateway = || {
        Gateway::new(Parts {
            snapshot: Arc::clone(snapshot),
            sessions: Arc::clone(&lasting.sessions),
            metrics: Arc::clone(&lasting.metrics),
            clock: Arc::clone(&lasting.clock),
            entropy: Arc::clone(&lasting.entropy),
        })
    };
    let direct = (config.server.http1_engine == Http1Engine::Direct).then(|| {
        let limits = DirectLimits {
            head: limits.header_time.std(),
            idle: limits.idle_time.std(),
            requests: limits.requests_per_connection,
        };
        Arc::new(Direct::new(Arc::new(gateway()), limits, draining.clone()))
    });
    let proxy = http_proxy(&Arc::new(server), gateway());
    let edge = Arc::new(Edge::new(
        Arc::new(proxy),
        Arc::clone(&lasting.metrics),
        limits.idle_time.std(),
        limits.requests_per_connection,
        limits.http2_streams,
    ));
    Servers { direct, edge }
}

/// Connections to upstreams that are kept while unused.
const UPSTREAM_POOL: usize = 1024;

/// Serves the public sockets until `shutdown`.
pub(super) fn serve_public(
    sockets: (Option<Bound>, Option<Bound>),
    sites: Option<&Arc<ArcSwap<Sites>>>,
    proxy: &Proxy,
    lasting: &Lasting,
    config: &Checked<Config>,
    shutdown: &watch::Receiver<bool>,
) {
    let limits = &config.server.limits;
    let accept = AcceptLimits {
        handshake: limits.tls_handshake_time.std(),
        head: limits.header_time.std(),
        idle: limits.idle_time.std(),
    };
    let (http, https) = sockets;
    let load = &lasting.load;
    if let Some(bound) = http {
        let proxy = proxy.clone();
        tokio::spawn(serve(bound, None, proxy, load.clone(), accept, shutdown.clone()));
    }
    if let (Some(bound), Some(sites)) = (https, sites) {
        let (proxy, sites) = (proxy.clone(), Some(Arc::clone(sites)));
        tokio::spawn(serve(bound, sites, proxy, load.clone(), accept, shutdown.clone()));
    }
}
