//! The `state` parameter: a whole login on its way, sealed, so that the gateway remembers nothing
//! of logins that nobody finishes.

use std::convert::Infallible;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;

use crate::crypto::Sealer;
use crate::endpoints::browser::Mark;
use crate::oidc::Transaction;

/// The logins that have come back already: each may once.
#[derive(Debug)]
pub(super) struct SpentStates(Cache<String, ()>);

/// How many are remembered. One that was pushed out within its lifetime still carries a code that
/// the provider redeems once only.
const REMEMBERED: usize = 65_536;
const PURPOSE: &str = "login state";

/// Seals a login for one browser.
pub(super) fn seal(sealer: &Sealer, mark: &Mark, transaction: &Transaction) -> String {
    let sealed = sealer.seal(PURPOSE, mark.as_str().as_bytes(), &transaction.to_bytes());
    URL_SAFE_NO_PAD.encode(sealed)
}

/// Opens a login that this browser began; `None` for any other text.
pub(super) fn open(sealer: &Sealer, mark: &Mark, state: &str) -> Option<Transaction> {
    let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
    let bytes = sealer.open(PURPOSE, mark.as_str().as_bytes(), &sealed)?;
    Transaction::from_bytes(&bytes)
}

/// What a login is spent by. Begins with a word of its own: links are spent in the same place.
pub(super) fn digest(transaction: &Transaction) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(PURPOSE.as_bytes());
    context.update(transaction.id.as_bytes());
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    digest
}

impl Default for SpentStates {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl SpentStates {
    /// Spends a login; false when it was spent before, also by a request at the same moment.
    pub(super) fn spend(&self, transaction: &Transaction) -> bool {
        let mut first = false;
        let Ok(()) = self.0.get_or_insert_with(transaction.id.as_str(), || {
            first = true;
            Ok::<(), Infallible>(())
        });
        first
    }
}
