//! What is kept of a session's tokens on one route: the claims that they share, and the token itself
//! where the route shares it. Lies in the session's memo, and ends with it.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::base::Timestamp;
use crate::crypto::Begun;
use crate::identity::Principal;
use crate::token::minter::MintedToken;

/// The kept parts of one session and one plan.
pub(super) struct Kept {
    /// Of whom and by whom it was written: other facts of the same person, and the minter of another
    /// configuration, write anew.
    principal: Arc<Principal>,
    issuer: Arc<str>,
    /// The claims that no single request changes.
    pub(super) begun: Begun,
    shared: ArcSwapOption<Shared>,
}

/// A token for more than one request.
struct Shared {
    token: MintedToken,
    from: Timestamp,
    until: Timestamp,
}

impl Kept {
    pub(super) fn new(principal: &Arc<Principal>, issuer: &Arc<str>, begun: Begun) -> Self {
        let (principal, issuer) = (Arc::clone(principal), Arc::clone(issuer));
        Self { principal, issuer, begun, shared: ArcSwapOption::empty() }
    }

    /// Whether it still says what is known.
    pub(super) fn is_of(&self, principal: &Arc<Principal>, issuer: &Arc<str>) -> bool {
        Arc::ptr_eq(&self.principal, principal) && Arc::ptr_eq(&self.issuer, issuer)
    }

    /// The token that may be sent once more at `now`.
    pub(super) fn shared(&self, now: Timestamp) -> Option<MintedToken> {
        let shared = self.shared.load();
        // Before `from`, the clock was set back, and nobody knows how much life is left.
        let shared = shared.as_ref().filter(|shared| shared.from <= now && now < shared.until)?;
        Some(shared.token.clone())
    }

    /// Shares a token with requests until `until`. Of two that are minted at once, one stays.
    pub(super) fn share(&self, token: &MintedToken, from: Timestamp, until: Timestamp) {
        self.shared.store(Some(Arc::new(Shared { token: token.clone(), from, until })));
    }
}

/// Shows neither claims nor token.
impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("begun", &self.begun).finish_non_exhaustive()
    }
}
