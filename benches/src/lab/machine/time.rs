//! Time, which the lab may simply take: nothing in it is a server.

use std::time::{Duration, Instant};

/// Now.
#[expect(clippy::disallowed_methods, reason = "the lab measures time, it decides nothing by it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits.
#[expect(clippy::disallowed_methods, reason = "the lab's own threads, none of a runtime")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks until there is an answer, for `limit` at most.
pub(crate) fn wait_for<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let started = now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if started.elapsed() > limit {
            return None;
        }
        pause(Duration::from_millis(1));
    }
}
