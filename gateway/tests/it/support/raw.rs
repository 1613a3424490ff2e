//! A client that sends exactly the bytes it is given.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::support::http::{Message, read_answer};

/// How long a test waits for bytes before it calls the other side silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A byte stream in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One connection.
pub(crate) struct Raw {
    stream: BufStream<Pin<Box<dyn Duplex>>>,
}

impl Raw {
    /// Connects over plain TCP.
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let tcp = TcpStream::connect(to).await.expect("the listener accepts");
        tcp.set_nodelay(true).unwrap();
        Self { stream: BufStream::new(Box::pin(tcp)) }
    }

    /// Connects over TLS as `name`, with the protocols offered in `config`.
    pub(crate) async fn connect_tls(
        to: SocketAddr,
        name: &str,
        config: Arc<rustls::ClientConfig>,
    ) -> io::Result<Self> {
        let tcp = TcpStream::connect(to).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let tls = TlsConnector::from(config).connect(name, tcp).await?;
        Ok(Self { stream: BufStream::new(Box::pin(tls)) })
    }

    /// Sends these bytes, no more and no less.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The other side may have refused and closed already: its answer says so.
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// The next answer, to a request of any method but HEAD.
    pub(crate) async fn answer(&mut self) -> io::Result<Message> {
        self.answer_to("GET").await
    }

    /// The next answer, to a request of `method`.
    pub(crate) async fn answer_to(&mut self, method: &str) -> io::Result<Message> {
        timeout(PATIENCE, read_answer(&mut self.stream, method))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Waits until the other side has closed; whatever it still said.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        match timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await {
            Ok(Ok(_)) => Ok(rest),
            Ok(Err(e)) if rest.is_empty() && e.kind() != io::ErrorKind::ConnectionReset => Err(e),
            Ok(Err(_)) => Ok(rest),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// The stream itself, for what is no longer HTTP.
    pub(crate) fn stream(&mut self) -> &mut BufStream<Pin<Box<dyn Duplex>>> {
        &mut self.stream
    }

    /// Gives the stream away, for what is no longer HTTP.
    pub(crate) fn into_stream(self) -> BufStream<Pin<Box<dyn Duplex>>> {
        self.stream
    }
}

/// Sends `bytes` on a connection of their own and reads one answer.
pub(crate) async fn exchange(to: SocketAddr, bytes: impl AsRef<[u8]>) -> io::Result<Message> {
    let method =
        String::from_utf8_lossy(bytes.as_ref()).split(' ').next().unwrap_or_default().to_owned();
    let mut raw = Raw::connect(to).await;
    raw.send(bytes).await;
    raw.answer_to(&method).await
}

/// The status that `bytes` get; 0 where the connection is closed without an answer.
pub(crate) async fn status_of(to: SocketAddr, bytes: impl AsRef<[u8]>) -> u16 {
    exchange(to, bytes).await.map_or(0, |answer| answer.status())
}
