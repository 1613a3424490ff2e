//! Writing what a provider gave, so that nothing is lost and nothing newer is undone.

use zeroize::Zeroizing;

use crate::base::sleep;
use crate::session::handle::SessionKey;
use crate::session::manager::renew::{LEASE, RETRY, Setback, TRIES};
use crate::session::manager::{SessionManager, TOKENS};
use crate::session::record::{ProviderTokens, Session};
use crate::session::renewal::RenewalFault;
use crate::session::store::{IndexKey, StoreError, StoredSession};

/// Who has a session to itself among all gateways, for as long as the lease lasts.
pub(super) type Holder = [u8; 16];

/// What a session is found by, its record and its tokens, sealed, to be written in the place of others.
#[derive(Clone, Copy)]
pub(super) struct Write<'a> {
    pub(super) names: &'a [IndexKey],
    pub(super) record: &'a [u8],
    pub(super) tokens: &'a [u8],
    /// The tokens that are older, as the store may have them.
    pub(super) instead_of: &'a [&'a [u8]],
    /// Whose lease must still be good; without one it is written although another has it by now.
    pub(super) holder: Option<Holder>,
}

impl SessionManager {
    /// Writes what must not be lost; tries again where the store fails.
    pub(super) async fn keep(&self, key: &SessionKey, write: Write<'_>) -> Result<(), Setback> {
        let mut tries = 1;
        loop {
            match self.write(key, write).await {
                Err(Setback::Store(fault)) if tries < TRIES => {
                    tracing::warn!(%fault, "new tokens are not stored yet");
                    tries += 1;
                    sleep(RETRY).await;
                }
                kept => return kept,
            }
        }
    }

    /// A lease may run out, or be lost with the server that knew of it. Who had the session since has a
    /// refresh token that is newer than ours: ours in its place would be the end of the session.
    async fn write(&self, key: &SessionKey, write: Write<'_>) -> Result<(), Setback> {
        if let Some(holder) = write.holder
            && !self.store.lease(*key, holder, LEASE).await?
        {
            return Err(Setback::Overtaken);
        }
        let there = self.store.load(*key).await?.ok_or(Setback::Gone)?;
        // Nothing is sealed to the same bytes twice: a write whose answer was lost is known again.
        if there.tokens == write.tokens {
            return Ok(());
        }
        if !write.instead_of.contains(&&*there.tokens) {
            return Err(Setback::Overtaken);
        }
        let Write { names, record, tokens, .. } = write;
        let (names, record, tokens) = (names.to_vec(), record.to_vec(), tokens.to_vec());
        let is_there = self.store.replace(*key, names, record, tokens).await?;
        is_there.then_some(()).ok_or(Setback::Gone)
    }

    /// What it means that a provider wants no more of a refresh token: nothing, where another gateway,
    /// asking at the same time, has put another in its place.
    pub(super) async fn refused(
        &self,
        key: SessionKey,
        used: &ProviderTokens,
        fault: RenewalFault,
    ) -> Setback {
        let stored = match self.store.load(key).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Setback::Gone,
            Err(fault) => return Setback::Store(fault),
        };
        let token = |tokens: &ProviderTokens| {
            tokens.refresh_token.as_ref().map(|token| token.expose().clone())
        };
        match self.unseal_all(key, &stored) {
            Some((_, now)) if token(&now) == token(used) => Setback::Fault(fault),
            // What was opened before and does not open now is somebody else's.
            _ => Setback::Overtaken,
        }
    }

    pub(super) fn unseal_all(
        &self,
        key: SessionKey,
        stored: &StoredSession,
    ) -> Option<(Session, ProviderTokens)> {
        let bytes = self.sealer.open(TOKENS, &key, &stored.tokens)?;
        let tokens = ProviderTokens::from_bytes(&Zeroizing::new(bytes))?;
        Some((self.unseal(key, stored)?, tokens))
    }
}

impl From<StoreError> for Setback {
    fn from(fault: StoreError) -> Self {
        Self::Store(fault)
    }
}

impl From<RenewalFault> for Setback {
    fn from(fault: RenewalFault) -> Self {
        Self::Fault(fault)
    }
}
