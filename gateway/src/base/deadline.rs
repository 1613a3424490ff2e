//! A point in monotonic time that a step must not pass.

use std::time::{Duration, Instant};

use crate::base::clock::Clock;

/// A moment after which a step has failed. Passed down, so that nested steps share one budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// `budget` from now.
    pub fn after(clock: &dyn Clock, budget: Duration) -> Self {
        Self(clock.instant() + budget)
    }

    /// What is left of the budget; zero when it is spent.
    pub fn left(self, clock: &dyn Clock) -> Duration {
        self.0.saturating_duration_since(clock.instant())
    }

    /// Whether the moment has passed.
    pub fn is_past(self, clock: &dyn Clock) -> bool {
        self.left(clock).is_zero()
    }
}
