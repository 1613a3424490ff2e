//! Makes the token that goes with a request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::base::{Clock, Entropy, Timestamp};
use crate::crypto::{Begun, SignFault};
use crate::identity::Permit;
use crate::token::claims::{Claims, Instance};
use crate::token::kept::Kept;
use crate::token::plan::{RequestFacts, TokenPlan};
use crate::token::signer::Signer;

/// Mints. One for the gateway; what differs by route is in the [`TokenPlan`].
#[derive(Debug)]
pub struct Minter {
    issuer: Arc<str>,
    times: TokenTimes,
    signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// From when to when a token is valid.
#[derive(Clone, Copy, Debug)]
pub struct TokenTimes {
    /// From now on. Must not exceed the rotation's `token_lifetime`, or keys are withdrawn while
    /// their tokens are still alive.
    pub lifetime: Duration,
    /// And so long before now, for upstreams whose clock is behind.
    pub skew: Duration,
}

/// A token, ready to be sent.
#[derive(Clone, Debug)]
pub struct MintedToken {
    /// The value of the header field, marked as sensitive.
    pub value: HeaderValue,
    /// When it expires.
    pub expires: Timestamp,
}

/// Why there is no token. Then nothing may be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The signed text is no header value; base64url always is.
    #[error("the token is no header value; report this as a fault of ours")]
    Header,
    /// The claims cannot be written as JSON.
    #[error("cannot write the claims as JSON; report this as a fault of ours")]
    Serialise(#[from] serde_json::Error),
    /// The route wants an identifier that is not known of this person.
    #[error("the person has no `{0}`, which the route's `identifier` wants; choose another one")]
    Nameless(String),
    /// The key failed.
    #[error(transparent)]
    Sign(#[from] SignFault),
    /// Longer than the route allows.
    #[error("the token has {bytes} bytes, the route allows {limit} ({sizes}); want fewer claims")]
    TooLarge {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
        /// Which claims take the room.
        sizes: ClaimSizes,
    },
}

/// The largest claims by name, never by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSizes(pub Vec<(String, usize)>);

impl Minter {
    /// A minter for the gateway's issuer URL.
    pub fn new(
        issuer: impl Into<Arc<str>>,
        times: TokenTimes,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { issuer: issuer.into(), times, signer, clock, entropy }
    }

    /// The token that an earlier request of the same session had on this route, where the route
    /// shares tokens and this one may be sent once more: not longer than the plan says, and never
    /// in the second half of its life. The permit proves that the session lives.
    pub fn reuse(&self, permit: &Permit, plan: &TokenPlan) -> Option<MintedToken> {
        plan.reuse?;
        self.recall(permit, plan)?.shared(self.clock.now())
    }

    /// A new token for one permitted request, or the first of those that will share it. Takes about
    /// as long as the signature, see [`Minter::is_costly`].
    ///
    /// # Errors
    /// When the token is too large for the route, or cannot be signed.
    pub fn mint(
        &self,
        permit: &Permit,
        plan: &TokenPlan,
        facts: &RequestFacts<'_>,
    ) -> Result<MintedToken, MintError> {
        let now = self.clock.now();
        let expires = now.after(self.times.lifetime);
        let memo = permit.authenticated().session().map(|session| &session.memo);
        let claims = Claims { issuer: &self.issuer, permit, plan };
        let kept = match self.recall(permit, plan) {
            Some(kept) => kept,
            None => {
                plan.check_identifier(permit.authenticated().principal())?;
                let begun = Begun::new(claims.write(None)?);
                let kept =
                    Arc::new(Kept::new(permit.authenticated().principal(), &self.issuer, begun));
                // One too large for a token is not for memory either.
                if let Some(memo) = memo.filter(|_| kept.begun.bytes() <= plan.max_bytes) {
                    memo.keep(plan.id.number(), &kept);
                }
                kept
            }
        };
        // Only where there is a session, the token is kept for others of it.
        let shared = plan.reuse.filter(|_| memo.is_some());
        let instance = Instance {
            permit,
            plan,
            facts: shared.is_none().then_some(facts),
            since: now.before(self.times.skew),
            expires,
            jti: self.entropy.name(),
        };
        let rest = instance.write(None)?;
        // Before signing: who sends too much must not cost a signature.
        let written = kept.begun.bytes().saturating_add(rest.len());
        if written > plan.max_bytes {
            return Err(too_large(&claims, &instance, written));
        }
        let token = self.signer(plan).sign_on(&kept.begun, &rest)?;
        if token.len() > plan.max_bytes {
            return Err(too_large(&claims, &instance, token.len()));
        }
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(token))
            .map_err(|_| MintError::Header)?;
        value.set_sensitive(true);
        let token = MintedToken { value, expires };
        if let Some(reuse) = shared {
            kept.share(&token, now, now.after(reuse.min(self.times.lifetime / 2)));
        }
        Ok(token)
    }

    /// What is kept for this session and plan, if it was written by this minter.
    fn recall(&self, permit: &Permit, plan: &TokenPlan) -> Option<Arc<Kept>> {
        let who = permit.authenticated();
        let kept: Arc<Kept> = who.session()?.memo.recall(plan.id.number())?;
        kept.is_of(who.principal(), &self.issuer).then_some(kept)
    }

    /// Whether minting for this route takes so long (RS256: 0.4 ms) that it belongs on a blocking
    /// thread.
    pub fn is_costly(&self, plan: &TokenPlan) -> bool {
        self.signer(plan).algorithm().is_costly()
    }

    fn signer<'a>(&'a self, plan: &'a TokenPlan) -> &'a dyn Signer {
        plan.signer.as_deref().unwrap_or(&*self.signer)
    }
}

fn too_large(claims: &Claims<'_>, instance: &Instance<'_>, bytes: usize) -> MintError {
    /// The rest is small.
    const NAMED: usize = 5;
    let mut sizes = Vec::new();
    // The same claims have just been written once.
    let _ = claims.write(Some(&mut sizes));
    let _ = instance.write(Some(&mut sizes));
    sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    sizes.truncate(NAMED);
    MintError::TooLarge { bytes, limit: claims.plan.max_bytes, sizes: ClaimSizes(sizes) }
}

impl fmt::Display for ClaimSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, bytes)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            // Debug, since a provider chooses the names of extra claims.
            write!(f, "{comma}{name:?}: {bytes}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
