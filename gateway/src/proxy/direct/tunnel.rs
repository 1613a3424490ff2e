//! An upgraded connection: WebSocket frames in both directions until somebody has had enough.

use std::future::poll_fn;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::http1::{Body, Coding, Filled, FrameTracker, Inlet, Pump, PumpFault, close_frame};
use crate::proxy::context::Context;
use crate::proxy::direct::bond::Bond;
use crate::proxy::direct::client::Client;
use crate::proxy::streams::{farewell, spoke};
use crate::session::{EndCause, SessionManager};
use crate::upstream::Linked;

/// What is left of an exchange once both sides have changed to WebSocket. Idle, it holds two sockets
/// and no buffer.
#[derive(Debug)]
pub(super) struct Tunnel {
    linked: Linked,
    link_in: Inlet,
    /// The 101 answer that is still to be written.
    head: Vec<u8>,
    bond: Option<Bond>,
}

/// How long a WebSocket has, after its close frame is due, before it is simply cut.
const POLITE: Duration = Duration::from_secs(1);
/// What one read may bring at most.
const READ: usize = 16 * 1024;

impl Tunnel {
    pub(super) fn new(
        linked: Linked,
        link_in: Inlet,
        mut download: Pump,
        bond: Option<Bond>,
    ) -> Self {
        let head = download.unwritten();
        Self { linked, link_in, head, bond }
    }

    /// Relays frames until one side closes, is silent for too long, or the session ends. The cause
    /// in the last case.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        client: &mut Client<S>,
        sessions: &SessionManager,
        ctx: &mut Context,
    ) -> Option<EndCause> {
        let Self { mut linked, mut link_in, head, mut bond } = self;
        let silence =
            ctx.admitted.as_ref().map(|to| to.plan().pool.settings().timeouts.stream_idle);
        let silence = silence.unwrap_or(POLITE);
        let route = ctx.admitted.as_ref().map(|to| to.plan().farewell);
        let head = client.write(head, ctx.snapshot.client_time).await;
        if head.is_err() {
            return None;
        }
        let mut up = Flow::new(None);
        let mut down = Flow::new(Some(FrameTracker::behind_answer()));
        let mut cut: Option<(EndCause, Instant)> = None;
        let mut last = Instant::now();
        poll_fn(|cx| {
            if cut.is_none()
                && let Some(cause) = bond.as_mut().and_then(|bond| bond.over(cx))
            {
                cut = Some((cause, Instant::now() + POLITE));
                let (code, reason) = farewell(cause, route);
                down.end_with(close_frame(code, reason));
            }
            let Client { stream, inlet, timer, .. } = &mut *client;
            let downward = down.poll((&mut link_in, &mut linked.link), stream, cx);
            let upward = match cut {
                None => up.poll((inlet, stream), &mut linked.link, cx),
                Some(_) => Poll::Pending,
            };
            if downward.is_ready() || upward.is_ready() {
                return Poll::Ready(());
            }
            let spoken = up.has_moved();
            if spoken {
                spoke(sessions, ctx);
            }
            if down.has_moved() || spoken {
                last = Instant::now();
            }
            let deadline = cut.map_or(last + silence, |(_, deadline)| deadline);
            timer.poll(cx, deadline)
        })
        .await;
        ctx.answered.bytes = down.count;
        cut.map(|(cause, _)| cause)
    }
}

/// One direction of a tunnel.
#[derive(Debug)]
struct Flow {
    pump: Pump,
    /// Where frames end, in the direction that a close frame of ours may have to be fitted in.
    frames: Option<FrameTracker>,
    farewell: Option<Vec<u8>>,
    count: u64,
    moved: bool,
}

impl Flow {
    fn new(frames: Option<FrameTracker>) -> Self {
        let pump = Pump::new(Body::EMPTY, Coding::Raw, u64::MAX);
        Self { pump, frames, farewell: None, count: 0, moved: false }
    }

    /// Sends this frame when the one that is under way is complete, and nothing behind it.
    fn end_with(&mut self, frame: Vec<u8>) {
        self.farewell = Some(frame);
    }

    fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Moves what can be moved. Ready when this direction is over.
    fn poll<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        (source, from): (&mut Inlet, &mut R),
        to: &mut W,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Result<(), PumpFault>> {
        loop {
            match self.pump.poll_drain(source, to, cx) {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
            if self.farewell.as_ref().is_some_and(Vec::is_empty) {
                return Poll::Ready(Ok(()));
            }
            if self.take(source) {
                continue;
            }
            match source.poll_fill(from, cx, READ) {
                Poll::Ready(Ok(Filled::Some)) => {}
                Poll::Ready(Ok(Filled::End | Filled::Full)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpFault::Source(error))),
                Poll::Pending => {
                    self.pump.rest();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Takes what may be sent next out of the source. False when there is nothing.
    fn take(&mut self, source: &mut Inlet) -> bool {
        let ending = self.farewell.is_some();
        let allowed = match &mut self.frames {
            None => source.len(),
            Some(frames) => {
                let bytes = source.bytes();
                let allowed = if ending { frames.until_boundary(bytes) } else { bytes.len() };
                frames.feed(bytes.get(..allowed).unwrap_or_default());
                allowed
            }
        };
        if allowed > 0 {
            self.count += allowed as u64;
            self.moved = true;
            self.pump.pass(allowed);
            return true;
        }
        let at_boundary = self.frames.as_ref().is_none_or(FrameTracker::at_boundary);
        if let Some(frame) = &mut self.farewell
            && at_boundary
        {
            self.pump.out().append(frame);
            return true;
        }
        false
    }
}
