//! How long servers take to refuse somebody they know.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::Entropy;

/// The times of the last binds of known people. A server answers a bind of nobody at once, where it
/// hashes the password of somebody for a while: whoever looks at the clock would learn who has an
/// account. So the refusal of an unknown name waits for a time of theirs.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<VecDeque<Duration>>);

const KEPT: usize = 64;
/// The timer's own step. A difference as small is lost in that of any network.
const STEP: Duration = Duration::from_millis(1);

impl Pace {
    /// Takes note of a known person's time.
    pub(super) fn note(&self, time: Duration) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(time);
    }

    /// Waits for the rest of one of the times.
    pub(super) async fn keep(&self, spent: Duration, entropy: &dyn Entropy) {
        let rest = self.drawn(entropy).saturating_sub(spent);
        if rest > STEP * 2 {
            // The timer rounds up.
            tokio::time::sleep(rest.saturating_sub(STEP)).await;
        }
    }

    fn drawn(&self, entropy: &dyn Entropy) -> Duration {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = usize::from(u16::from_le_bytes(entropy.bytes::<2>()));
        let place = drawn.checked_rem(kept.len()).unwrap_or(0);
        kept.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;

    #[tokio::test(start_paused = true)]
    async fn an_unknown_name_waits_as_long_as_a_known_one_did() {
        let pace = Pace::default();
        let began = tokio::time::Instant::now();
        pace.keep(Duration::ZERO, &SystemEntropy).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "nobody was met yet");
        for _ in 0..100 {
            pace.note(Duration::from_millis(80));
        }
        pace.keep(Duration::from_millis(30), &SystemEntropy).await;
        let waited = began.elapsed();
        assert!((48..=51).contains(&waited.as_millis()), "{waited:?}");
        pace.keep(Duration::from_millis(90), &SystemEntropy).await;
        assert_eq!(began.elapsed(), waited, "and no longer than that");
    }

    #[test]
    fn all_times_are_drawn_and_old_ones_are_forgotten() {
        let pace = Pace::default();
        for time in 0..1_000 {
            pace.note(Duration::from_millis(time));
        }
        let drawn: Vec<_> = (0..2_000).map(|_| pace.drawn(&SystemEntropy).as_millis()).collect();
        assert!(drawn.iter().all(|time| (936..1_000).contains(time)));
        assert!((936..1_000).all(|time| drawn.contains(&time)));
    }
}
