//! A named pool of backends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;
use tracing::warn;

use crate::base::UpstreamId;
use crate::upstream::idle::IdleLinks;
use crate::upstream::link::{Connector, Link, LinkFault};
use crate::upstream::peer::Tls;
use crate::upstream::selector::{RoundRobin, UpstreamSelector};

/// A pool, as configured.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// Its name.
    pub id: UpstreamId,
    /// Its backends, at least one.
    pub servers: Vec<Server>,
    /// How to speak TLS to the backends; `None` speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Which HTTP to speak.
    pub protocol: Protocol,
    /// Every timeout.
    pub timeouts: Timeouts,
}

/// One backend: a host name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Host name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Which HTTP to speak to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN over TLS, with prior knowledge without. gRPC needs it.
    Http2,
}

/// How long to wait for a backend.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection, TLS handshake included.
    pub connect: Duration,
    /// For each part of an ordinary answer, its first byte above all.
    pub first_byte: Duration,
    /// Between two parts of a stream.
    pub stream_idle: Duration,
    /// For the backend to take a part of the request.
    pub write: Duration,
    /// How long an unused connection is kept; shorter than the backend's own limit.
    pub keep: Duration,
}

/// Why a pool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PoolFault {
    /// No backend has an address.
    #[error("no server of upstream `{0}` has an address just now")]
    NoAddress(UpstreamId),
}

/// A pool that is in use: its backends' addresses are known and looked up again from time to time.
#[derive(Debug)]
pub struct Pool {
    settings: PoolSettings,
    selector: Box<dyn UpstreamSelector>,
    addresses: ArcSwap<Vec<Backend>>,
    /// Keeps connections of one generation of the configuration apart from those of another:
    /// pingora's pool does not look at the CA or the protocol when it reuses a connection.
    generation: u64,
    idle: IdleLinks,
}

/// A connection that a request is being sent on.
#[derive(Debug)]
pub struct Linked {
    /// The connection.
    pub link: Link,
    /// Whether it has carried a request before: then the backend may have closed it just now.
    pub reused: bool,
    to: SocketAddr,
}

/// One address of one backend.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    /// The name its certificate must be for; an address stands for itself. Never empty: pingora
    /// skips all verification then.
    pub(super) name: Arc<str>,
}

impl Pool {
    /// A pool whose servers were given as addresses is ready at once; names are looked up by
    /// [`Self::resolve`].
    pub fn new(settings: PoolSettings, generation: u64) -> Self {
        let known = settings
            .servers
            .iter()
            .filter_map(|server| {
                let ip = server.host.trim_matches(['[', ']']).parse().ok()?;
                Some(Backend {
                    address: SocketAddr::new(ip, server.port),
                    name: server.host.trim_matches(['[', ']']).into(),
                })
            })
            .collect();
        Self {
            settings,
            selector: Box::<RoundRobin>::default(),
            addresses: ArcSwap::from_pointee(known),
            generation,
            idle: IdleLinks::default(),
        }
    }

    /// Its name.
    pub const fn id(&self) -> &UpstreamId {
        &self.settings.id
    }

    /// Its settings.
    pub const fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// Which generation of the configuration it belongs to.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether any backend has an address.
    pub fn is_resolved(&self) -> bool {
        !self.addresses.load().is_empty()
    }

    /// Looks all names up again. A name that cannot be looked up keeps the addresses it had: an
    /// outage of the name service is not an outage of the backend.
    pub async fn resolve(&self) {
        let old = self.addresses.load_full();
        let mut backends = Vec::new();
        for server in &self.settings.servers {
            let host = server.host.trim_matches(['[', ']']);
            match tokio::net::lookup_host((host, server.port)).await {
                Ok(found) => {
                    let name: Arc<str> = host.into();
                    let found = found.map(|address| Backend { address, name: Arc::clone(&name) });
                    backends.extend(found);
                }
                Err(error) => {
                    warn!(upstream = %self.id(), host, %error, "name lookup failed");
                    backends.extend(old.iter().filter(|known| *known.name == *host).cloned());
                }
            }
        }
        self.addresses.store(Arc::new(backends));
    }

    /// A connection for the next try of a request, and the index of its backend, which the try after
    /// this one must be told. `fresh` wants a new one: a WebSocket keeps it for good.
    ///
    /// # Errors
    /// No backend can be reached. Nothing has been sent. The index is that of the backend tried.
    pub async fn link(
        &self,
        connector: &Connector,
        tried: Option<usize>,
        (fresh, now): (bool, Instant),
    ) -> (Result<Linked, LinkFault>, Option<usize>) {
        let Ok((backend, turn)) = self.backend(tried) else {
            return (Err(LinkFault::NoAddress), tried);
        };
        let to = backend.address;
        if !fresh && let Some(link) = self.idle.take(to, self.settings.timeouts.keep, now) {
            return (Ok(Linked { link, reused: true, to }), Some(turn));
        }
        let link = Box::pin(connector.connect(self, &backend)).await;
        (link.map(|link| Linked { link, reused: false, to }), Some(turn))
    }

    /// Keeps a connection for the next request. Its answer must have been read to the end, and no
    /// further.
    pub fn keep(&self, linked: Linked, now: Instant) {
        self.idle.put(linked.to, linked.link, now);
    }

    /// Closes idle connections that are of no more use. To be called now and then.
    pub fn sweep(&self) {
        self.idle.sweep(self.settings.timeouts.keep);
    }

    /// The backend for the next try of a request, and its index.
    ///
    /// # Errors
    /// No backend has an address.
    pub(super) fn backend(&self, tried: Option<usize>) -> Result<(Backend, usize), PoolFault> {
        let backends = self.addresses.load();
        let turn = self.selector.select(backends.len(), tried);
        let backend = backends.get(turn).cloned();
        let backend = backend.ok_or_else(|| PoolFault::NoAddress(self.id().clone()))?;
        Ok((backend, turn))
    }
}
