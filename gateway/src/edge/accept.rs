//! The accept loop of one listening socket.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use pingora_core::apps::{HttpServerApp, ServerApp};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};
use tracing::debug;

use crate::edge::app::Edge;
use crate::edge::io::{ConnectionIo, Deadlines};
use crate::edge::listener::Bound;
use crate::edge::load::{ConnectionPermit, Load};
use crate::edge::rewound::Rewound;
use crate::edge::tls::Sites;
use crate::proxy::{self, Connection, Direct, TlsFacts};

/// How long to wait when the process has no file descriptor left. Accepting again at once would
/// spin, since the connection stays in the kernel's queue.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// What one listener allows its clients.
#[derive(Clone, Copy, Debug)]
pub struct AcceptLimits {
    /// A TLS handshake must be complete in this time.
    pub handshake: Duration,
    /// A request head must be complete this long after its first byte.
    pub head: Duration,
    /// A connection between requests is closed after this.
    pub idle: Duration,
}

/// Who serves the connections of a listener.
pub struct Servers<A> {
    /// HTTP/1.1, where there is a direct path.
    pub direct: Option<Arc<Direct>>,
    /// HTTP/2, and whatever else the direct path hands over.
    pub edge: Arc<Edge<A>>,
}

impl<A> Clone for Servers<A> {
    fn clone(&self) -> Self {
        Self { direct: self.direct.clone(), edge: Arc::clone(&self.edge) }
    }
}

/// Accepts connections until `shutdown` turns true, then closes the listening socket. Connections
/// that are open by then live on; [`Load::wait_until_empty`] waits for them.
pub async fn serve<A>(
    bound: Bound,
    sites: Option<Arc<ArcSwap<Sites>>>,
    servers: Servers<A>,
    load: Load,
    limits: AcceptLimits,
    mut shutdown: watch::Receiver<bool>,
) where
    A: HttpServerApp + Send + Sync + 'static,
{
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => return,
            accepted = bound.listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "accept failed");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                continue;
            }
        };
        let Some(permit) = load.admit(peer.ip()) else { continue };
        // Answers leave as they are flushed; without this, the last part of one could wait 40 ms.
        let Ok(local) = stream.set_nodelay(true).and_then(|()| stream.local_addr()) else {
            continue;
        };
        let sites = sites.as_ref().map(|sites| sites.load_full());
        let newcomer =
            Newcomer { servers: servers.clone(), shutdown: shutdown.clone(), limits, permit };
        match sites {
            None => {
                let connection = Arc::new(Connection::new(peer, local, None));
                tokio::spawn(newcomer.serve(stream, connection));
            }
            Some(sites) => {
                tokio::spawn(newcomer.shake_hands(stream, (peer, local), sites));
            }
        }
    }
}

/// A connection that has just been accepted.
struct Newcomer<A> {
    servers: Servers<A>,
    shutdown: watch::Receiver<bool>,
    limits: AcceptLimits,
    permit: ConnectionPermit,
}

/// A stream whose file descriptor can be told to pingora.
trait Descriptor {
    fn descriptor(&self) -> RawFd;
}

impl Descriptor for TcpStream {
    fn descriptor(&self) -> RawFd {
        self.as_raw_fd()
    }
}

impl Descriptor for Box<TlsStream<TcpStream>> {
    fn descriptor(&self) -> RawFd {
        self.get_ref().0.as_raw_fd()
    }
}

/// Where sites differ in what they ask of clients, the client says first which one it wants.
async fn handshake(sites: &Sites, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    if let Some(config) = sites.for_all() {
        return TlsAcceptor::from(config).accept(stream).await;
    }
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let config = sites.for_name(hello.client_hello().server_name());
    hello.into_stream(config.ok_or(io::ErrorKind::NotFound)?).await
}

impl<A: HttpServerApp + Send + Sync + 'static> Newcomer<A> {
    async fn shake_hands(
        self,
        stream: TcpStream,
        (peer, local): (SocketAddr, SocketAddr),
        sites: Arc<Sites>,
    ) {
        // In boxes, since a connection is served for much longer than it takes to establish.
        let handshake = Box::pin(handshake(&sites, stream));
        let handshake = Box::pin(tokio::time::timeout(self.limits.handshake, handshake));
        let stream = match handshake.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                debug!(%error, %peer, "handshake failed");
                return;
            }
            Err(_) => {
                debug!(%peer, "handshake took too long");
                return;
            }
        };
        let (_, session) = stream.get_ref();
        let site = match sites.settled(session) {
            Ok(site) => site,
            Err(error) => {
                debug!(%error, %peer, "client certificate refused");
                return;
            }
        };
        let facts = TlsFacts {
            server_name: session.server_name().map(str::to_ascii_lowercase),
            http2: session.alpn_protocol() == Some(b"h2"),
            site,
        };
        drop(sites);
        let connection = Arc::new(Connection::new(peer, local, Some(facts)));
        // In a box: a future has room for each place that a value passes through, and rustls' part of a
        // connection is large.
        self.serve(Box::new(stream), connection).await;
    }

    async fn serve<S>(self, stream: S, connection: Arc<Connection>)
    where
        S: AsyncRead + AsyncWrite + Descriptor + Unpin + Send + Sync + 'static,
    {
        let http2 = connection.tls.as_ref().is_some_and(|tls| tls.http2);
        let (stream, read) = match self.servers.direct.clone() {
            Some(direct) if !http2 => {
                let handover = proxy::serve(direct, stream, Arc::clone(&connection)).await;
                let Some(handover) = handover else { return };
                (handover.stream, handover.read)
            }
            _ => (stream, Bytes::new()),
        };
        let fd = stream.descriptor();
        let deadlines = Deadlines { head: self.limits.head, idle: self.limits.idle };
        let stream = Rewound::new(read, stream);
        let stream = ConnectionIo::new(stream, fd, connection, deadlines, self.permit);
        Box::pin(self.servers.edge.process_new(Box::new(stream), &self.shutdown)).await;
    }
}
