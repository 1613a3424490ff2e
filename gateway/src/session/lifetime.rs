//! How long a session lives: pure functions of wall time.

use std::time::Duration;

use crate::base::Timestamp;
use crate::session::events::EndCause;

/// The two bounds of every session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// How long a session may lie unused.
    pub idle: Duration,
    /// How long a session lives at most, however busy it is.
    pub absolute: Duration,
}

/// The moments by which a session is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moments {
    pub(crate) absolute_expiry: Timestamp,
    pub(crate) last_seen: Timestamp,
}

/// The longest that a use of a session may go unwritten. A restart can shorten an idle time by
/// this much, and never lengthens it.
const WRITE_BEHIND: Duration = Duration::from_secs(30);

impl Lifetimes {
    /// How long after one use of a session has been noted the next need not be: 30 seconds, or less
    /// where the idle time is so short that this would matter.
    pub(crate) fn touch_every(self) -> Duration {
        WRITE_BEHIND.min(self.idle / 4)
    }
}

/// Why a session whose moments these are is over at `now`, if it is. The absolute bound is named
/// first where both have passed.
pub(crate) fn over(moments: Moments, idle: Duration, now: Timestamp) -> Option<EndCause> {
    if now >= moments.absolute_expiry {
        Some(EndCause::Absolute)
    } else if now.since(moments.last_seen) >= idle {
        Some(EndCause::Idle)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    fn at(now: i64) -> Option<EndCause> {
        let moments = Moments {
            absolute_expiry: Timestamp::from_secs(1_000),
            last_seen: Timestamp::from_secs(900),
        };
        over(moments, IDLE, Timestamp::from_secs(now))
    }

    #[test]
    fn a_session_is_over_at_its_bound_and_not_before() {
        assert_eq!(at(900), None);
        assert_eq!(at(959), None);
        assert_eq!(at(960), Some(EndCause::Idle));
        assert_eq!(at(999), Some(EndCause::Idle));
        assert_eq!(at(1_000), Some(EndCause::Absolute));
        assert_eq!(at(i64::MAX / 1_000), Some(EndCause::Absolute));
    }

    #[test]
    fn a_clock_that_went_back_ends_nothing_early() {
        assert_eq!(at(100), None);
        assert_eq!(at(-5), None);
    }

    #[test]
    fn a_short_idle_time_is_noted_more_often() {
        let every = |idle| {
            Lifetimes { idle: Duration::from_secs(idle), absolute: IDLE }.touch_every().as_secs()
        };
        assert_eq!((every(3_600), every(8)), (30, 2));
    }
}
