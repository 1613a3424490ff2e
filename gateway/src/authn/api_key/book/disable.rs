//! Switching off all keys of somebody.

use crate::authn::api_key::book::{ApiKeys, Change};
use crate::authn::api_key::fault::ApiKeyFault;
use crate::authn::api_key::record::ApiKey;
use crate::authn::api_key::text::ApiKeyId;

impl ApiKeys {
    /// Switches off all keys that are `wanted`, also those that another gateway has just made. Says which ones
    /// were on, here or where they are kept, and what went wrong: a key that cannot be written is off in
    /// memory, and keeps none of the others.
    pub fn disable_those(
        &self,
        wanted: impl Fn(&ApiKey) -> bool,
    ) -> (Vec<ApiKeyId>, Result<(), ApiKeyFault>) {
        let mut fault = self.sync();
        let mut disabled = Vec::new();
        for key in self.list().into_iter().map(|listed| listed.key) {
            if key.revoked.is_some() || !wanted(&key) {
                continue;
            }
            // Also one that is off already: where it is kept it is on, if that could not be written.
            match self.change(key.id, Change::Off) {
                Ok((_, changed)) if changed || !key.disabled => disabled.push(key.id),
                Ok(_) => {}
                Err(first) => fault = fault.and(Err(first)),
            }
        }
        (disabled, fault)
    }
}
