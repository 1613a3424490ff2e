//! What holds a live stream of the direct path to its session.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::session::{EndCause, StreamTicket};

/// A stream's ticket, and the wish to be woken when its session ends.
pub(super) struct Bond {
    ticket: StreamTicket,
    /// Polled once, and after each change of when it will end, to leave the task's waker there; whether
    /// it is over is then looked up, which costs less than polling at each event.
    ended: Pin<Box<dyn Future<Output = EndCause> + Send>>,
    /// What the ticket's number was when it was polled.
    looked: Option<u32>,
}

impl Bond {
    pub(super) fn new(ticket: StreamTicket) -> Self {
        // The one poll must leave its waker there, however busy the task was just before.
        let ended = Box::pin(tokio::task::unconstrained(ticket.signal()));
        Self { ticket, ended, looked: None }
    }

    /// The ticket, for another try.
    pub(super) fn into_ticket(self) -> StreamTicket {
        self.ticket
    }

    /// Why the session has ended; `None` while it lives. The first task that asks is woken.
    pub(super) fn over(&mut self, cx: &mut Context<'_>) -> Option<EndCause> {
        let (over, number) = self.ticket.look();
        if over.is_none() && self.looked != Some(number) {
            self.looked = Some(number);
            if let Poll::Ready(cause) = self.ended.as_mut().poll(cx) {
                return Some(cause);
            }
        }
        over
    }
}

impl fmt::Debug for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bond").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::session::LiveStreams;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn a_task_that_has_used_up_its_turn_is_woken_at_the_end_all_the_same() {
        let live = Arc::new(LiveStreams::new(1));
        let key = [7; 32];
        let mut bond = Bond::new(live.register(key).unwrap());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        poll_fn(|cx| {
            // The runtime now lets whatever asks it wait, so that other tasks have their turn.
            while pin!(tokio::task::consume_budget()).poll(cx).is_ready() {}
            assert_eq!(bond.over(&mut Context::from_waker(&waker)), None);
            Poll::Ready(())
        })
        .await;
        assert_eq!(wakes.0.load(Ordering::SeqCst), 0, "woken for nothing");
        live.end(&key, EndCause::Revoked);
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1, "nobody told the task");
        let ended = bond.over(&mut Context::from_waker(Waker::noop()));
        assert_eq!(ended, Some(EndCause::Revoked));
    }
}
