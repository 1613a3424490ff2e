//! The accept loop of one listening socket.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora_core::apps::{HttpServerApp, ServerApp};
use pingora_core::protocols::Stream;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use crate::edge::app::Edge;
use crate::edge::io::{ConnectionIo, Deadlines};
use crate::edge::listener::Bound;
use crate::edge::load::{ConnectionPermit, Load};
use crate::edge::tls::Sites;
use crate::proxy::{Connection, TlsFacts};

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

/// Accepts connections until `shutdown` turns true, then closes the listening socket. Connections
/// that are open by then live on; [`Load::wait_until_empty`] waits for them.
pub async fn serve<A>(
    bound: Bound,
    sites: Option<Arc<ArcSwap<Sites>>>,
    edge: Arc<Edge<A>>,
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
        let sites = sites.as_ref().map(|sites| sites.load_full());
        let edge = Arc::clone(&edge);
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            if let Some(stream) = establish((stream, peer), sites, limits, permit).await {
                edge.process_new(stream, &shutdown).await;
            }
        });
    }
}

async fn establish(
    (stream, peer): (TcpStream, SocketAddr),
    sites: Option<Arc<Sites>>,
    limits: AcceptLimits,
    permit: ConnectionPermit,
) -> Option<Stream> {
    let local = stream.local_addr().ok()?;
    // Answers leave as they are flushed; without this, the last part of one could wait 40 ms.
    stream.set_nodelay(true).ok()?;
    let fd = stream.as_raw_fd();
    let deadlines = Deadlines { head: limits.head, idle: limits.idle };
    let Some(sites) = sites else {
        let connection = Arc::new(Connection::new(peer, local, None));
        return Some(Box::new(ConnectionIo::new(stream, fd, connection, deadlines, permit)));
    };
    let acceptor = TlsAcceptor::from(sites.server_config());
    let handshake = tokio::time::timeout(limits.handshake, acceptor.accept(stream));
    let stream = match handshake.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            debug!(%error, %peer, "handshake failed");
            return None;
        }
        Err(_) => {
            debug!(%peer, "handshake took too long");
            return None;
        }
    };
    let (_, session) = stream.get_ref();
    let facts = TlsFacts {
        server_name: session.server_name().map(str::to_ascii_lowercase),
        http2: session.alpn_protocol() == Some(b"h2"),
    };
    let connection = Arc::new(Connection::new(peer, local, Some(facts)));
    Some(Box::new(ConnectionIo::new(stream, fd, connection, deadlines, permit)))
}
