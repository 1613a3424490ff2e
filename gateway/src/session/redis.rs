//! Sessions in Redis or Valkey, shared by all gateways that use it.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::base::{Clock, Entropy, Timestamp};
use crate::session::events::{EndCause, Ended};
use crate::session::handle::SessionKey;
use crate::session::horizon::Horizon;
use crate::session::redis::link::Link;
use crate::session::redis::names::{digest, ended, joined, letter, names, text};
use crate::session::redis::scripts::SCRIPTS;
use crate::session::shared::{Elsewhere, OneTime, SharedStore, Vitals};
use crate::session::store::{Bars, IndexKey, SWEEP_BATCH, SessionStore, StoreError, StoredSession};

mod keeper;
mod lately;
mod link;
mod look;
mod names;
mod reach;
mod scripts;
#[cfg(test)]
pub(crate) mod server;
mod settings;
mod tries;

pub use look::look;
pub use settings::{RedisServer, RedisSettings};

/// Sessions in a server that several gateways share.
///
/// Each session is a hash, sealed as in the embedded store, whose life ends with the session's
/// absolute end. What changes several keys is a script, so that nobody sees half of it. Whoever
/// removes a session tells all gateways in the same step.
pub struct RedisStore {
    link: Arc<Link>,
    clock: Arc<dyn Clock>,
    news: Mutex<Option<mpsc::Receiver<Elsewhere>>>,
    keeper: AbortHandle,
}

/// What lives past its end by this much cannot hurt, since every gateway judges by its own clock;
/// what went earlier could be missed by one whose clock is behind.
const GRACE: Duration = Duration::from_secs(300);
/// What `insert.lua` says where it has not kept a session.
const FULL: u8 = 0;
const BARRED: u8 = 2;
/// Sessions in one script: the server does nothing else meanwhile.
const AT_ONCE: usize = 256;

