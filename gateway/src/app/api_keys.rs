//! API keys of other gateways: taken up while this one serves.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tracing::{error, info};

use crate::app::lasting::Lasting;

/// Within a second, a key that is revoked at one gateway opens nothing at the others.
const EVERY: Duration = Duration::from_millis(250);

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
