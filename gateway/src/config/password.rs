//! `[password]`: how often a password may be tried, and what that may cost.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::duration::Duration;

/// How often a password may be tried, and what that may cost. Counters outlive a restart.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Password {
    /// Failed logins of one account, whatever address they come from, before the next one must wait.
    /// Default 10: a person mistypes now and then. All spellings of a name are one account.
    pub account_tries: NonZeroU32,
    /// Failed logins from one address (of IPv6, one /64), whatever the account. Default 100: an
    /// office shares an address.
    pub address_tries: NonZeroU32,
    /// In what time all tries grow back, one by one. Default 1h.
    pub tries_within: Duration,
    /// Logins that are judged at once; more are answered with 503. Default 64.
    pub at_once: NonZeroU32,
    /// Passwords that are hashed at once. Default: half of the processors, so that other requests
    /// have the rest. Each takes 19 MiB.
    pub hash_threads: Option<NonZeroU32>,
}

impl Default for Password {
    fn default() -> Self {
        let some = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            account_tries: some(10),
            address_tries: some(100),
            tries_within: Duration::from_secs(3_600),
            at_once: some(64),
            hash_threads: None,
        }
    }
}
