//! What the provider remembers: sessions, codes and access tokens, in memory and for a while.

use std::collections::HashMap;
use std::time::Duration;

use crate::app::demo::provider::account::Account;
use crate::app::demo::provider::token::LIFETIME;
use crate::base::Timestamp;

/// Entries of one kind. When it is full the oldest goes: a demo, but a bounded one.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    entries: HashMap<String, (Timestamp, T)>,
    lifetime: Duration,
}

/// Somebody is signed in here.
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    pub(super) account: &'static Account,
    pub(super) auth_time: Timestamp,
    /// The session's public name.
    pub(super) sid: String,
}

/// A code, before it is redeemed.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) signed_in: SignedIn,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
}

#[derive(Debug)]
pub(super) struct Store {
    /// By the cookie's value.
    pub(super) sessions: Shelf<SignedIn>,
    pub(super) codes: Shelf<Grant>,
    pub(super) access_tokens: Shelf<&'static Account>,
    /// `id_token`s as hints for signing out, and the session (`sid`) each belongs to.
    pub(super) hints: Shelf<String>,
}

const MOST: usize = 4096;

impl Store {
    pub(super) fn new() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            sessions: Shelf::new(DAY),
            codes: Shelf::new(Duration::from_secs(60)),
            access_tokens: Shelf::new(LIFETIME),
            hints: Shelf::new(DAY),
        }
    }
}

impl<T> Shelf<T> {
    fn new(lifetime: Duration) -> Self {
        Self { entries: HashMap::new(), lifetime }
    }

    pub(super) fn put(&mut self, key: String, value: T, now: Timestamp) {
        let lifetime = self.lifetime;
        self.entries.retain(|_, (begun, _)| now.since(*begun) < lifetime);
        if self.entries.len() >= MOST {
            let oldest = self.entries.iter().min_by_key(|(_, (begun, _))| *begun);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.entries.remove(&key);
            }
        }
        self.entries.insert(key, (now, value));
    }

    pub(super) fn look(&self, key: &str, now: Timestamp) -> Option<&T> {
        let (begun, value) = self.entries.get(key)?;
        (now.since(*begun) < self.lifetime).then_some(value)
    }

    /// Takes it away: what was taken once is gone.
    pub(super) fn take(&mut self, key: &str, now: Timestamp) -> Option<T> {
        let (begun, value) = self.entries.remove(key)?;
        (now.since(begun) < self.lifetime).then_some(value)
    }
}
