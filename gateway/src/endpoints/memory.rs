//! What is remembered of logins; it lasts as long as the process, so that a reload is no way to spend
//! a login twice.

use crate::endpoints::login_loop::RecentLogins;
use std::sync::Arc;

use crate::base::Timestamp;
use crate::endpoints::state::{self, SpentStates};
use crate::endpoints::teams::PopupCodes;
use crate::oidc::Transaction;
use crate::session::{OneTime, OneTimeTokens, StoreError};

/// Logins that came back, and who finished some lately.
#[derive(Debug)]
pub struct LoginMemory {
    /// What replicas share; `None` where this gateway is alone.
    pub(super) shared: Option<Arc<dyn OneTime>>,
    pub(super) recent: RecentLogins,
    pub(super) spent: SpentStates,
    pub(super) popups: PopupCodes,
}

impl LoginMemory {
    /// One that spends logins where other replicas do, if there are any.
    pub fn new(shared: Option<Arc<dyn OneTime>>, tokens: Arc<OneTimeTokens>) -> Self {
        let popups = PopupCodes::new(tokens);
        Self { shared, recent: RecentLogins::default(), spent: SpentStates::default(), popups }
    }

    /// Spends a login; false when it was spent before, also by a request at the same moment, also
    /// at another replica.
    ///
    /// # Errors
    /// When the replicas' store cannot say.
    pub(super) async fn spend(
        &self,
        transaction: &Transaction,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !self.spent.spend(transaction) {
            return Ok(false);
        }
        let Some(shared) = &self.shared else { return Ok(true) };
        let expires = transaction.started.after(Transaction::LIFETIME);
        shared.spend(state::digest(transaction), 1, expires, now).await
    }
}
