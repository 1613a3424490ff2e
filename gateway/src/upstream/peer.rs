//! A backend as pingora wants to have it described.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pingora_core::protocols::ALPN;
use pingora_core::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora_core::utils::tls::{WrappedX509, parse_x509};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::upstream::patience::PatientConnector;
use crate::upstream::pool::{Backend, Pool, PoolFault, Protocol};

/// Connections to one HTTP/2 backend carry this many requests each; pingora's own default is one.
const HTTP2_STREAMS: usize = 100;

/// How TLS is spoken to a pool's backends.
#[derive(Clone, Default)]
pub struct Tls {
    /// The name their certificates must be for; by default the server's own.
    pub name: Option<String>,
    /// A private CA instead of the system's.
    pub ca: Option<Arc<[WrappedX509]>>,
    /// Takes any certificate, which lets anybody on the way read and forge what is exchanged.
    pub danger_skip_verify: bool,
}

/// What kind of exchange a request is: decides its timeouts and how its connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// A request with an answer.
    Ordinary,
    /// A request for an event stream.
    EventStream,
    /// A WebSocket handshake.
    WebSocket,
}

impl Tls {
    /// The certificates of a private CA.
    ///
    /// # Errors
    /// A certificate is no CA certificate that TLS can use.
    pub fn ca(
        certificates: Vec<CertificateDer<'static>>,
    ) -> Result<Arc<[WrappedX509]>, rustls::Error> {
        // pingora's parser panics on what it does not understand, so rustls looks first.
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone())?;
        }
        let wrap = |der: CertificateDer<'_>| WrappedX509::new(der.to_vec(), parse_x509);
        Ok(certificates.into_iter().map(wrap).collect())
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("name", &self.name)
            .field("private_ca", &self.ca.is_some())
            .field("danger_skip_verify", &self.danger_skip_verify)
            .finish()
    }
}

impl Pool {
    /// The pingora peer for the next try of a request, and the index of its backend, which the try
    /// after this one must be told. Every timeout is set, since pingora's default for each of them is
    /// to wait for ever.
    ///
    /// # Errors
    /// No backend has an address.
    pub fn peer(
        &self,
        exchange: Exchange,
        tried: Option<usize>,
    ) -> Result<(Box<HttpPeer>, usize), PoolFault> {
        let (backend, turn) = self.backend(tried)?;
        Ok((self.peer_of(&backend, exchange), turn))
    }

    /// The pingora peer for a backend.
    pub(super) fn peer_of(&self, backend: &Backend, exchange: Exchange) -> Box<HttpPeer> {
        let settings = self.settings();
        let tls = settings.tls.as_ref();
        let name = tls.and_then(|tls| tls.name.as_deref()).unwrap_or(&backend.name).to_owned();
        let mut peer = HttpPeer::new(backend.address, tls.is_some(), name);
        peer.group_key = self.group(exchange);

        let times = settings.timeouts;
        let options = &mut peer.options;
        options.connection_timeout = Some(times.connect);
        options.total_connection_timeout = Some(times.connect);
        options.read_timeout = Some(match exchange {
            Exchange::Ordinary => times.first_byte,
            Exchange::EventStream | Exchange::WebSocket => times.stream_idle,
        });
        options.write_timeout = Some(times.write);
        options.idle_timeout = Some(times.keep);
        options.max_h2_streams = HTTP2_STREAMS;
        options.http_upstream_request_policy = match exchange {
            Exchange::WebSocket => HttpUpstreamRequestPolicy::standard(),
            Exchange::Ordinary | Exchange::EventStream => {
                HttpUpstreamRequestPolicy::deny_upgrades()
            }
        };
        // A WebSocket is HTTP/1.1 whatever the pool speaks otherwise.
        options.alpn = match (settings.protocol, exchange) {
            (Protocol::Http2, Exchange::Ordinary | Exchange::EventStream) => ALPN::H2,
            _ => ALPN::H1,
        };
        if let Some(tls) = tls {
            options.verify_cert = !tls.danger_skip_verify;
            options.verify_hostname = !tls.danger_skip_verify;
            options.ca = tls.ca.clone();
        }
        if exchange == Exchange::WebSocket {
            options.custom_l4 = Some(Arc::new(PatientConnector));
        }
        Box::new(peer)
    }

    /// Who may share a connection: requests to the same pool, of the same generation of the
    /// configuration. A WebSocket shares with nobody: only a new connection is patient.
    fn group(&self, exchange: Exchange) -> u64 {
        static WEBSOCKETS: AtomicU64 = AtomicU64::new(0);
        let mut hasher = DefaultHasher::new();
        self.id().hash(&mut hasher);
        self.generation().hash(&mut hasher);
        if exchange == Exchange::WebSocket {
            WEBSOCKETS.fetch_add(1, Ordering::Relaxed).hash(&mut hasher);
        }
        hasher.finish()
    }
}