impl RedisStore {
    /// Begins to connect, in the background, for as long as the store lives: a server that is down
    /// when a gateway starts is no reason not to start. To be called within a tokio runtime.
    pub fn open(settings: RedisSettings, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let (link, news) = Link::new(settings, entropy);
        let link = Arc::new(link);
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&link))).abort_handle();
        Self { link, clock, news: Mutex::new(Some(news)), keeper }
    }

    /// How long from now a key lives that is over at `end`, in milliseconds.
    fn life(&self, end: Timestamp, now: Timestamp) -> u64 {
        u64::try_from(end.since(now).saturating_add(GRACE).as_millis()).unwrap_or(u64::MAX)
    }

    fn counted(&self, count: usize) {
        self.link.count.store(count, Ordering::Relaxed);
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn insert(&self, key: SessionKey, session: StoredSession) -> Result<(), StoreError> {
        self.insert_unless_barred(key, session, Bars::default()).await.map(drop)
    }

    async fn bars(&self, names: &[IndexKey]) -> Result<Bars, StoreError> {
        let mut call = SCRIPTS.bars.prepare_invoke();
        for bar in self.link.names.bars(names) {
            call.key(bar);
        }
        self.link.run("read", &call).await.map(Bars)
    }

    async fn bar(&self, names: &[IndexKey]) -> Result<(), StoreError> {
        let mut call = SCRIPTS.bar.prepare_invoke();
        if names.is_empty() {
            call.key(self.link.names.everybodys_bar());
        }
        for name in names {
            call.key(self.link.names.bar(name));
        }
        let word = self.link.entropy.token::<12>();
        call.arg(word).arg(u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX));
        let _: bool = self.link.run("write", &call).await?;
        Ok(())
    }

    async fn insert_unless_barred(
        &self,
        key: SessionKey,
        session: StoredSession,
        since: Bars,
    ) -> Result<bool, StoreError> {
        let (names, limit) = (&self.link.names, self.link.settings.limit);
        let id = text(&key);
        let over = session.last_seen.after(self.link.settings.idle).min(session.absolute_expiry);
        let mut call = SCRIPTS.insert.prepare_invoke();
        call.key(names.session(&id)).key(&names.over).arg(&names.prefix).arg(&id);
        for bar in names.bars(&session.names).into_iter().take(since.0.len()) {
            call.key(bar);
        }
        call.arg(&session.record).arg(&session.tokens).arg(joined(&session.names));
        call.arg(session.absolute_expiry.as_millis()).arg(session.last_seen.as_millis());
        call.arg(over.as_millis()).arg(self.life(session.absolute_expiry, self.clock.now()));
        call.arg(limit);
        for word in &since.0 {
            call.arg(word);
        }
        let (done, count): (u8, usize) = self.link.run("write", &call).await?;
        self.counted(count);
        match done {
            FULL => Err(StoreError::Full { limit }),
            done => Ok(done != BARRED),
        }
    }

    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreError> {
        let name = self.link.names.session(&text(&key));
        let row = self.link.ask("read", async |mut connection: MultiplexedConnection| {
            let mut question = redis::cmd("HMGET");
            question.arg(name).arg(&["r", "t", "n", "e", "l"]);
            let row: RedisResult<Row> = question.query_async(&mut connection).await;
            row
        });
        Ok(stored(row.await?))
    }

    async fn replace(
        &self,
        key: SessionKey,
        names: Vec<IndexKey>,
        record: Vec<u8>,
        tokens: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let (ours, id) = (&self.link.names, text(&key));
        let mut call = SCRIPTS.replace.prepare_invoke();
        call.key(ours.session(&id)).key(&ours.changed).arg(&ours.prefix).arg(&id);
        call.arg(record).arg(tokens).arg(joined(&names)).arg(&self.link.ears.own);
        self.link.run("write", &call).await
    }

    async fn lease(
        &self,
        key: SessionKey,
        holder: [u8; 16],
        last: Duration,
    ) -> Result<bool, StoreError> {
        let last = u64::try_from(last.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut call = SCRIPTS.lease.prepare_invoke();
        call.key(self.link.names.lease(&text(&key))).arg(&holder[..]).arg(last);
        self.link.run("write", &call).await
    }

    async fn release(&self, key: SessionKey, holder: [u8; 16]) -> Result<(), StoreError> {
        let mut call = SCRIPTS.release.prepare_invoke();
        call.key(self.link.names.lease(&text(&key))).arg(&holder[..]);
        let _: bool = self.link.run("write", &call).await?;
        Ok(())
    }

    async fn touch(&self, uses: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError> {
        let (names, idle) = (&self.link.names, self.link.settings.idle.as_millis());
        for some in uses.chunks(AT_ONCE) {
            let mut call = SCRIPTS.touch.prepare_invoke();
            call.key(&names.over).arg(&names.prefix).arg(u64::try_from(idle).unwrap_or(u64::MAX));
            for (key, seen) in some {
                call.arg(text(key)).arg(seen.as_millis());
            }
            let _: bool = self.link.run("write", &call).await?;
        }
        Ok(())
    }

    async fn remove(&self, key: SessionKey) -> Result<bool, StoreError> {
        self.end(key, EndCause::Revoked).await
    }

    async fn end(&self, key: SessionKey, cause: EndCause) -> Result<bool, StoreError> {
        // Before it is asked: should the answer be lost, a new connection is told again. Not of what
        // time has ended, which everybody finds to be over.
        if !cause.is_by_time() {
            self.link.ears.lately.add(key);
        }
        let names = &self.link.names;
        let mut call = SCRIPTS.remove.prepare_invoke();
        call.key(&names.over).key(&names.channel).arg(&names.prefix);
        call.arg(letter(cause)).arg(text(&key));
        let (removed, count): (bool, usize) = self.link.run("write", &call).await?;
        self.counted(count);
        Ok(removed)
    }

    async fn keys_of(&self, name: IndexKey) -> Result<Vec<SessionKey>, StoreError> {
        let names = &self.link.names;
        let mut call = SCRIPTS.keys_of.prepare_invoke();
        call.key(names.index(&name)).arg(&names.prefix);
        let found: Vec<Vec<u8>> = self.link.run("read", &call).await?;
        Ok(found.iter().filter_map(|id| digest(id)).collect())
    }

    async fn keys(
        &self,
        from: Option<&str>,
        most: usize,
    ) -> Result<(Vec<SessionKey>, Option<String>), StoreError> {
        let cursor: u64 = from.and_then(|mark| mark.parse().ok()).unwrap_or(0);
        let index = &self.link.names.over;
        let page = self.link.ask("list its sessions", async |mut connection| {
            let mut question = redis::cmd("ZSCAN");
            question.arg(index).arg(cursor).arg("COUNT").arg(most);
            let page: RedisResult<(u64, Vec<(Vec<u8>, f64)>)> =
                question.query_async(&mut connection).await;
            page
        });
        let (next, found) = page.await?;
        let keys = found.iter().filter_map(|(id, _)| digest(id)).collect();
        Ok((keys, (next != 0).then(|| next.to_string())))
    }

    async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Vec<Ended>, StoreError> {
        let names = &self.link.names;
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let mut all = Vec::new();
        while all.len() < SWEEP_BATCH {
            let most = AT_ONCE.min(SWEEP_BATCH.saturating_sub(all.len()));
            let mut call = SCRIPTS.sweep.prepare_invoke();
            call.key(&names.over).key(&names.channel).arg(&names.prefix);
            call.arg(now.as_millis()).arg(idle).arg(most);
            let (due, count, gone): (usize, usize, Vec<Vec<u8>>) =
                self.link.run("write", &call).await?;
            self.counted(count);
            all.extend(gone.iter().filter_map(|message| ended(message)));
            if due < most {
                break;
            }
        }
        Ok(all)
    }

    fn count(&self) -> usize {
        self.link.count.load(Ordering::Relaxed)
    }

    fn trouble(&self) -> Option<StoreError> {
        (!self.link.is_live()).then(|| self.link.unreachable())
    }

    fn shared(&self) -> Option<&dyn SharedStore> {
        Some(self)
    }
}

/// Record, tokens, names, expiry, last use; all of them or none. A row of an older version has no names:
/// a sign-out at the provider would miss its session, which therefore counts for nothing.
type Row = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>, Option<i64>);

