//! All keys: durable in a file, looked up in memory.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::authn::api_key::file::KeyFile;
use crate::authn::api_key::record::{ApiKey, KeyState, NewApiKey, from_bytes, to_bytes};
use crate::authn::api_key::text::{ApiKeyId, Digest, make};
use crate::base::{Clock, Entropy, Secret, Timestamp};
use crate::identity::Principal;
use crate::session::{EndCause, LiveStreams};

/// The keys of this gateway.
///
/// Finding one is one look-up in memory: no I/O and no lock. A change is durable before it is `Ok`, and the
/// next request sees it. What waits for the disk here blocks: call it where that is no harm.
pub struct ApiKeys {
    file: KeyFile,
    live: Arc<LiveStreams>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    shards: Box<[ArcSwap<Shard>]>,
    /// One change at a time.
    turn: Mutex<()>,
}

/// A key, and when it was last used.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The key.
    pub key: ApiKey,
    /// Whether it opens anything now.
    pub state: KeyState,
    /// When it was last used, to the second.
    pub used: Option<Timestamp>,
}

/// Why keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyFault {
    /// The file is damaged.
    #[error(
        "the file of API keys {path} is damaged ({detail}); put a copy of it back, or move it away: all \
         keys are then unknown"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// As many keys as may be.
    #[error(
        "there are {MOST} API keys, the limit; revoked ones are forgotten {FORGOTTEN_DAYS} days later"
    )]
    Full,
    /// Another process has the file open.
    #[error("the file of API keys {path} is in use by another process")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("the file of API keys cannot be read or written: {0}")]
    Io(String),
    /// It was revoked, and stays so.
    #[error("API key `{0}` was revoked, which cannot be undone; create a new one")]
    Revoked(ApiKeyId),
    /// There is none of that name.
    #[error("there is no API key `{0}`; see: portcullis api-keys list")]
    Unknown(String),
}

/// One key in memory. A change puts another one in its place; uses are noted in it.
pub(super) struct Entry {
    pub(super) key: ApiKey,
    pub(super) digest: Digest,
    pub(super) principal: Arc<Principal>,
    /// What streams that it opens are bound to. A key that is switched on again has another one: the
    /// old one was ended.
    pub(super) streams: [u8; 32],
    used: AtomicI64,
    written: AtomicI64,
}

type Shard = HashMap<ApiKeyId, Arc<Entry>>;

/// So that a change copies a small part of the table only.
const SHARDS: usize = 64;
/// Keys at most. One takes about 1 KiB of memory.
const MOST: usize = 100_000;
/// Until then a revoked key is listed.
const FORGOTTEN_DAYS: u64 = 90;
const FORGOTTEN_AFTER: Duration = Duration::from_secs(FORGOTTEN_DAYS * 86_400);
/// Uses closer together are one: the last use is known to the second.
const APART_MILLIS: i64 = 1_000;

impl ApiKeys {
    /// Opens the file, or makes it (mode 0600).
    ///
    /// # Errors
    /// When it is damaged, in use, or cannot be read and written.
    pub fn open(
        path: &Path,
        live: Arc<LiveStreams>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ApiKeyFault> {
        let file = KeyFile::open(path)?;
        let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::new()).collect();
        let mut old = Vec::new();
        for (id, record, used) in file.read()? {
            let (key, digest) = from_bytes(id, &record).ok_or_else(|| ApiKeyFault::Damaged {
                path: path.to_owned(),
                detail: format!("the record of `{id}` does not read"),
            })?;
            if key.revoked.is_some_and(|since| clock.now().since(since) > FORGOTTEN_AFTER) {
                old.push(id);
                continue;
            }
            let used = used.map_or(0, Timestamp::as_millis);
            let entry = Entry::new(key, digest, used, &*entropy);
            if let Some(shard) = shards.get_mut(id.spread() % SHARDS) {
                shard.insert(id, Arc::new(entry));
            }
        }
        file.forget(&old)?;
        let shards = shards.into_iter().map(ArcSwap::from_pointee).collect();
        Ok(Self { file, live, clock, entropy, shards, turn: Mutex::default() })
    }

    /// Makes a key; durable when it is `Ok`. The text is the only copy of its secret.
    ///
    /// # Errors
    /// When the file cannot be written, or there are as many keys as may be.
    pub fn create(&self, new: NewApiKey) -> Result<(ApiKey, Secret<String>), ApiKeyFault> {
        let _turn = self.turn();
        if self.count() >= MOST {
            return Err(ApiKeyFault::Full);
        }
        let (id, text) = make(&*self.entropy);
        let key = ApiKey {
            id,
            name: new.name,
            owner: new.owner,
            scopes: new.scopes,
            routes: new.routes,
            created: self.clock.now(),
            expires: new.expires,
            disabled: false,
            revoked: None,
        };
        let digest = Digest::of(text.expose().as_bytes());
        self.file.write(id, &to_bytes(&key, &digest))?;
        self.put(Entry::new(key.clone(), digest, 0, &*self.entropy));
        Ok((key, text))
    }

