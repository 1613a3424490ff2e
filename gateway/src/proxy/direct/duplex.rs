//! Both directions of one exchange, in one task.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::http1::{Filled, Inlet, Pump, PumpFault, Waits};
use crate::proxy::direct::bond::Bond;
use crate::proxy::direct::client::Client;
use crate::proxy::direct::fault::Fault;
use crate::proxy::streams::LASTING;
use crate::upstream::Link;

/// An exchange under way: the request's body goes up while the answer comes down.
#[derive(Debug)]
pub(super) struct Duplex<'a, S> {
    client: &'a mut Client<S>,
    link: &'a mut Link,
    pub(super) link_in: Inlet,
    pub(super) upload: Pump,
    pub(super) download: Pump,
    /// The upload is over, complete or not.
    uploaded: bool,
    /// The backend stopped taking the request's body; it may still have answered.
    refused: bool,
    /// The client has sent so much of its next request that no more is read.
    saturated: bool,
    pub(super) bond: Option<Bond>,
    /// When it has lasted so long that it must be bound; `None` for one that is.
    pub(super) unbound: Option<Instant>,
    /// An interim answer has been passed on, some of which the client may have by now.
    pub(super) interim: bool,
    times: Times,
    moved_up: Instant,
    moved_down: Instant,
}

/// How long each part of an exchange may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// The request's body must be complete by then.
    pub(super) body: Instant,
    /// The client must take, or send, a part.
    pub(super) client: Duration,
    /// The backend must say something.
    pub(super) silence: Duration,
    /// The backend must take a part.
    pub(super) write: Duration,
}

