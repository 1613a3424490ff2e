//! Connections to backends, made here and used by the direct path.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::FutureExt as _;
use pingora_core::connectors::TransportConnector;
use pingora_core::protocols::Stream;
use pingora_error::ErrorType;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::upstream::peer::Exchange;
use crate::upstream::pool::{Backend, Pool};

/// A connection to a backend.
#[derive(Debug)]
pub enum Link {
    /// TCP.
    Plain(TcpStream),
    /// TLS, made by pingora.
    Tls(Stream),
}

/// Why there is no connection to a backend.
#[derive(Debug, thiserror::Error)]
pub enum LinkFault {
    /// No backend has an address just now.
    #[error("no server of the upstream has an address just now")]
    NoAddress,
    /// Nobody listens there, or nobody can be reached.
    #[error("cannot connect: {0}")]
    Refused(Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("connecting took too long")]
    TimedOut,
    /// Its certificate is not for it, or the handshake failed.
    #[error("TLS: {0}")]
    Tls(Box<dyn std::error::Error + Send + Sync>),
}

/// Makes connections.
#[derive(Clone, Default)]
pub struct Connector {
    /// Reads the system's certificates when it is made: only where a backend speaks TLS.
    tls: Arc<OnceLock<TransportConnector>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// A new connection to a backend of the pool, within its `connect` time.
    ///
    /// # Errors
    /// There is none; nothing has been sent.
    pub(super) async fn connect(&self, pool: &Pool, backend: &Backend) -> Result<Link, LinkFault> {
        if pool.settings().tls.is_some() {
            return self.connect_tls(pool, backend).await;
        }
        let budget = pool.settings().timeouts.connect;
        let connected = tokio::time::timeout(budget, TcpStream::connect(backend.address)).await;
        let stream = connected
            .map_err(|_| LinkFault::TimedOut)?
            .map_err(|error| LinkFault::Refused(Box::new(error)))?;
        stream.set_nodelay(true).map_err(|error| LinkFault::Refused(Box::new(error)))?;
        Ok(Link::Plain(stream))
    }

    async fn connect_tls(&self, pool: &Pool, backend: &Backend) -> Result<Link, LinkFault> {
        let peer = pool.peer_of(backend, Exchange::Ordinary);
        let tls = self.tls.get_or_init(|| TransportConnector::new(None));
        tls.new_stream(&*peer).await.map(Link::Tls).map_err(|error| match error.etype() {
            ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => LinkFault::TimedOut,
            ErrorType::InvalidCert | ErrorType::TLSHandshakeFailure => LinkFault::Tls(error),
            _ => LinkFault::Refused(error),
        })
    }
}

impl Link {
    /// Whether a connection that nobody has used for a while can carry a request: the backend has
    /// neither closed it nor said anything unasked. Costs no system call where the runtime has heard
    /// of neither.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        match self {
            Self::Plain(stream) => {
                let read = stream.try_read(&mut byte);
                read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Tls(stream) => {
                let read = tokio::io::AsyncReadExt::read(stream, &mut byte);
                tokio::task::unconstrained(read).now_or_never().is_none()
            }
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
