//! One-time codes that carry a sign-in from a window of its own into a tab.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::Timestamp;
use crate::session::{OneTimeTokens, SessionKey, StoreError};

/// Gives codes out, and takes them. A window's cookies are not the tab's: browsers keep those apart, so
/// that the tab must bring the code itself, to whichever replica.
///
/// A code says which session it is of, and SHA-256 of what only the tab knows.
#[derive(Debug)]
pub(in crate::endpoints) struct PopupCodes(Arc<OneTimeTokens>);

/// The way from the window to the tab takes no longer.
const LIFETIME: Duration = Duration::from_secs(60);
const PURPOSE: &str = "teams window";

impl PopupCodes {
    /// Codes that are one-time tokens of these.
    pub(in crate::endpoints) fn new(tokens: Arc<OneTimeTokens>) -> Self {
        Self(tokens)
    }

    /// A code for the session of a window, for whoever knows what `challenge` is the hash of.
    pub(super) fn give(&self, session: &SessionKey, challenge: &str, now: Timestamp) -> String {
        // Empty where it is no hash; nothing hashes to that.
        let challenge = URL_SAFE_NO_PAD.decode(challenge).unwrap_or_default();
        let said = [&session[..], &challenge].concat();
        self.0.give(PURPOSE, b"", &said, now.after(LIFETIME))
    }

    /// The session of a code: once, also when the other half is wrong, and in time.
    ///
    /// # Errors
    /// When nobody can say whether it was used.
    pub(super) async fn redeem(
        &self,
        code: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<Option<SessionKey>, StoreError> {
        let Some(said) = self.0.take(PURPOSE, b"", code, now).await? else { return Ok(None) };
        let Some((session, challenge)) = said.split_first_chunk::<32>() else { return Ok(None) };
        let shown = digest(&SHA256, verifier.as_bytes());
        let same = verify_slices_are_equal(shown.as_ref(), challenge).is_ok();
        Ok(same.then_some(*session))
    }
}

/// Whether a text can be the hash of something: of 32 bytes in the one spelling.
pub(super) fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;
    use crate::crypto::{Sealer, SealingKeys};

    #[tokio::test]
    async fn a_code_is_redeemed_once_by_whoever_has_the_other_half() {
        let entropy = Arc::new(SystemEntropy);
        let sealer = Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), entropy);
        let tokens = Arc::new(OneTimeTokens::alone(sealer, &SystemEntropy));
        let codes = PopupCodes::new(Arc::clone(&tokens));
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, b"verifier"));
        let at = Timestamp::from_secs;
        let give = |challenge: &str| codes.give(&[7; 32], challenge, at(100));
        let redeem =
            async |code: &str, verifier, now| codes.redeem(code, verifier, at(now)).await.unwrap();
        let code = give(&challenge);
        assert!(code.len() < 200, "{}", code.len());
        assert_eq!(redeem(&code, "verifier", 159).await, Some([7; 32]));
        assert_eq!(redeem(&code, "verifier", 159).await, None, "used");
        let spoilt = give(&challenge);
        assert_eq!(redeem(&spoilt, "guessed", 100).await, None);
        assert_eq!(redeem(&spoilt, "verifier", 100).await, None, "spoilt");
        assert_eq!(redeem(&give(&challenge), "verifier", 160).await, None, "late");
        for odd in ["", "short", "not base64url!"] {
            assert_eq!(redeem(&give(odd), "", 100).await, None, "{odd}");
        }
        // What is sealed for something else is no code, also where it says the same.
        let said = [[7; 32], digest(&SHA256, b"verifier").as_ref().try_into().unwrap()].concat();
        let other = tokens.give("teams ticket", b"", &said, at(200));
        assert_eq!(redeem(&other, "verifier", 100).await, None);
    }
}
