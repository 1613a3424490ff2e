//! What holds a live stream of the direct path to its session.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::session::{EndCause, StreamTicket};

/// A stream's ticket, and the wish to be woken when its session ends.
pub(super) struct Bond {
    ticket: StreamTicket,
    /// Polled once, to leave the task's waker there; whether it is over is then looked up, which
    /// costs less than polling at each event.
    ended: Pin<Box<dyn Future<Output = EndCause> + Send>>,
    waits: bool,
}

impl Bond {
    pub(super) fn new(ticket: StreamTicket) -> Self {
        // The one poll must leave its waker there, however busy the task was just before.
        let ended = Box::pin(tokio::task::unconstrained(ticket.signal()));
        Self { ticket, ended, waits: false }
    }

    /// The ticket, for another try.
    pub(super) fn into_ticket(self) -> StreamTicket {
        self.ticket
    }

    /// Why the session has ended; `None` while it lives. The first task that asks is woken.
    pub(super) fn over(&mut self, cx: &mut Context<'_>) -> Option<EndCause> {
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
