//! The trait behind which sessions are kept.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::Timestamp;
use crate::session::events::{EndCause, Ended};
use crate::session::handle::SessionKey;
use crate::session::shared::SharedStore;

/// Where sessions are kept. It sees sealed bytes and what it must index, nothing else.
///
/// Contract, held by the conformance suite: an `Ok` from [`insert`](Self::insert),
/// [`replace`](Self::replace), [`remove`](Self::remove) and [`sweep`](Self::sweep) is durable in the
/// store's own sense; what was removed is not found again, and no touch and no replacement brings it
/// back.
#[async_trait]
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// Keeps a new session. Refuses with [`StoreError::Full`] rather than drop another's.
    async fn insert(&self, key: SessionKey, session: StoredSession) -> Result<(), StoreError>;

    /// Reads one session.
    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreError>;

    /// Moves the last use of sessions forward, never back; passes over those that are gone.
    async fn touch(&self, uses: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError>;

    /// What bars sessions of these names now, to be read when a sign-in begins: see [`Bars`]. A store that
    /// no other process changes has none.
    async fn bars(&self, names: &[IndexKey]) -> Result<Bars, StoreError> {
        let _ = names;
        Ok(Bars::default())
    }

    /// Bars sessions of these names that began before; all of everybody's where there is no name. To be
    /// called by whoever ends them all, before asking which there are.
    async fn bar(&self, names: &[IndexKey]) -> Result<(), StoreError> {
        let _ = names;
        Ok(())
    }

    /// Like [`insert`](Self::insert), unless one of the session's names was barred after `since` was
    /// read: then false, and nothing is kept.
    async fn insert_unless_barred(
        &self,
        key: SessionKey,
        session: StoredSession,
        since: Bars,
    ) -> Result<bool, StoreError> {
        let _ = since;
        self.insert(key, session).await.map(|()| true)
    }

    /// Writes other names, another record and other tokens of a session, as one change, durable before it
    /// is `Ok`; its last use and its absolute end stay. It is found by the new names only. False when it is
    /// gone: nothing brings one back. Where others share the store, they hear of another record.
    async fn replace(
        &self,
        key: SessionKey,
        names: Vec<IndexKey>,
        record: Vec<u8>,
        tokens: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let _ = (key, names, record, tokens);
        let detail = "this kind of store cannot".to_owned();
        Err(StoreError::Io { doing: "write", detail })
    }

    /// Reserves a session for one holder, for `last` at most; false while another holder has it. Who
    /// has it may take it again. A store that no other process changes needs none: yes.
    async fn lease(
        &self,
        key: SessionKey,
        holder: [u8; 16],
        last: Duration,
    ) -> Result<bool, StoreError> {
        let _ = (key, holder, last);
        Ok(true)
    }

    /// Gives a lease back before its time; nothing happens where another holder has it by now.
    async fn release(&self, key: SessionKey, holder: [u8; 16]) -> Result<(), StoreError> {
        let _ = (key, holder);
        Ok(())
    }

    /// Removes one session; whether it was there.
    async fn remove(&self, key: SessionKey) -> Result<bool, StoreError>;

    /// Removes one session like [`remove`](Self::remove), and tells those who share the store why.
    async fn end(&self, key: SessionKey, cause: EndCause) -> Result<bool, StoreError> {
        let _ = cause;
        self.remove(key).await
    }

    /// The keys of all sessions that are found by a name; of each of several, never of the last one only.
    async fn keys_of(&self, name: IndexKey) -> Result<Vec<SessionKey>, StoreError>;

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

    /// What is wrong with it now, if something is known.
    fn trouble(&self) -> Option<StoreError> {
        None
    }

    /// What there is to a store that other processes change too; `None` where this one is alone.
    fn shared(&self) -> Option<&dyn SharedStore> {
        None
    }
}

/// One session as the store sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// By what it is found beside its key; few, and none twice.
    pub names: Vec<IndexKey>,
    /// The sealed record: names and addresses are nobody's business at rest.
    pub record: Vec<u8>,
    /// The sealed tokens.
    pub tokens: Vec<u8>,
    /// When it is over, whatever happens.
    pub absolute_expiry: Timestamp,
    /// When it was last used, as far as the store has heard.
    pub last_seen: Timestamp,
}

/// What a session is found by beside its key: a digest that says nothing without our sealing keys. See
/// `names.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IndexKey(pub [u8; 32]);

/// Which ends of all sessions of a name were known when a sign-in began.
///
/// Whoever ends all sessions of a name leaves a random word there for a while. A sign-in reads the words of
/// its names when it begins, and is written only if they are still the same, which the store judges in one
/// step: no clock of any machine has a part in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bars(pub(crate) Vec<Vec<u8>>);

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
    /// A session must be renewed before it counts, and that takes too long.
    #[error(
        "the session must be renewed first, and that takes too long; see what its provider says"
    )]
    Unrenewed,
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
