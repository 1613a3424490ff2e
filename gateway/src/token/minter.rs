//! Makes the token that goes with a request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::base::{Clock, Entropy, Timestamp};
use crate::crypto::SignFault;
use crate::identity::Permit;
use crate::token::claims::Claims;
use crate::token::plan::{RequestFacts, TokenPlan};
use crate::token::signer::Signer;

/// Mints. One for the gateway; what differs by route is in the [`TokenPlan`].
#[derive(Debug)]
pub struct Minter {
    issuer: String,
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
        issuer: impl Into<String>,
        times: TokenTimes,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { issuer: issuer.into(), times, signer, clock, entropy }
    }

    /// The token for one permitted request. Takes about as long as the signature, see
    /// [`Minter::is_costly`].
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
        let since = now.before(self.times.skew);
        let jti = self.entropy.token::<16>();
        let issuer = self.issuer.as_str();
        let claims = Claims { issuer, permit, plan, facts, since, expires, jti: &jti };
        let written = claims.write()?;
        // Before signing: who sends too much must not cost a signature.
        if written.len() > plan.max_bytes {
            return Err(too_large(&claims, written.len(), plan));
        }
        let token = self.signer(plan).sign(&written)?;
        if token.len() > plan.max_bytes {
            return Err(too_large(&claims, token.len(), plan));
        }
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(token))
            .map_err(|_| MintError::Header)?;
        value.set_sensitive(true);
        Ok(MintedToken { value, expires })
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

fn too_large(claims: &Claims<'_>, bytes: usize, plan: &TokenPlan) -> MintError {
    /// The rest is small.
    const NAMED: usize = 5;
    let mut sizes = claims.sizes();
    sizes.truncate(NAMED);
    MintError::TooLarge { bytes, limit: plan.max_bytes, sizes: ClaimSizes(sizes) }
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
