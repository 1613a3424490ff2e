//! What is done once a second: end what is over, write what waits.

use std::sync::PoisonError;
use std::time::Duration;

use futures::future::join_all;

use crate::session::events::{EndCause, Ended};
use crate::session::manager::{AT_ONCE, Hot, SessionManager};
use crate::session::store::{SWEEP_BATCH, StoreError};

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Swept {
    /// The sessions that time has ended since the last sweep.
    pub ended: Vec<Ended>,
    /// What the store could not do; it is tried again at the next sweep.
    pub fault: Option<StoreError>,
}

/// The store hears of a use late, so its sweep is that much more patient than a look-up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ends that are told by the next sweep; beyond these an end is only not told.
const TOLD: usize = 65_536;

impl SessionManager {
    /// Called once a second. Ends the streams of sessions that are over, makes ends durable that a
    /// store has refused, writes uses of sessions, and once a minute clears the whole store.
    pub async fn sweep(&self) -> Swept {
        let mut swept = Swept::default();
        self.end_streams_that_are_over(&mut swept).await;
        self.confirm_ends(&mut swept).await;
        if self.flushing.due(&*self.clock)
            && let Err(fault) = self.flush().await
        {
            swept.fault = Some(fault);
        }
        // Not while uses cannot be written: the store would take busy sessions for idle ones.
        if swept.fault.is_none() && self.sweeping.due(&*self.clock) {
            self.clear_store(&mut swept).await;
        }
        let mut expired = self.expired.lock().unwrap_or_else(PoisonError::into_inner);
        swept.ended.append(&mut expired);
        swept
    }

    /// Writes what is known of uses; called by the sweep, and once more before the process ends.
    ///
    /// # Errors
    /// When the store fails; the uses wait for the next time.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let uses = self.touches.take();
        if uses.is_empty() {
            return Ok(());
        }
        let written = self.store.touch(uses.clone()).await;
        if written.is_err() {
            for (key, seen) in uses {
                self.touches.add(key, seen);
            }
        }
        written
    }

    pub(super) fn tell(&self, ended: Ended) {
        let mut expired = self.expired.lock().unwrap_or_else(PoisonError::into_inner);
        if expired.len() < TOLD {
            expired.push(ended);
        }
    }

    /// Only sessions with open streams: all others are judged when they are used. Those in memory
    /// first, so that a slow store holds up none of them.
    async fn end_streams_that_are_over(&self, swept: &mut Swept) {
        let now = self.clock.now();
        let mut elsewhere = self.live.sessions();
        elsewhere.retain(|key| matches!(self.in_memory(key, now), Hot::Cold));
        for some in elsewhere.chunks(AT_ONCE) {
            let found = join_all(some.iter().map(|key| self.look_up(key))).await;
            for (key, found) in some.iter().zip(found) {
                match found {
                    Ok(Some(_)) => {}
                    // Found to be over just now, by time, which its streams may outlive.
                    Ok(None) if self.live.of(key).over => {}
                    // Ended while the stream was being opened, or by another process.
                    Ok(None) => drop(self.live.end(key, EndCause::Revoked)),
                    Err(fault) => swept.fault = Some(fault),
                }
            }
        }
    }

    async fn confirm_ends(&self, swept: &mut Swept) {
        for some in self.fence.unconfirmed().chunks(AT_ONCE) {
            let removed = join_all(some.iter().map(|it| self.store.end(it.key, it.cause))).await;
            for (Ended { key, .. }, removed) in some.iter().zip(removed) {
                match removed {
                    Ok(_) => self.fence.close(key),
                    Err(fault) => swept.fault = Some(fault),
                }
            }
            if swept.fault.is_some() {
                return;
            }
        }
    }

    async fn clear_store(&self, swept: &mut Swept) {
        loop {
            let idle = self.lifetimes.idle.saturating_add(PATIENCE);
            match self.store.sweep(self.clock.now(), idle).await {
                Ok(ended) => {
                    for gone in &ended {
                        self.kill(&gone.key, gone.cause);
                        self.fence.close(&gone.key);
                    }
                    let last = ended.len() < SWEEP_BATCH;
                    swept.ended.extend(ended);
                    if last {
                        return;
                    }
                }
                Err(fault) => {
                    swept.fault = Some(fault);
                    return;
                }
            }
        }
    }
}
