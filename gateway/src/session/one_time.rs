//! One-time tokens: what goes through a client and comes back once, to whichever replica.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::{Entropy, Timestamp};
use crate::crypto::Sealer;
use crate::session::shared::OneTime;
use crate::session::store::StoreError;
use lately::LatelyUsed;

mod lately;

/// Gives tokens out that are good once, and takes them.
///
/// A token is sealed and holds all that it says, so that every replica can read it and nothing is kept
/// of one that never comes back. What is kept is which ones came back, until they are over.
pub struct OneTimeTokens {
    sealer: Sealer,
    used: Arc<dyn OneTime>,
    /// What tokens are bound to beside their own context; see [`Self::alone`].
    run: Box<[u8]>,
}

/// In characters; none of ours comes near. Looked at before anything is decoded.
const LONGEST: usize = 400;

impl OneTimeTokens {
    /// Those of a gateway that shares its sessions with nobody. Which ones were used is in memory, and so
    /// none of an earlier run opens: a restart must not make them good again.
    pub fn alone(sealer: Sealer, entropy: &dyn Entropy) -> Self {
        let run = Box::new(entropy.bytes::<16>());
        Self { sealer, used: Arc::new(LatelyUsed::default()), run }
    }

    /// Those of replicas, which share `used` and the keys of `sealer`.
    pub fn shared(sealer: Sealer, used: Arc<dyn OneTime>) -> Self {
        Self { sealer, used, run: Box::default() }
    }

    /// A token that says `content`, for a purpose in a context, good before `until`: base64url text of 82
    /// characters and four for each three bytes of the content.
    pub fn give(&self, purpose: &str, context: &[u8], content: &[u8], until: Timestamp) -> String {
        let plain = [&until.as_millis().to_be_bytes(), content].concat();
        URL_SAFE_NO_PAD.encode(self.sealer.seal(purpose, &self.bound(context), &plain))
    }

    /// What a token says, and uses it up. `None` for one that is over, was used before (also by a request
    /// at the same moment, also at another replica), is of another purpose or context, or no token at
    /// all; the last three use nothing up.
    ///
    /// # Errors
    /// When nobody can say whether it was used; it must not be let through then.
    pub async fn take(
        &self,
        purpose: &str,
        context: &[u8],
        text: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let opened = self.open(purpose, context, text).filter(|opened| now < opened.until);
        let Some(Opened { name, until, content }) = opened else { return Ok(None) };
        Ok(self.used.spend(name, 1, until, now).await?.then_some(content))
    }

    fn open(&self, purpose: &str, context: &[u8], text: &str) -> Option<Opened> {
        if text.len() > LONGEST {
            return None;
        }
        // The engine knows one spelling only: a second one would be a second use.
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = self.sealer.open(purpose, &self.bound(context), &sealed)?;
        let (until, content) = plain.split_first_chunk::<8>()?;
        let until = Timestamp::from_millis(i64::from_be_bytes(*until));
        Some(Opened { name: name(&sealed), until, content: content.to_vec() })
    }

    fn bound(&self, context: &[u8]) -> Vec<u8> {
        let length = u8::try_from(self.run.len()).unwrap_or(u8::MAX);
        [&[length], &*self.run, context].concat()
    }
}

struct Opened {
    name: [u8; 32],
    until: Timestamp,
    content: Vec<u8>,
}

/// What a token is remembered by. Begins with a word of its own: links are used up in the same place.
fn name(sealed: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"one-time token");
    context.update(sealed);
    context.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

impl fmt::Debug for OneTimeTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeTokens").field("used", &self.used).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