/// An answer's head has no more bytes than this.
const ANSWER_HEAD: usize = 64 * 1024;
/// So much of the next request is read while this one is being answered.
const AHEAD: usize = 16 * 1024;

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Duplex<'a, S> {
    pub(super) fn new(
        client: &'a mut Client<S>,
        link: &'a mut Link,
        (upload, download): (Pump, Pump),
        (bond, times): (Option<Bond>, Times),
        now: Instant,
    ) -> Self {
        Self {
            client,
            link,
            link_in: Inlet::default(),
            upload,
            download,
            uploaded: false,
            refused: false,
            saturated: false,
            unbound: bond.is_none().then(|| now + LASTING),
            bond,
            interim: false,
            times,
            moved_up: now,
            moved_down: now,
        }
    }

    /// Waits for more of the answer's head; the request's body goes on meanwhile.
    pub(super) async fn more_head(&mut self) -> Result<(), Fault> {
        poll_fn(|cx| {
            self.poll_upload(cx)?;
            let Self { download, link_in, client, link, .. } = self;
            // An interim answer goes out before the real one comes in.
            if let Poll::Ready(Err(fault)) = download.poll_drain(link_in, &mut client.stream, cx) {
                return Poll::Ready(Err(of_download(fault)));
            }
            match link_in.poll_fill(*link, cx, ANSWER_HEAD) {
                Poll::Ready(Ok(Filled::Some)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(Filled::End)) => {
                    let cause = io::ErrorKind::UnexpectedEof.into();
                    let answered = !link_in.is_empty();
                    return Poll::Ready(Err(Fault::UpstreamBroken { answered, cause }));
                }
                Poll::Ready(Ok(Filled::Full)) => {
                    return Poll::Ready(Err(Fault::UpstreamMalformed(
                        "its head is too large".into(),
                    )));
                }
                Poll::Ready(Err(cause)) => {
                    let answered = !link_in.is_empty();
                    return Poll::Ready(Err(Fault::UpstreamBroken { answered, cause }));
                }
                Poll::Pending => {}
            }
            self.poll_rest(cx, Waits::Source)
        })
        .await
    }

    /// Relays the answer's body to its end.
    pub(super) async fn finish(&mut self) -> Result<(), Fault> {
        poll_fn(|cx| {
            let Self { download, link_in, client, link, .. } = self;
            match download.poll((link_in, *link), &mut client.stream, cx) {
                Poll::Ready(done) => return Poll::Ready(done.map_err(of_download)),
                Poll::Pending => {}
            }
            self.poll_upload(cx)?;
            let waits = self.download.waits();
            self.poll_rest(cx, waits)
        })
        .await
    }

    /// How long the backend may be silent, now that it is known what it sends.
    pub(super) const fn set_silence(&mut self, silence: Duration) {
        self.times.silence = silence;
    }

    /// When something moved last, as far as was looked at: at most one wake-up ago.
    pub(super) fn last_moved(&self) -> Instant {
        self.moved_up.max(self.moved_down)
    }

    /// Whether the request was sent whole.
    pub(super) const fn is_uploaded(&self) -> bool {
        self.uploaded && !self.refused
    }

    /// Whether the client has sent its request whole.
    pub(super) const fn has_request_ended(&self) -> bool {
        self.upload.has_ended()
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), Fault> {
        if self.uploaded {
            return Ok(());
        }
        let Self { client, link, .. } = self;
        let (inlet, stream) = (&mut client.inlet, &mut client.stream);
        match self.upload.poll((inlet, stream), *link, cx) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(PumpFault::Sink(_))) => self.refused = true,
            Poll::Ready(Err(PumpFault::Source(_))) => return Err(Fault::ClientGone),
            Poll::Ready(Err(PumpFault::TooLarge)) => return Err(Fault::TooLarge),
            Poll::Ready(Err(PumpFault::Malformed(fault))) => {
                return Err(Fault::ClientMalformed(fault.rule()));
            }
        }
        self.uploaded = true;
        // From now on the backend's silence counts.
        self.upload.has_moved();
        self.moved_down = Instant::now();
        Ok(())
    }

    /// What is to be looked at when nothing moves: the client, the session, the time.
    fn poll_rest(&mut self, cx: &mut Context<'_>, down: Waits) -> Poll<Result<(), Fault>> {
        if let Some(cause) = self.bond.as_mut().and_then(|bond| bond.over(cx)) {
            return Poll::Ready(Err(Fault::Cut(cause)));
        }
        if self.uploaded && !self.saturated && self.client_is_gone(cx) {
            return Poll::Ready(Err(Fault::ClientGone));
        }
        let mut next: Option<(Instant, Fault)> = None;
        let mut watch = |at: Instant, fault: Fault| {
            if next.as_ref().is_none_or(|(soonest, _)| at < *soonest) {
                next = Some((at, fault));
            }
        };
        let (moved_up, moved_down) = (self.upload.has_moved(), self.download.has_moved());
        if moved_up || moved_down {
            let now = Instant::now();
            self.moved_up = if moved_up { now } else { self.moved_up };
            self.moved_down = if moved_down { now } else { self.moved_down };
            // The timer is not heard by a task that always has something to do.
            if self.unbound.is_some_and(|at| at <= now) {
                return Poll::Ready(Err(Fault::Unbound));
            }
        }
        if let Some(at) = self.unbound {
            watch(at, Fault::Unbound);
        }
        let times = &self.times;
        if !self.uploaded {
            watch(times.body, Fault::Expired);
            match self.upload.waits() {
                Waits::Source => watch(self.moved_up + times.client, Fault::ClientTimeout),
                Waits::Sink => watch(self.moved_up + times.write, Fault::UpstreamTimeout),
            }
        }
        match down {
            Waits::Sink => watch(self.moved_down + times.client, Fault::ClientTimeout),
            Waits::Source if self.uploaded => {
                watch(self.moved_down + times.silence, Fault::UpstreamTimeout);
            }
            Waits::Source => {}
        }
        let Some((at, fault)) = next else { return Poll::Pending };
        self.client.timer.poll(cx, at).map(|()| Err(fault))
    }

    /// Nobody may be left to answer. What a client sends of its next request meanwhile is kept.
    fn client_is_gone(&mut self, cx: &mut Context<'_>) -> bool {
        let Client { inlet, stream, .. } = &mut *self.client;
        match inlet.poll_fill(stream, cx, AHEAD) {
            Poll::Pending => false,
            Poll::Ready(Ok(Filled::Some)) => {
                // Read again, so that the next thing to happen wakes the task.
                cx.waker().wake_by_ref();
                false
            }
            Poll::Ready(Ok(Filled::Full)) => {
                self.saturated = true;
                false
            }
            Poll::Ready(Ok(Filled::End) | Err(_)) => true,
        }
    }
}

fn of_download(fault: PumpFault) -> Fault {
    match fault {
        PumpFault::Sink(_) => Fault::ClientGone,
        PumpFault::Source(cause) => Fault::UpstreamBroken { answered: true, cause },
        PumpFault::Malformed(fault) => Fault::UpstreamMalformed(fault.to_string()),
        PumpFault::TooLarge => Fault::UpstreamMalformed("its body is too large".into()),
    }
}
