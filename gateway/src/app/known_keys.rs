//! Public keys that outlive a configuration.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::oidc::RemoteKeys;

/// The fetched keys of the configuration in force, by where they come from. A new configuration
/// that wants keys from the same place goes on with them; what nobody uses any more is forgotten.
#[derive(Default)]
pub(super) struct KnownKeys(Mutex<HashMap<String, Weak<RemoteKeys>>>);

impl KnownKeys {
    /// The keys from `origin`, made now if nobody has them.
    pub(super) fn of(&self, origin: &str, make: impl FnOnce() -> RemoteKeys) -> Arc<RemoteKeys> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, keys| keys.strong_count() > 0);
        if let Some(keys) = known.get(origin).and_then(Weak::upgrade) {
            return keys;
        }
        let keys = Arc::new(make());
        known.insert(origin.to_owned(), Arc::downgrade(&keys));
        keys
    }
}

impl fmt::Debug for KnownKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownKeys")
    }
}
