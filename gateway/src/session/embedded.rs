//! Sessions in a durable file, with no service to run: the default.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use redb::{Database, ReadableDatabase as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::base::Timestamp;
use crate::session::embedded::check::Check;
use crate::session::embedded::file::io;
use crate::session::embedded::writer::{Change, Content, Done, Job, Writer};
use crate::session::events::Ended;
use crate::session::handle::SessionKey;
use crate::session::store::{IndexKey, SessionStore, StoreError, StoredSession, key_of, mark_of};

mod check;
mod file;
mod links;
mod writer;

pub use links::UsedLinks;

/// Sessions in one file.
///
/// All changes go through one writer thread, which takes whatever waits into one transaction: a
/// hundred people who sign in at once share one `fsync`, and each hears of it after it is done.
/// Reads run beside it and see what was acknowledged.
#[derive(Debug)]
pub struct EmbeddedStore {
    database: Arc<Database>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    count: Arc<AtomicUsize>,
    path: PathBuf,
    check: Arc<Check>,
    checker: Option<JoinHandle<()>>,
}

/// How many changes may wait for the writer; more wait outside, in their requests.
const QUEUE: usize = 1_024;

impl EmbeddedStore {
    /// Opens the file, or makes it (mode 0600), for at most `limit` sessions. That takes milliseconds,
    /// however many there are and however the last process ended.
    ///
    /// The whole file is then read beside everything else. When damage is found, it is in the log and in
    /// [`trouble`](SessionStore::trouble), and from then on nobody signs in, and no look-up by name
    /// pretends to be complete.
    ///
    /// # Errors
    /// When the file is damaged where it begins, in use, or cannot be read and written.
    pub fn open(path: &Path, limit: usize) -> Result<Self, StoreError> {
        let database = Arc::new(file::open(path)?);
        let count = Arc::new(AtomicUsize::new(file::count(&database)?));
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let writer = Writer { database: Arc::clone(&database), count: Arc::clone(&count), limit };
        let writer = thread("session-store", move || writer.run(waiting))?;
        let check = Arc::new(Check::default());
        let mut store = Self {
            database,
            jobs: Some(jobs),
            writer: Some(writer),
            count,
            path: path.to_owned(),
            check,
            checker: None,
        };
        let (database, check) = (Arc::clone(&store.database), Arc::clone(&store.check));
        let path = path.to_owned();
        store.checker = Some(thread("session-check", move || {
            check.run(&database);
            if let Some(detail) = check.damage() {
                tracing::error!(fault = %file::damaged(&path, detail), "nobody signs in until then");
            }
        })?);
        Ok(store)
    }

    /// Fails when damage has been found.
    fn sound(&self) -> Result<(), StoreError> {
        self.trouble().map_or(Ok(()), Err)
    }

    async fn change(&self, change: Change) -> Result<Done, StoreError> {
        let (done, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(Job { change, done }).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        let read = spawn_blocking(move || read(&database)).await;
        read.map_err(|_| StoreError::Closed)?.map_err(io("read"))
    }
}

#[async_trait]
impl SessionStore for EmbeddedStore {
    async fn insert(&self, key: SessionKey, session: StoredSession) -> Result<(), StoreError> {
        self.sound()?;
        self.change(Change::Insert(key, Box::new(session))).await.map(drop)
    }

    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreError> {
        self.read(move |database| {
            let reading = database.begin_read()?;
            let (rows, sealed) =
                (reading.open_table(file::ROWS)?, reading.open_table(file::SEALED)?);
            let (Some(row), Some(bytes)) = (rows.get(&key)?, sealed.get(&key)?) else {
                return Ok(None);
            };
            let ((expiry, seen), (names, record, tokens)) = (row.value(), bytes.value());
            Ok(Some(StoredSession {
                names: file::names(names),
                record: record.to_vec(),
                tokens: tokens.to_vec(),
                absolute_expiry: Timestamp::from_millis(expiry),
                last_seen: Timestamp::from_millis(seen),
            }))
        })
        .await
    }

    async fn replace(
        &self,
        key: SessionKey,
        names: Vec<IndexKey>,
        record: Vec<u8>,
        tokens: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let content = Box::new(Content { names, record, tokens });
        let done = self.change(Change::Replace(key, content)).await?;
        Ok(matches!(done, Done::Replaced(true)))
    }

    async fn touch(&self, uses: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError> {
        self.change(Change::Touch(uses)).await.map(drop)
    }

    async fn remove(&self, key: SessionKey) -> Result<bool, StoreError> {
        Ok(matches!(self.change(Change::Remove(key)).await?, Done::Removed(true)))
    }

    async fn keys_of(&self, name: IndexKey) -> Result<Vec<SessionKey>, StoreError> {
        self.sound()?;
        self.read(move |database| {
            let names = database.begin_read()?.open_multimap_table(file::NAMES)?;
            let keys = names.get(&name.0)?;
            keys.map(|key| Ok(*key?.value())).collect()
        })
        .await
    }

    async fn keys(
        &self,
        from: Option<&str>,
        most: usize,
    ) -> Result<(Vec<SessionKey>, Option<String>), StoreError> {
        let from = from.and_then(key_of);
        let keys = self.read(move |database| file::keys_after(database, from, most)).await?;
        let mark = keys.last().map(mark_of).filter(|_| keys.len() >= most);
        Ok((keys, mark))
    }

    async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Vec<Ended>, StoreError> {
        // Looked for beside the writer, so that no login waits for a walk through the whole table;
        // the writer judges each again.
        let over = self.read(move |database| file::over_at(database, now, idle)).await?;
        if over.is_empty() {
            return Ok(Vec::new());
        }
        match self.change(Change::Expire { keys: over, now, idle }).await? {
            Done::Expired(ended) => Ok(ended),
            Done::Kept | Done::Removed(_) | Done::Replaced(_) => Ok(Vec::new()),
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn trouble(&self) -> Option<StoreError> {
        self.check.damage().map(|detail| file::damaged(&self.path, detail))
    }
}

impl Drop for EmbeddedStore {
    /// Waits for what was sent to be written, so that the file is free when the store is gone.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(checker) = self.checker.take() {
            self.check.stop(checker.thread());
            let _ = checker.join();
        }
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map_err(|fault| io("start its threads")(fault.into()))
}

#[cfg(test)]
mod tests;
