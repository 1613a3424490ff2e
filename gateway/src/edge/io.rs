//! The byte stream that pingora's HTTP codec reads and writes.
//!
//! It adds three things that pingora leaves open: a deadline for a request head as a whole and for
//! an idle connection, small lazily flushed write buffers, and the polite end of a WebSocket.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use pingora_http::ResponseHeader;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::edge::load::ConnectionPermit;
use crate::http1::{FrameTracker, close_frame};
use crate::proxy::{Connection, Phase};

/// Head and body of an ordinary answer leave in one system call; a stream's chunks are flushed one
/// by one and do not wait for it. Small, because every idle connection pays for it.
const WRITE_BUFFER: usize = 4 * 1024;

/// Bytes of the preface that an HTTP/2 connection begins with (RFC 9113 section 3.4).
const HTTP2_PREFACE: usize = 24;

/// RFC 6455 section 7.4.1: what is said where nobody says why.
const GOING_AWAY: (u16, &str) = (1001, "");

/// What a client that is too slow with its request head is told.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The deadlines of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// A request head must be complete this long after its first byte. Slowloris dies here.
    pub(super) head: Duration,
    /// A connection between requests is closed after this.
    pub(super) idle: Duration,
}

/// One client connection, plain or TLS.
pub(super) struct ConnectionIo<S> {
    stream: BufWriter<S>,
    fd: RawFd,
    connection: Arc<Connection>,
    proxy: Arc<ProxyDigest>,
    socket: Arc<SocketDigest>,
    deadlines: Deadlines,
    timer: Option<Timer>,
    /// Bytes of the HTTP/2 preface that are still to come; pingora waits for them for ever.
    preface_left: usize,
    websocket: Option<Box<WebSocket>>,
    _permit: ConnectionPermit,
}

struct Timer {
    sleep: Pin<Box<Sleep>>,
    phase: Phase,
}

struct WebSocket {
    frames: FrameTracker,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The close frame that is still to be written, once it may be.
    farewell: Option<Vec<u8>>,
    closed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ConnectionIo<S> {
    pub(super) fn new(
        stream: S,
        fd: RawFd,
        connection: Arc<Connection>,
        deadlines: Deadlines,
        permit: ConnectionPermit,
    ) -> Self {
        let socket = SocketDigest::from_raw_fd(fd);
        // pingora's way to carry an object of ours from the connection to each of its requests; the
        // answer of an outer CONNECT proxy, which the type was made for, is a placeholder.
        let placeholder = Box::new(ResponseHeader::from(http::Response::new(()).into_parts().0));
        let carried = Box::new(Arc::clone(&connection));
        let proxy = ProxyDigest::new(placeholder, Some(carried));
        Self {
            stream: BufWriter::with_capacity(WRITE_BUFFER, stream),
            fd,
            connection,
            proxy: Arc::new(proxy),
            socket: Arc::new(socket),
            deadlines,
            timer: None,
            preface_left: HTTP2_PREFACE,
            websocket: None,
            _permit: permit,
        }
    }

    /// Whether this connection has used up the time of its phase.
    fn poll_timer(&mut self, cx: &mut Context<'_>, phase: Phase) -> Poll<()> {
        let budget = match phase {
            Phase::Idle => self.deadlines.idle,
            Phase::Head => self.deadlines.head,
            Phase::Multiplexed if self.preface_left > 0 => self.deadlines.head,
            Phase::Busy | Phase::Multiplexed | Phase::WebSocket => {
                self.timer = None;
                return Poll::Pending;
            }
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Timer { sleep: Box::pin(tokio::time::sleep(budget)), phase });
        if timer.phase != phase {
            timer.phase = phase;
            timer.sleep.as_mut().reset(Instant::now() + budget);
        }
        timer.sleep.as_mut().poll(cx)
    }

    fn websocket(&mut self) -> &mut WebSocket {
        let closing = self.connection.closing();
        self.websocket.get_or_insert_with(|| {
            Box::new(WebSocket {
                frames: FrameTracker::default(),
                closing: Box::pin(closing.clone().cancelled_owned()),
                farewell: None,
                closed: false,
            })
        })
    }

    /// Sends the close frame when one is asked for and no frame is half sent. `Ready` when done.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let farewell = self.connection.farewell();
        let websocket = self.websocket();
        ready!(websocket.closing.as_mut().poll(cx));
        if !websocket.frames.at_boundary() && websocket.farewell.is_none() {
            return Poll::Pending;
        }
        if !websocket.closed && websocket.farewell.is_none() {
            let (code, reason) = farewell.unwrap_or(GOING_AWAY);
            websocket.farewell = Some(close_frame(code, reason));
        }
        while let Some(frame) = &mut self.websocket().farewell {
            let frame = std::mem::take(frame);
            let sent = match Pin::new(&mut self.stream).poll_write(cx, &frame) {
                Poll::Ready(sent) => sent?,
                Poll::Pending => 0,
            };
            let rest = frame.get(sent..).unwrap_or_default().to_vec();
            self.websocket().farewell = (!rest.is_empty()).then_some(rest);
            if sent == 0 {
                return Poll::Pending;
            }
        }
        self.websocket().closed = true;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ConnectionIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let phase = this.connection.phase();
        if phase == Phase::WebSocket && this.poll_farewell(cx)?.is_ready() {
            // An end of file: pingora takes the tunnel down.
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            let news = buf.filled().len().saturating_sub(before);
            this.preface_left = this.preface_left.saturating_sub(news);
            if phase == Phase::Idle && news > 0 {
                this.connection.enter(Phase::Head);
                // A request that comes in one piece leaves no other trace in the timer, and the
                // next idle time would be counted from the beginning of this one.
                if let Some(timer) = &mut this.timer {
                    timer.phase = Phase::Busy;
                }
            }
            return Poll::Ready(read);
        }
        ready!(this.poll_timer(cx, phase));
        if phase == Phase::Head {
            // Best effort: the client is not worth waiting for.
            let _ = Pin::new(&mut this.stream).poll_write(cx, REQUEST_TIMEOUT)?;
            let _ = Pin::new(&mut this.stream).poll_flush(cx)?;
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ConnectionIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.connection.phase() != Phase::WebSocket {
            return Pin::new(&mut this.stream).poll_write(cx, buf);
        }
        let closing = this.connection.farewell().is_some();
        let websocket = this.websocket();
        if websocket.closed || websocket.farewell.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let allowed = if closing { websocket.frames.until_boundary(buf) } else { buf.len() };
        let Some(allowed) = buf.get(..allowed).filter(|allowed| !allowed.is_empty()) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let sent = ready!(Pin::new(&mut this.stream).poll_write(cx, allowed))?;
        this.websocket().frames.feed(allowed.get(..sent).unwrap_or_default());
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S> fmt::Debug for ConnectionIo<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionIo").field("connection", &self.connection).finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Shutdown for ConnectionIo<S> {
    async fn shutdown(&mut self) {
        // The other end may be gone already; there is nobody left to tell.
        let _ = self.stream.shutdown().await;
    }
}

impl<S> UniqueID for ConnectionIo<S> {
    fn id(&self) -> UniqueIDType {
        self.fd
    }
}

impl<S> Ssl for ConnectionIo<S> {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.connection.tls.as_ref().is_some_and(|tls| tls.http2).then_some(ALPN::H2)
    }
}

impl<S> GetTimingDigest for ConnectionIo<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<S> GetProxyDigest for ConnectionIo<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(Arc::clone(&self.proxy))
    }
}

impl<S> GetSocketDigest for ConnectionIo<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.socket))
    }
}

impl<S> Peek for ConnectionIo<S> {}
