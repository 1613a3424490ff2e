//! What others do to a store that they share with this process.

use crate::session::handle::SessionKey;
use crate::session::manager::SessionManager;
use crate::session::shared::{Elsewhere, Vitals};
use crate::session::store::StoreError;

impl SessionManager {
    /// Ends here what others end, with its streams, and forgets what others change, for as long as the store tells of it; never
    /// comes back where the store is not shared. To be run once, beside everything else.
    pub async fn follow(&self) {
        let told = self.store.shared().and_then(|shared| shared.done_elsewhere());
        let Some(mut told) = told else { return std::future::pending().await };
        while let Some(news) = told.recv().await {
            match news {
                Elsewhere::Changed(key) => self.doubt(&key),
                Elsewhere::Ended(gone) => {
                    self.kill(&gone.key, gone.cause);
                    // The store has removed it already: nothing is left to confirm.
                    self.fence.close(&gone.key);
                }
            }
        }
    }

    /// Asks the store anew for a session at its next use, and has its streams judged again.
    pub(super) fn doubt(&self, key: &SessionKey) {
        self.fence.turn(key, || {
            if let Some(session) = self.hot.peek(key) {
                session.doubt();
            }
        });
        self.live.changed(key);
    }

    /// Waits until the store can be asked, for as long as one command may take.
    pub async fn ready(&self) {
        if let Some(shared) = self.store.shared() {
            shared.ready().await;
        }
    }

    /// What is wrong with the store now, if something is.
    pub fn trouble(&self) -> Option<StoreError> {
        self.store.trouble()
    }

    /// What a shared store has counted.
    pub fn vitals(&self) -> Option<Vitals> {
        Some(self.store.shared()?.vitals())
    }
}
