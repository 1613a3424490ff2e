//! The client's end of the direct path.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use crate::http1::{Body, Coding, Filled, Inlet, Pump, PumpFault, Timer};
use crate::proxy::connection::Connection;

/// A client connection: the stream, what has arrived on it, and its one timer.
#[derive(Debug)]
pub(super) struct Client<S> {
    pub(super) stream: S,
    pub(super) inlet: Inlet,
    pub(super) timer: Timer,
    pub(super) connection: Arc<Connection>,
}

/// What becomes of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Dropped as it is: whoever reads sees that the answer is not whole.
    Abort,
    /// Closed, politely.
    Close,
    /// Closed once the client has seen the answer: it is still sending.
    Linger,
    /// It carries the next request.
    Reuse,
}

/// An answered request whose body goes on arriving is read on for this long.
const DRAIN: Duration = Duration::from_secs(2);
/// And so much of it, at most.
const DRAINED: u64 = 256 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, inlet: Inlet::default(), timer: Timer::default(), connection }
    }

    /// Reads once; holds `limit` bytes at most. `None` when `deadline` passes first.
    pub(super) async fn fill(
        &mut self,
        limit: usize,
        deadline: Instant,
    ) -> io::Result<Option<Filled>> {
        let Self { stream, inlet, timer, .. } = self;
        poll_fn(|cx| match inlet.poll_fill(stream, cx, limit) {
            Poll::Ready(filled) => Poll::Ready(filled.map(Some)),
            Poll::Pending => timer.poll(cx, deadline).map(|()| Ok(None)),
        })
        .await
    }

    /// Writes all of `bytes`, each part within `budget`.
    pub(super) async fn write(&mut self, bytes: Vec<u8>, budget: Duration) -> io::Result<()> {
        let mut pump = Pump::new(Body::EMPTY, Coding::Raw, 0);
        *pump.out() = bytes;
        let Self { stream, timer, .. } = self;
        let (mut nothing, mut deadline) = (Inlet::default(), Instant::now() + budget);
        poll_fn(|cx| match pump.poll_drain(&mut nothing, stream, cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(PumpFault::Sink(error) | PumpFault::Source(error))) => {
                Poll::Ready(Err(error))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            Poll::Pending => {
                if pump.has_moved() {
                    deadline = Instant::now() + budget;
                }
                timer.poll(cx, deadline).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        })
        .await
    }

    /// Reads a whole body of at most `limit` bytes within `budget`; `None` when it is larger.
    pub(super) async fn collect(
        &mut self,
        body: Body,
        limit: usize,
        budget: Duration,
    ) -> io::Result<Option<Bytes>> {
        let mut form = Vec::new();
        let mut pump = Pump::new(body, Coding::Raw, limit as u64);
        let Self { stream, inlet, timer, .. } = self;
        let deadline = Instant::now() + budget;
        let read = poll_fn(|cx| match pump.poll((inlet, stream), &mut form, cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => timer.poll(cx, deadline).map(|()| None),
        });
        match read.await {
            Some(Ok(())) => Ok(Some(form.into())),
            Some(Err(PumpFault::TooLarge)) => Ok(None),
            Some(Err(PumpFault::Sink(error) | PumpFault::Source(error))) => Err(error),
            Some(Err(PumpFault::Malformed(fault))) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, fault))
            }
            None => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Reads and drops the rest of a body that nobody wants, if it is small and soon over. True when
    /// the next request can be read.
    pub(super) async fn skip(&mut self, body: Body) -> bool {
        if body.is_done() {
            return true;
        }
        let limit = usize::try_from(DRAINED).unwrap_or(usize::MAX);
        matches!(self.collect(body, limit, DRAIN).await, Ok(Some(_)))
    }

    /// Ends the connection.
    pub(super) async fn close(mut self, after: After) {
        if after == After::Abort {
            return;
        }
        // The other end may be gone already; there is nobody left to tell.
        let farewell = timeout(DRAIN, self.stream.shutdown()).await;
        if after != After::Linger || !matches!(farewell, Ok(Ok(()))) {
            return;
        }
        // Closing a socket with unread bytes resets it, and the client may lose the answer.
        let _ = timeout(DRAIN, async {
            let mut read = 0_u64;
            while read < DRAINED {
                self.inlet.consume(usize::MAX);
                match poll_fn(|cx| self.inlet.poll_fill(&mut self.stream, cx, usize::MAX)).await {
                    Ok(Filled::Some) => read += self.inlet.len() as u64,
                    Ok(Filled::End | Filled::Full) | Err(_) => break,
                }
            }
        })
        .await;
    }
}