fn stored(row: Row) -> Option<StoredSession> {
    let (Some(record), Some(tokens), Some(of), Some(expiry), Some(seen)) = row else {
        return None;
    };
    Some(StoredSession {
        names: names(&of)?,
        record,
        tokens,
        absolute_expiry: Timestamp::from_millis(expiry),
        last_seen: Timestamp::from_millis(seen),
    })
}

#[async_trait]
impl SharedStore for RedisStore {
    fn horizon(&self) -> Arc<Horizon> {
        Arc::clone(&self.link.ears.horizon)
    }

    fn done_elsewhere(&self) -> Option<mpsc::Receiver<Elsewhere>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn vitals(&self) -> Vitals {
        self.link.vitals()
    }

    async fn ready(&self) {
        let mut found = std::pin::pin!(self.link.found.notified());
        found.as_mut().enable();
        if !self.link.is_live() {
            let _ = timeout(self.link.settings.command_timeout, found).await;
        }
    }
}

#[async_trait]
impl OneTime for RedisStore {
    async fn spend(
        &self,
        thing: [u8; 32],
        most: u32,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut call = SCRIPTS.spend.prepare_invoke();
        call.key(self.link.names.used(&thing)).arg(most).arg(self.life(expires, now));
        self.link.run("note what was used", &call).await
    }

    async fn uses(&self, thing: [u8; 32]) -> Result<u32, StoreError> {
        let name = self.link.names.used(&thing);
        let uses = self.link.ask("read what was used", async |mut connection| {
            let uses: RedisResult<Option<u32>> =
                redis::cmd("GET").arg(name).query_async(&mut connection).await;
            uses
        });
        Ok(uses.await?.unwrap_or_default())
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("servers", &self.link.settings.servers).finish()
    }
}

#[cfg(test)]
mod tests;
