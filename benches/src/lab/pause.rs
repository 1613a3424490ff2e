//! Time, which the lab may simply take: nothing in it is a server.

use std::time::{Duration, Instant};

/// Waits.
#[expect(clippy::disallowed_methods, reason = "the lab has no runtime that this could block")]
pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks until there is an answer, for `limit` at most.
#[expect(clippy::disallowed_methods, reason = "a limit for starting up, nothing that is tested")]
pub(super) fn wait_for<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if started.elapsed() > limit {
            return None;
        }
        pause(Duration::from_millis(20));
    }
}
