//! What a store offers that several gateways use at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::base::Timestamp;
use crate::session::events::Ended;
use crate::session::handle::SessionKey;
use crate::session::horizon::Horizon;
use crate::session::store::StoreError;

/// The part of a store that several gateways share.
#[async_trait]
pub trait SharedStore: Send + Sync {
    /// From when on what memory holds counts.
    fn horizon(&self) -> Arc<Horizon>;

    /// What other gateways do to sessions, as they do it. Given out once.
    fn done_elsewhere(&self) -> Option<mpsc::Receiver<Elsewhere>>;

    /// What was counted since the start.
    fn vitals(&self) -> Vitals;

    /// Waits until it can be asked, for as long as one command may take.
    async fn ready(&self);
}

/// What another gateway did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// It wrote another record of a session: what memory holds of it is old.
    Changed(SessionKey),
    /// It ended a session.
    Ended(Ended),
}

/// What is used up by one use, or by a few, whichever gateway sees it.
#[async_trait]
pub trait OneTime: Send + Sync + std::fmt::Debug {
    /// Uses a thing, named by a digest, once. False when it was used `most` times before, also by
    /// requests at the same moment. What is true is durable in the store's own sense.
    ///
    /// # Errors
    /// When the store fails; the thing then counts as used by nobody, and must not be let through.
    async fn spend(
        &self,
        thing: [u8; 32],
        most: u32,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// How often a thing was used.
    ///
    /// # Errors
    /// When the store fails; the thing must not be let through then.
    async fn uses(&self, thing: [u8; 32]) -> Result<u32, StoreError>;
}

/// Tries that several gateways count together. Of each counted thing the store keeps until when its
/// tries are used up, were they spread evenly, by its own clock; nothing when that is over.
#[async_trait]
pub trait SharedTries: Send + Sync + std::fmt::Debug {
    /// Takes one try of each, or none, also where others take at the same moment. `Some` says in what
    /// time the next one is there. No two may be of one thing.
    ///
    /// # Errors
    /// When the store fails; a try may have been taken all the same.
    async fn take(&self, tries: &[Tried]) -> Result<Option<Duration>, StoreError>;

    /// Gives one try back to each of `given_back`, and forgets all tries of `forgotten`.
    ///
    /// # Errors
    /// When the store fails.
    async fn settle(&self, given_back: &[Tried], forgotten: &[[u8; 32]]) -> Result<(), StoreError>;
}

/// One try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Of what: a digest.
    pub thing: [u8; 32],
    /// In what time one try grows back; whole milliseconds, at least one.
    pub step: Duration,
    /// In what time all do.
    pub whole: Duration,
}

/// What a shared store counts, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// The circuit breaker.
    pub breaker: Breaker,
    /// Commands sent.
    pub commands: u64,
    /// Connections made.
    pub connections: u64,
    /// Commands that had no answer in time.
    pub timeouts: u64,
    /// Commands that the server refused.
    pub refused: u64,
    /// Commands that were not sent: no connection, or too many under way.
    pub unsent: u64,
}

/// Whether commands are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breaker {
    /// They are.
    Closed,
    /// A connection is being tried; no command waits for it.
    HalfOpen,
    /// They are not: each fails at once.
    #[default]
    Open,
}
