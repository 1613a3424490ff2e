//! One timer for all the deadlines of a connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// A deadline that moves with every request and is hardly ever reached.
///
/// Moving the runtime's own timer takes a lock and a walk through its wheel, several times per
/// request. This one is moved only when a deadline comes *before* the one it is set to; when it rings
/// too early, it is set again. Over a connection's life that is once a minute or so.
#[derive(Debug, Default)]
pub struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Whether `deadline` has passed; wakes the task when it does. Cancel safe.
    pub fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_last_deadline_it_was_asked_for() {
        let mut timer = Timer::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        // Long, then short, then long again.
        for deadline in [at(60), at(1)] {
            let waits = poll_fn(|cx| Poll::Ready(timer.poll(cx, deadline).is_pending()));
            assert!(waits.await);
        }
        poll_fn(|cx| timer.poll(cx, at(5))).await;
        assert_eq!(Instant::now().duration_since(start).as_secs(), 5);
        // A deadline that has passed rings at once.
        poll_fn(|cx| timer.poll(cx, at(2))).await;
        assert_eq!(Instant::now().duration_since(start).as_secs(), 5);
        poll_fn(|cx| timer.poll(cx, at(7))).await;
        assert_eq!(Instant::now().duration_since(start).as_secs(), 7);
    }
}
