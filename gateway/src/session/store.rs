//! The trait behind which sessions are kept.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::Timestamp;
use crate::session::events::{EndCause, Ended};
use crate::session::handle::SessionKey;
use crate::session::shared::SharedStore;

/// Where sessions are kept. It sees sealed bytes and what it must index, nothing else.
///
/// Contract, held by the conformance suite: an `Ok` from [`insert`](Self::insert),
/// [`remove`](Self::remove) and [`sweep`](Self::sweep) is durable in the store's own sense; what was
/// removed is not found again, and no touch brings it back.
#[async_trait]
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// Keeps a new session. Refuses with [`StoreError::Full`] rather than drop another's.
    async fn insert(&self, key: SessionKey, session: StoredSession) -> Result<(), StoreError>;

    /// Reads one session.
    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreError>;

    /// Moves the last use of sessions forward, never back; passes over those that are gone.
    async fn touch(&self, uses: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError>;

    /// Removes one session; whether it was there.
    async fn remove(&self, key: SessionKey) -> Result<bool, StoreError>;

    /// Removes one session like [`remove`](Self::remove), and tells those who share the store why.
    async fn end(&self, key: SessionKey, cause: EndCause) -> Result<bool, StoreError> {
        let _ = cause;
        self.remove(key).await
    }

    /// The keys of all sessions of one person.
    async fn keys_of(&self, owner: Owner) -> Result<Vec<SessionKey>, StoreError>;

    /// Keys from a mark on, about `most`, and the mark to go on from; `None` at the end. One that is
    /// there all the while is among them at least once; one that comes or goes meanwhile may be. A mark
    /// that is none begins from the start. A store that cannot do this says so.
    async fn keys(
        &self,
        from: Option<&str>,
        most: usize,
    ) -> Result<(Vec<SessionKey>, Option<String>), StoreError> {
        let _ = (from, most);
        let detail = "this kind of store cannot".to_owned();
        Err(StoreError::Io { doing: "list its sessions", detail })
    }

    /// Removes sessions that are over at `now`, at most [`SWEEP_BATCH`] in one call, and names them.
    async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Vec<Ended>, StoreError>;

    /// How many sessions are kept; a shared store says it as of a moment ago.
    fn count(&self) -> usize;

    /// What there is to a store that other processes change too; `None` where this one is alone.
    fn shared(&self) -> Option<&dyn SharedStore> {
        None
    }
}

/// One session as the store sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Whose it is.
    pub owner: Owner,
    /// The sealed record: names and addresses are nobody's business at rest.
    pub record: Vec<u8>,
    /// The sealed tokens.
    pub tokens: Vec<u8>,
    /// When it is over, whatever happens.
    pub absolute_expiry: Timestamp,
    /// When it was last used, as far as the store has heard.
    pub last_seen: Timestamp,
}

/// One person: SHA-256 of issuer and subject, each with its length, so that no two people share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner(pub [u8; 32]);

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Ended sessions wait for the store to confirm, as many as can be remembered: until it does,
    /// no session is read from it, lest an ended one come back.
    #[error("too many ended sessions wait for the session store to confirm; see why it fails")]
    Behind,
    /// The store has stopped; the process is going down, or its writer died.
    #[error("the session store has stopped; restart the gateway")]
    Closed,
    /// The file is no session store, or its contents are damaged.
    #[error(
        "the session file {path} is damaged ({detail}); move it away and start again: everybody \
         signs in anew, nothing else is lost"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// As many sessions as may be.
    #[error(
        "the session store holds {limit} sessions, its limit; raise it or wait for some to end"
    )]
    Full {
        /// The limit.
        limit: usize,
    },
    /// Another process has the file open.
    #[error("the session file {path} is in use by another process; stop it or name another file")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("the session store cannot {doing}: {detail}")]
    Io {
        /// What it was doing.
        doing: &'static str,
        /// What the system said.
        detail: String,
    },
    /// The server is not there.
    #[error("{place} cannot be asked: {detail}; until it can, sessions are not let in")]
    Unreachable {
        /// Which server.
        place: String,
        /// Why, as far as is known.
        detail: String,
    },
}

/// A key as a mark, for stores that keep keys in order.
pub(crate) fn mark_of(key: &SessionKey) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// Reads what [`mark_of`] wrote.
pub(crate) fn key_of(mark: &str) -> Option<SessionKey> {
    URL_SAFE_NO_PAD.decode(mark).ok()?.try_into().ok()
}

/// The most sessions that one sweep removes, so that no transaction grows without bound.
pub const SWEEP_BATCH: usize = 4_096;

impl Owner {
    /// The person that `issuer` calls `subject`.
    pub fn of(issuer: &str, subject: &str) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [issuer, subject] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut owner = [0; 32];
        for (to, from) in owner.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Self(owner)
    }
}

impl fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("absolute_expiry", &self.absolute_expiry)
            .field("last_seen", &self.last_seen)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod conformance;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_moved_from_issuer_to_subject_is_somebody_else() {
        assert_ne!(Owner::of("https://a", "b"), Owner::of("https://", "ab"));
        assert_eq!(Owner::of("https://a", "b"), Owner::of("https://a", "b"));
    }
}
