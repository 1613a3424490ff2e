//! What providers gave for sessions.

use std::sync::Arc;

use futures::future::join_all;
use zeroize::Zeroizing;

use crate::session::handle::SessionKey;
use crate::session::manager::{AT_ONCE, SessionManager, TOKENS, Whose};
use crate::session::record::{ProviderTokens, Session};
use crate::session::store::StoreError;

impl SessionManager {
    /// The provider's tokens of a session that lives.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tokens(&self, key: &SessionKey) -> Result<Option<ProviderTokens>, StoreError> {
        if self.look_up(key).await?.is_none() {
            return Ok(None);
        }
        self.sealed_tokens(key).await
    }

    /// The provider's tokens of the sessions that are meant, of about `most` of them: to be read before
    /// they end, since nothing of them is left afterwards. A session whose tokens do not open is left
    /// out; looking at one is no use of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tokens_of_those(
        &self,
        whose: &Whose,
        most: usize,
    ) -> Result<Vec<(Arc<Session>, ProviderTokens)>, StoreError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let page = self.page(whose, from.as_deref(), most).await?;
            for some in page.sessions.chunks(AT_ONCE) {
                let read = some.iter().map(|session| self.sealed_tokens(&session.key));
                for (session, tokens) in some.iter().zip(join_all(read).await) {
                    found.extend(tokens?.map(|tokens| (Arc::clone(session), tokens)));
                }
            }
            from = page.next;
            if found.len() >= most || from.is_none() {
                return Ok(found);
            }
        }
    }

    /// The provider's tokens as the store has them, whether or not the session lives.
    pub(super) async fn sealed_tokens(
        &self,
        key: &SessionKey,
    ) -> Result<Option<ProviderTokens>, StoreError> {
        let stored = self.store.load(*key).await?;
        Ok(stored.and_then(|stored| {
            let bytes = self.sealer.open(TOKENS, key, &stored.tokens)?;
            ProviderTokens::from_bytes(&Zeroizing::new(bytes))
        }))
    }
}
