//! One-time codes that carry a sign-in from a window of its own into a tab.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;

use crate::base::{Entropy, Timestamp};
use crate::session::Session;

/// Codes that were given out and have not come back. A window's cookies are not the tab's: browsers
/// keep those apart, so that the tab must bring the code itself.
#[derive(Debug)]
pub(in crate::endpoints) struct PopupCodes(Cache<[u8; 32], Grant>);

/// What a code is good for.
#[derive(Clone, Debug)]
struct Grant {
    session: Arc<Session>,
    /// SHA-256 of what only the tab knows, as base64url.
    challenge: String,
    until: Timestamp,
}

/// The way from the window to the tab takes no longer.
const LIFETIME: Duration = Duration::from_secs(60);
/// Codes on their way at once; a code that was pushed out asks for another click.
const REMEMBERED: usize = 4_096;

impl Default for PopupCodes {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl PopupCodes {
    /// A code for the session of a window, for whoever knows what `challenge` is the hash of.
    pub(super) fn give(
        &self,
        session: Arc<Session>,
        challenge: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> String {
        let code = entropy.token::<32>();
        let grant = Grant { session, challenge: challenge.to_owned(), until: now.after(LIFETIME) };
        self.0.insert(hash(&code), grant);
        code
    }

    /// Redeems a code: once, also when the other half is wrong, and in time.
    pub(super) fn redeem(
        &self,
        code: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Option<Arc<Session>> {
        let (_, grant) = self.0.remove(&hash(code))?;
        let shown = URL_SAFE_NO_PAD.encode(hash(verifier));
        let same = verify_slices_are_equal(shown.as_bytes(), grant.challenge.as_bytes()).is_ok();
        (same && now < grant.until).then_some(grant.session)
    }
}

/// Whether a text can be the hash of something: of 32 bytes in the one spelling.
pub(super) fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

fn hash(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}
