//! The requests of one client connection, one after the other.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::http1::Filled;
use crate::proxy::connection::Connection;
use crate::proxy::direct::client::{After, Client};
use crate::proxy::direct::request::{Next, request};
use crate::proxy::service::Gateway;
use crate::proxy::streams::StreamName;
use crate::upstream::Connector;

/// The direct path: what its connections share.
#[derive(Debug)]
pub struct Direct {
    pub(super) gateway: Arc<Gateway>,
    pub(super) connector: Connector,
    pub(super) limits: DirectLimits,
    draining: Draining,
}

/// What one connection may take.
#[derive(Clone, Copy, Debug)]
pub struct DirectLimits {
    /// A request head must be complete this long after its first byte. Slowloris dies here.
    pub head: Duration,
    /// A connection between requests is closed after this.
    pub idle: Duration,
    /// Requests on one connection.
    pub requests: u32,
}

/// A connection that pingora must serve, and what has been read of it already.
pub struct Handover<S> {
    /// The stream.
    pub stream: S,
    /// What has been read and not been used: the request head first of all.
    pub read: Bytes,
}

/// Whether the gateway is going down. Looked at by each connection at each request, and a wake-up
/// for those that have none.
#[derive(Clone, Debug, Default)]
pub struct Draining {
    on: Arc<AtomicBool>,
    signal: CancellationToken,
}

impl Draining {
    /// Idle connections close; busy ones after their answer.
    pub fn start(&self) {
        self.on.store(true, Ordering::Release);
        self.signal.cancel();
    }

    fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    fn signal(&self) -> WaitForCancellationFutureOwned {
        self.signal.clone().cancelled_owned()
    }
}

impl Direct {
    /// The path for a gateway.
    pub fn new(gateway: Arc<Gateway>, limits: DirectLimits, draining: Draining) -> Self {
        Self { gateway, connector: Connector::default(), limits, draining }
    }
}

impl<S> fmt::Debug for Handover<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never what has been read: credentials are.
        f.debug_struct("Handover").field("read", &self.read.len()).finish_non_exhaustive()
    }
}

/// Serves a connection to its end, or until pingora must go on with it.
///
/// What a request needs lives in a box of its own: a connection that waits is a stream, a timer and
/// nothing else.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    direct: Arc<Direct>,
    stream: S,
    connection: Arc<Connection>,
) -> Option<Handover<S>> {
    let mut client = Client::new(stream, connection);
    let mut drain = Box::pin(direct.draining.signal());
    // Leaves the task's waker there; whether it is on is looked up from now on.
    poll_fn(|cx| Poll::Ready(drain.as_mut().poll(cx).is_ready())).await;
    let mut served: u32 = 0;
    loop {
        if !begins(&direct, &mut client).await {
            client.close(After::Close).await;
            return None;
        }
        served += 1;
        let last = served >= direct.limits.requests || direct.draining.is_on();
        let next = Box::pin(request(&direct, &mut client, last)).await;
        match next {
            Next::After(After::Reuse) => {}
            Next::After(after) => {
                Box::pin(client.close(after)).await;
                return None;
            }
            Next::HandOver => {
                let read = Bytes::from(client.inlet.take());
                return Some(Handover { stream: client.stream, read });
            }
            Next::Tunnel(tunnel) => {
                let (tunnel, mut ctx) = *tunnel;
                let parts = direct.gateway.parts();
                let cut = Box::pin(tunnel.run(&mut client, &parts.sessions, &mut ctx)).await;
                if let Some(cause) = cut {
                    parts.metrics.request_cut(cause.as_str());
                    StreamName::of(&ctx).inspect(|name| name.closed(cause));
                }
                drop(ctx);
                Box::pin(client.close(After::Close)).await;
                return None;
            }
        }
    }
}

/// Waits for the first byte of a request. False when none will come.
async fn begins<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    client: &mut Client<S>,
) -> bool {
    let mut deadline = None;
    poll_fn(|cx| {
        loop {
            // An empty line before a request is somebody's slip (RFC 9112 section 2.2).
            while client.inlet.bytes().starts_with(b"\r\n") {
                client.inlet.consume(2);
            }
            if !matches!(client.inlet.bytes(), b"" | b"\r") {
                return Poll::Ready(true);
            }
            if direct.draining.is_on() {
                return Poll::Ready(false);
            }
            let Client { stream, inlet, timer, .. } = &mut *client;
            match inlet.poll_fill(stream, cx, usize::MAX) {
                Poll::Ready(Ok(Filled::Some)) => {}
                Poll::Ready(Ok(Filled::End | Filled::Full) | Err(_)) => return Poll::Ready(false),
                Poll::Pending => {
                    let budget = direct.limits.idle;
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + budget);
                    return timer.poll(cx, deadline).map(|()| false);
                }
            }
        }
    })
    .await
}
