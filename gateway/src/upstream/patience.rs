//! A workaround for pingora issue 946.
//!
//! pingora 0.9.1 tears a WebSocket down when it reads the upstream's `101` before it has written
//! the request's empty body. A backend on the same machine answers that fast in up to one of ten
//! handshakes. Connections for WebSockets therefore come from here: their first reads find nothing
//! and ask to be tried again at once, which lets the writing side run first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora_core::connectors::l4::Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora_error::{Error, ErrorType, OrErr, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Reads that are put off. Two were enough in thousands of handshakes; the rest is margin, and
/// costs a task wake-up each, once per WebSocket.
const PUT_OFF: u8 = 8;

/// Connects by TCP; the stream's first reads are put off.
#[derive(Debug)]
pub(super) struct PatientConnector;

#[derive(Debug)]
struct PatientStream {
    tcp: TcpStream,
    put_off: u8,
    written: bool,
}

#[async_trait]
impl Connect for PatientConnector {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let SocketAddr::Inet(address) = address else {
            return Error::e_explain(ErrorType::ConnectError, "not an internet address");
        };
        let tcp = TcpStream::connect(address)
            .await
            .or_err(ErrorType::ConnectError, "connecting a websocket to the upstream")?;
        tcp.set_nodelay(true).or_err(ErrorType::ConnectError, "setting nodelay")?;
        let stream = PatientStream { tcp, put_off: PUT_OFF, written: false };
        Ok(Stream::from(VirtualSocketStream::new(Box::new(stream))))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.written && self.put_off > 0 {
            self.put_off -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl VirtualSocket for PatientStream {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.tcp.set_nodelay(true),
            // Keep-alive probes are not asked for; `stream_idle` bounds a dead peer.
            _ => Ok(()),
        }
    }
}
