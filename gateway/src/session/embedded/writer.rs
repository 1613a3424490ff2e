//! The one thread that changes the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redb::{Database, MultimapTable, ReadableTable as _, Table, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use crate::base::Timestamp;
use crate::session::embedded::file::{Bytes, NAMES, ROWS, SEALED, change, joined, moments, names};
use crate::session::events::Ended;
use crate::session::handle::SessionKey;
use crate::session::lifetime::over;
use crate::session::store::{IndexKey, StoreError, StoredSession};

/// One change and whom to tell.
pub(crate) struct Job {
    pub(crate) change: Change,
    pub(crate) done: oneshot::Sender<Result<Done, StoreError>>,
}

/// What can be changed.
pub(crate) enum Change {
    Expire { keys: Vec<SessionKey>, now: Timestamp, idle: Duration },
    Insert(SessionKey, Box<StoredSession>),
    Remove(SessionKey),
    Replace(SessionKey, Box<Content>),
    Touch(Vec<(SessionKey, Timestamp)>),
}

/// What a session is found by, and its sealed bytes.
pub(crate) struct Content {
    pub(crate) names: Vec<IndexKey>,
    pub(crate) record: Vec<u8>,
    pub(crate) tokens: Vec<u8>,
}

/// What a change did.
pub(crate) enum Done {
    Expired(Vec<Ended>),
    Kept,
    Removed(bool),
    Replaced(bool),
}

pub(crate) struct Writer {
    pub(crate) database: Arc<Database>,
    pub(crate) count: Arc<AtomicUsize>,
    pub(crate) limit: usize,
}

/// The most changes in one transaction: enough to share an `fsync`, few enough to end soon.
const BATCH: usize = 256;

impl Writer {
    /// Writes until nobody can send any more.
    pub(crate) fn run(self, mut waiting: mpsc::Receiver<Job>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut changes = vec![first.change];
            let mut asked = vec![first.done];
            while changes.len() < BATCH
                && let Ok(job) = waiting.try_recv()
            {
                changes.push(job.change);
                asked.push(job.done);
            }
            self.write(changes, asked);
        }
    }

    /// All of `changes` in one durable transaction; nobody hears of success before the commit.
    fn write(&self, changes: Vec<Change>, asked: Vec<oneshot::Sender<Result<Done, StoreError>>>) {
        match self.commit(changes) {
            Ok((results, count)) => {
                self.count.store(count, Ordering::Relaxed);
                for (asker, result) in asked.into_iter().zip(results) {
                    let _ = asker.send(result);
                }
            }
            Err(fault) => {
                let detail = fault.to_string();
                for asker in asked {
                    let detail = detail.clone();
                    let _ = asker.send(Err(StoreError::Io { doing: "write", detail }));
                }
            }
        }
    }

    fn commit(
        &self,
        changes: Vec<Change>,
    ) -> Result<(Vec<Result<Done, StoreError>>, usize), redb::Error> {
        // Durable at commit, by the library's default.
        let writing = change(&self.database)?;
        let mut tables = Tables::of(&writing, self.count.load(Ordering::Relaxed))?;
        let mut results = Vec::with_capacity(changes.len());
        for change in changes {
            results.push(match change {
                Change::Insert(..) if tables.count >= self.limit => {
                    Err(StoreError::Full { limit: self.limit })
                }
                change => Ok(tables.apply(change)?),
            });
        }
        let count = tables.count;
        drop(tables);
        writing.commit()?;
        Ok((results, count))
    }
}

/// The tables within one transaction.
struct Tables<'a> {
    rows: Table<'a, &'static [u8; 32], (i64, i64)>,
    sealed: Table<'a, &'static [u8; 32], Bytes>,
    names: MultimapTable<'a, &'static [u8; 32], &'static [u8; 32]>,
    count: usize,
}

impl<'a> Tables<'a> {
    fn of(writing: &'a WriteTransaction, count: usize) -> Result<Self, redb::Error> {
        Ok(Self {
            rows: writing.open_table(ROWS)?,
            sealed: writing.open_table(SEALED)?,
            names: writing.open_multimap_table(NAMES)?,
            count,
        })
    }

    fn apply(&mut self, change: Change) -> Result<Done, redb::Error> {
        match change {
            Change::Expire { keys, now, idle } => self.expire(&keys, now, idle).map(Done::Expired),
            Change::Insert(key, session) => {
                self.remove(&key)?;
                self.insert(&key, &session)?;
                Ok(Done::Kept)
            }
            Change::Remove(key) => self.remove(&key).map(Done::Removed),
            Change::Replace(key, content) => self.replace(&key, &content).map(Done::Replaced),
            Change::Touch(uses) => {
                for (key, seen) in uses {
                    self.touch(&key, seen.as_millis())?;
                }
                Ok(Done::Kept)
            }
        }
    }

    fn insert(&mut self, key: &SessionKey, session: &StoredSession) -> Result<(), redb::Error> {
        let (expiry, seen) = (session.absolute_expiry.as_millis(), session.last_seen.as_millis());
        self.rows.insert(key, (expiry, seen))?;
        self.sealed.insert(key, (&*joined(&session.names), &*session.record, &*session.tokens))?;
        for name in &session.names {
            self.names.insert(&name.0, key)?;
        }
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    fn remove(&mut self, key: &SessionKey) -> Result<bool, redb::Error> {
        if self.rows.remove(key)?.is_none() {
            return Ok(false);
        }
        let gone = self.sealed.remove(key)?.map(|bytes| names(bytes.value().0));
        for name in gone.unwrap_or_default() {
            self.names.remove(&name.0, key)?;
        }
        self.count = self.count.saturating_sub(1);
        Ok(true)
    }

    fn replace(&mut self, key: &SessionKey, now: &Content) -> Result<bool, redb::Error> {
        let before = self.sealed.get(key)?.map(|bytes| names(bytes.value().0));
        // What was removed must get neither names nor content.
        let Some(before) = before else { return Ok(false) };
        for name in before.iter().filter(|name| !now.names.contains(name)) {
            self.names.remove(&name.0, key)?;
        }
        for name in now.names.iter().filter(|name| !before.contains(name)) {
            self.names.insert(&name.0, key)?;
        }
        self.sealed.insert(key, (&*joined(&now.names), &*now.record, &*now.tokens))?;
        Ok(true)
    }

    fn touch(&mut self, key: &SessionKey, now: i64) -> Result<(), redb::Error> {
        let row = self.rows.get(key)?.map(|row| row.value());
        if let Some((expiry, seen)) = row
            && now > seen
        {
            self.rows.insert(key, (expiry, now))?;
        }
        Ok(())
    }

    fn expire(
        &mut self,
        keys: &[SessionKey],
        now: Timestamp,
        idle: Duration,
    ) -> Result<Vec<Ended>, redb::Error> {
        let mut ended = Vec::new();
        for key in keys {
            let row = self.rows.get(key)?.map(|row| row.value());
            let Some((expiry, seen)) = row else { continue };
            if let Some(cause) = over(moments(expiry, seen), idle, now) {
                self.remove(key)?;
                ended.push(Ended { key: *key, cause });
            }
        }
        Ok(ended)
    }
}
