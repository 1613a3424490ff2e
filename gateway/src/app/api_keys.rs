//! API keys of other gateways: taken up while this one serves.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::app::lasting::Lasting;
use crate::authn::api_key::ApiKeyFault;

/// Within a second, a key that is revoked at one gateway opens nothing at the others.
const EVERY: Duration = Duration::from_millis(250);

/// How long the end of the process waits for a share that hangs.
pub(super) const LAST_FLUSH: Duration = Duration::from_secs(2);

/// Until the process ends, where replicas share keys. A task of its own: a share that hangs must hold up nothing else.
pub(super) async fn follow(lasting: Arc<Lasting>) {
    if lasting.shared_api_keys.is_none() {
        return;
    }
    loop {
        tokio::time::sleep(EVERY).await;
        let syncing = Arc::clone(&lasting);
        let Ok(synced) = spawn_blocking(move || syncing.sync_api_keys()).await else { continue };
        let fault = synced.err().map(|fault| Arc::new(fault.to_string()));
        let last = lasting.api_keys_trouble.swap(fault.clone());
        match fault {
            Some(fault) if last.as_ref() != Some(&fault) => {
                error!(%fault, "API keys cannot be kept up");
            }
            None if last.is_some() => info!("API keys are kept up again"),
            Some(_) | None => {}
        }
    }
}

/// Writes uses now and then, one time after the other: with a share that hangs, each would hold a thread.
#[derive(Default)]
pub(super) struct Flushes(Option<JoinHandle<()>>);

impl Flushes {
    /// Begins to write where nothing is under way, and does not wait.
    pub(super) fn begin(
        &mut self,
        flush: impl FnOnce() -> Result<(), ApiKeyFault> + Send + 'static,
    ) {
        if self.0.as_ref().is_some_and(|under_way| !under_way.is_finished()) {
            return;
        }
        self.0 = Some(spawn_blocking(move || {
            if let Err(error) = flush() {
                warn!(%error, "uses of API keys were not written");
            }
        }));
    }
}

/// Writes uses once more before the process ends, in `most` or not at all.
pub(super) async fn flush_last(
    flush: impl FnOnce() -> Result<(), ApiKeyFault> + Send + 'static,
    most: Duration,
) {
    let mut last = Flushes::default();
    last.begin(flush);
    let Some(under_way) = last.0 else { return };
    if timeout(most, under_way).await.is_err() {
        warn!("uses of API keys were not written: their directory does not answer");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_directory_that_hangs_holds_one_thread_and_not_the_end() {
        let (answers, hangs) = mpsc::channel::<()>();
        let begun = Arc::new(AtomicU32::new(0));
        let mut flushes = Flushes::default();
        let counted = || {
            let begun = Arc::clone(&begun);
            move || {
                begun.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        };
        flushes.begin(move || {
            let _ = hangs.recv();
            Ok(())
        });
        flushes.begin(counted());
        flushes.begin(counted());
        drop(answers);
        flushes.0.take().unwrap().await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 0, "one at a time");
        flushes.begin(counted());
        flushes.0.take().unwrap().await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 1);

        let (answers, hangs) = mpsc::channel::<()>();
        let hang = move || {
            let _ = hangs.recv();
            Ok(())
        };
        // Without an end of its own the test would never end.
        flush_last(hang, Duration::from_millis(10)).await;
        drop(answers);
    }
}