    /// Revokes a key for good, and ends the streams that it has opened. It is dead at once, even if the
    /// file cannot be written then.
    ///
    /// # Errors
    /// There is no such key; or the file cannot be written, so that the key returns with a restart.
    pub fn revoke(&self, id: ApiKeyId) -> Result<ApiKey, ApiKeyFault> {
        let now = self.clock.now();
        self.change(id, |key| key.revoked = key.revoked.or(Some(now)))
    }

    /// Switches a key off, or on again. Switching it off ends the streams that it has opened.
    ///
    /// # Errors
    /// There is no such key, it was revoked, or the file cannot be written.
    pub fn switch(&self, id: ApiKeyId, off: bool) -> Result<ApiKey, ApiKeyFault> {
        match self.find(id) {
            Some(entry) if entry.key.revoked.is_some() => Err(ApiKeyFault::Revoked(id)),
            _ => self.change(id, |key| key.disabled = off),
        }
    }

    /// One key.
    pub fn one(&self, id: ApiKeyId) -> Option<Listed> {
        self.find(id).map(|entry| self.listed(&entry))
    }

    /// All keys, the newest first.
    pub fn list(&self) -> Vec<Listed> {
        let of = |shard: &ArcSwap<Shard>| shard.load().values().cloned().collect::<Vec<_>>();
        let all = self.shards.iter().flat_map(of);
        let mut all: Vec<_> = all.map(|entry| self.listed(&entry)).collect();
        all.sort_unstable_by_key(|listed| {
            (std::cmp::Reverse(listed.key.created.as_millis()), listed.key.id)
        });
        all
    }

    /// The keys that act in the name of one principal and have not been revoked.
    pub fn of(&self, issuer: &str, subject: &str) -> Vec<ApiKeyId> {
        let owned = |listed: &Listed| {
            let owner = &listed.key.owner;
            owner.issuer == issuer && owner.subject == subject && listed.key.revoked.is_none()
        };
        self.list().into_iter().filter(owned).map(|listed| listed.key.id).collect()
    }

    /// Writes when keys were last used: called now and then, and once more before the process ends.
    ///
    /// # Errors
    /// When the file cannot be written; the uses are written the next time.
    pub fn flush(&self) -> Result<(), ApiKeyFault> {
        let all = self.shards.iter().map(ArcSwap::load_full).collect::<Vec<_>>();
        let unwritten = |entry: &&Arc<Entry>| {
            entry.used.load(Ordering::Relaxed) > entry.written.load(Ordering::Relaxed)
        };
        let some = all.iter().flat_map(|shard| shard.values()).filter(unwritten);
        let some: Vec<_> = some.map(|it| (it, it.used.load(Ordering::Relaxed))).collect();
        if some.is_empty() {
            return Ok(());
        }
        let uses: Vec<_> = some.iter().map(|(entry, used)| (entry.key.id, *used)).collect();
        self.file.note(&uses)?;
        for (entry, used) in some {
            entry.written.store(used, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) fn find(&self, id: ApiKeyId) -> Option<Arc<Entry>> {
        self.shard(id)?.load().get(&id).cloned()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    fn listed(&self, entry: &Entry) -> Listed {
        let used = entry.used.load(Ordering::Relaxed);
        Listed {
            key: entry.key.clone(),
            state: entry.key.state(self.clock.now()),
            used: (used > 0).then(|| Timestamp::from_millis(used)),
        }
    }

    /// Changes a key in memory, then in the file: what ends must end even if the disk fails.
    fn change(
        &self,
        id: ApiKeyId,
        change: impl FnOnce(&mut ApiKey),
    ) -> Result<ApiKey, ApiKeyFault> {
        let _turn = self.turn();
        let old = self.find(id).ok_or_else(|| ApiKeyFault::Unknown(id.to_string()))?;
        let mut key = old.key.clone();
        change(&mut key);
        let used = old.used.load(Ordering::Relaxed);
        let ends = key.disabled || key.revoked.is_some();
        self.put(Entry::new(key.clone(), old.digest, used, &*self.entropy));
        if ends {
            self.live.end(&old.streams, EndCause::Revoked);
        }
        self.file.write(id, &to_bytes(&key, &old.digest))?;
        Ok(key)
    }

    fn put(&self, entry: Entry) {
        let Some(shard) = self.shard(entry.key.id) else { return };
        let mut keys = Shard::clone(&shard.load());
        keys.insert(entry.key.id, Arc::new(entry));
        shard.store(Arc::new(keys));
    }

    fn shard(&self, id: ApiKeyId) -> Option<&ArcSwap<Shard>> {
        self.shards.get(id.spread() % SHARDS)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(key: ApiKey, digest: Digest, used: i64, entropy: &dyn Entropy) -> Self {
        Self {
            principal: key.principal(),
            key,
            digest,
            streams: entropy.bytes(),
            used: AtomicI64::new(used),
            written: AtomicI64::new(used),
        }
    }

    /// Notes a use.
    pub(super) fn touch(&self, now: Timestamp) {
        let now = now.as_millis();
        // Read first: a write would take the line away from the other cores with each request.
        if self.used.load(Ordering::Relaxed).saturating_add(APART_MILLIS) <= now {
            self.used.fetch_max(now, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("keys", &self.count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
