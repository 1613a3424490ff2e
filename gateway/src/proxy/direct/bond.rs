//! What holds a live stream of the direct path to its session.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::proxy::streams::Ticket;
use crate::session::{EndCause, StreamTicket};

/// A stream's ticket, and the wish to be woken when its session ends.
pub(super) struct Bond {
    ticket: StreamTicket,
    /// When the credential that opened the stream expires, where it does.
    expires: Option<Instant>,
    /// Polled once, to leave the task's waker there; whether it is over is then looked up, which
    /// costs less than polling at each event.
    ended: Pin<Box<dyn Future<Output = EndCause> + Send>>,
    waits: bool,
}

impl Bond {
    pub(super) fn new(Ticket { ticket, left }: Ticket) -> Self {
        let ended = Box::pin(ticket.signal());
        let expires = left.and_then(|left| Instant::now().checked_add(left));
        Self { ticket, expires, ended, waits: false }
    }

    /// The ticket, for another try.
    pub(super) fn into_ticket(self) -> Ticket {
        let left = self.expires.map(|expires| expires.saturating_duration_since(Instant::now()));
        Ticket { ticket: self.ticket, left }
    }

    /// When it is over of itself; whoever holds it must wake then.
    pub(super) const fn expires(&self) -> Option<Instant> {
        self.expires
    }

    /// Why the session has ended; `None` while it lives. The first task that asks is woken.
    pub(super) fn over(&mut self, cx: &mut Context<'_>) -> Option<EndCause> {
        if self.expires.is_some_and(|expires| Instant::now() >= expires) {
            return Some(EndCause::Expired);
        }
        if !self.waits {
            self.waits = true;
            if let Poll::Ready(cause) = self.ended.as_mut().poll(cx) {
                return Some(cause);
            }
        }
        self.ticket.over()
    }
}

impl fmt::Debug for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bond").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
