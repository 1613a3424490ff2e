//! How providers are spared: few are asked at once, and one that fails is asked now and then only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::{ProviderId, Timestamp, lock};
use crate::session::renewal::pause;

/// One circuit for each provider that sessions name.
#[derive(Debug, Default)]
pub(crate) struct Circuits(Mutex<HashMap<ProviderId, Circuit>>);

#[derive(Debug)]
struct Circuit {
    room: Arc<Semaphore>,
    failures: u32,
    shut_until: Timestamp,
    /// Whether one was let through, of whom nothing has been heard.
    trying: bool,
}

/// Refreshes under way at one provider. Each takes a tenth of a second, so that this is thousands in a
/// minute, and no flood after a restart.
const AT_ONCE: usize = 16;
/// Pauses of a provider that fails: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Circuits {
    /// A place among those who ask at once.
    pub(crate) async fn room(&self, provider: &ProviderId) -> Option<OwnedSemaphorePermit> {
        let room = self.with(provider, |circuit| Arc::clone(&circuit.room));
        room.acquire_owned().await.ok()
    }

    /// Whether a provider is asked now; if not, from when on. Of those who come to one that fails, one
    /// is let through after each pause.
    pub(crate) fn enter(&self, provider: &ProviderId, now: Timestamp) -> Result<(), Timestamp> {
        self.with(provider, |circuit| {
            if circuit.failures == 0 {
                return Ok(());
            }
            if now < circuit.shut_until {
                return Err(circuit.shut_until);
            }
            // Should whoever is let through never come back, the next one goes after a while.
            (circuit.shut_until, circuit.trying) = (now.after(LONGEST_PAUSE), true);
            Ok(())
        })
    }

    pub(crate) fn succeeded(&self, provider: &ProviderId) {
        self.with(provider, |circuit| (circuit.failures, circuit.trying) = (0, false));
    }

    pub(crate) fn failed(&self, provider: &ProviderId, now: Timestamp, chance: u8) {
        self.with(provider, |circuit| {
            // Of those who were under way together, one counts.
            if circuit.failures > 0 && now < circuit.shut_until && !circuit.trying {
                return;
            }
            circuit.trying = false;
            let pause = pause(FIRST_PAUSE, LONGEST_PAUSE, circuit.failures, chance);
            circuit.failures = circuit.failures.saturating_add(1);
            circuit.shut_until = now.after(pause);
        });
    }

    fn with<T>(&self, provider: &ProviderId, act: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut circuits = lock(&self.0);
        if let Some(circuit) = circuits.get_mut(provider) {
            return act(circuit);
        }
        act(circuits.entry(provider.clone()).or_insert_with(|| Circuit {
            room: Arc::new(Semaphore::new(AT_ONCE)),
            failures: 0,
            shut_until: Timestamp::default(),
            trying: false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_is_down_for_ten_minutes_is_asked_a_few_times_whoever_wants_to() {
        let (circuits, corp) = (Circuits::default(), ProviderId::from("corp"));
        let mut asked = 0;
        for second in 0..600 {
            let now = Timestamp::from_secs(1_000_000 + second);
            for _ in 0..100 {
                if circuits.enter(&corp, now).is_ok() {
                    asked += 1;
                    circuits.failed(&corp, now, 128);
                }
            }
        }
        assert!((8..25).contains(&asked), "{asked}");
        assert!(circuits.enter(&"other".into(), Timestamp::from_secs(1_000_600)).is_ok());
        let later = Timestamp::from_secs(1_000_700);
        assert!(circuits.enter(&corp, later).is_ok(), "one tries it");
        assert!(circuits.enter(&corp, later).is_err(), "the others wait for what comes of it");
        circuits.succeeded(&corp);
        assert!((0..50).all(|_| circuits.enter(&corp, later).is_ok()));
    }
}
