//! All keys: durable in files, looked up in memory.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::authn::api_key::entry::Entry;
use crate::authn::api_key::fault::ApiKeyFault;
use crate::authn::api_key::file::KeyFile;
use crate::authn::api_key::parts::{PARTS, Parts};
use crate::authn::api_key::record::{ApiKey, KeyState, NewApiKey, from_bytes, to_bytes};
use crate::authn::api_key::text::{ApiKeyId, Digest, make};
use crate::base::{Clock, Entropy, Secret, Timestamp, lock};
use crate::session::{EndCause, LiveStreams};

/// The keys of this gateway, or those that replicas share.
///
/// Finding one is one look-up in memory: no I/O and no lock. A change is durable before it is `Ok`, and the
/// next request sees it. What waits for the disk here blocks: call it where that is no harm.
pub struct ApiKeys {
    kept: Kept,
    live: Arc<LiveStreams>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    shards: Box<[ArcSwap<Shard>]>,
    /// One change of memory at a time. Nobody waits for a disk with it.
    memory: Mutex<()>,
    /// One change of what is kept at a time. Where that is shared, its own lock is taken before.
    turn: Mutex<Seen>,
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

/// Where keys are kept.
enum Kept {
    /// In a file that nobody else has open.
    Own(KeyFile),
    /// In files that replicas share.
    Shared(Parts),
}

/// What is done to a key.
#[derive(Clone, Copy)]
enum Change {
    Off,
    On,
    Revoke(Timestamp),
}

type Shard = HashMap<ApiKeyId, Arc<Entry>>;

/// Keys at most. One takes about 1 KiB of memory.
pub(super) const MOST: usize = 100_000;

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
        let (mut all, mut old) = (Vec::new(), Vec::new());
        for (id, record, used) in file.read()? {
            let (key, digest) =
                from_bytes(id, &record).ok_or_else(|| ApiKeyFault::unread(path, id))?;
            if key.is_forgotten(clock.now()) {
                old.push(id);
                continue;
            }
            all.push(Entry::new(key, digest, used.map_or(0, Timestamp::as_millis), &*entropy));
        }
        file.forget(&old)?;
        let keys = Self::keeping(Kept::Own(file), live, clock, entropy);
        all.into_iter().for_each(|entry| keys.put(entry));
        Ok(keys)
    }

    fn keeping(
        kept: Kept,
        live: Arc<LiveStreams>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        // So that a change copies a small part of the table only.
        let shards = (0..PARTS).map(|_| ArcSwap::default()).collect();
        Self {
            kept,
            live,
            clock,
            entropy,
            shards,
            memory: Mutex::default(),
            turn: Mutex::default(),
        }
    }

    /// Makes a key; durable when it is `Ok`. The text is the only copy of its secret.
    ///
    /// # Errors
    /// When it cannot be written, or there are as many keys as may be.
    pub fn create(&self, new: NewApiKey) -> Result<(ApiKey, Secret<String>), ApiKeyFault> {
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
        match &self.kept {
            Kept::Own(file) => {
                let _turn = lock(&self.turn);
                file.write(id, &to_bytes(&key, &digest))?;
                self.put(Entry::new(key.clone(), digest, 0, &*self.entropy));
            }
            Kept::Shared(parts) => self.rewrite(parts, Parts::of(id), |rows| {
                rows.insert(id, (key.clone(), digest));
                Ok(())
            })?,
        }
        Ok((key, text))
    }

    /// Revokes a key for good, and ends the streams that it has opened. It is dead at once, even if that
    /// cannot be written then.
    ///
    /// # Errors
    /// There is no such key; or it cannot be written, so that the key returns with a restart. Where replicas
    /// share keys, the others have it until then; it is written as soon as that can be done.
    pub fn revoke(&self, id: ApiKeyId) -> Result<ApiKey, ApiKeyFault> {
        Ok(self.change(id, Change::Revoke(self.clock.now()))?.0)
    }

    /// Switches a key off, or on again. Switching it off ends the streams that it has opened.
    ///
    /// # Errors
    /// There is no such key, it was revoked, or the change cannot be written. What was to be off is so in
    /// memory then; whoever repeats it writes it.
    pub fn switch(&self, id: ApiKeyId, off: bool) -> Result<ApiKey, ApiKeyFault> {
        Ok(self.change(id, if off { Change::Off } else { Change::On })?.0)
    }

    /// One key.
    pub fn one(&self, id: ApiKeyId) -> Option<Listed> {
        self.find(id).map(|entry| self.listed(&entry))
    }

    /// All keys, the newest first.
    pub fn list(&self) -> Vec<Listed> {
        let mut all: Vec<_> = self.entries().iter().map(|entry| self.listed(entry)).collect();
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

    pub(super) fn find(&self, id: ApiKeyId) -> Option<Arc<Entry>> {
        self.shard(id)?.load().get(&id).cloned()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    fn entries(&self) -> Vec<Arc<Entry>> {
        let of = |shard: &ArcSwap<Shard>| shard.load().values().cloned().collect::<Vec<_>>();
        self.shards.iter().flat_map(of).collect()
    }

    fn listed(&self, entry: &Entry) -> Listed {
        let used = entry.used();
        Listed {
            key: entry.key.clone(),
            state: entry.key.state(self.clock.now()),
            used: (used > 0).then(|| Timestamp::from_millis(used)),
        }
    }

    /// The changed key, and whether it was another one where it is kept.
    fn change(&self, id: ApiKeyId, change: Change) -> Result<(ApiKey, bool), ApiKeyFault> {
        // What ends must end even if the disk fails, or does not answer.
        if change.ends() {
            self.alter(id, change);
        }
        match &self.kept {
            Kept::Own(file) => {
                let _turn = lock(&self.turn);
                let entry = self.find(id).ok_or_else(|| ApiKeyFault::Unknown(id.to_string()))?;
                let mut key = entry.key.clone();
                change.apply(&mut key)?;
                file.write(id, &to_bytes(&key, &entry.digest))?;
                self.alter(id, change);
                let changed = key != entry.key;
                Ok((key, changed))
            }
            Kept::Shared(parts) => self.change_shared(parts, id, change),
        }
    }

    /// Changes a key in memory, and ends the streams of the old one.
    fn alter(&self, id: ApiKeyId, change: Change) {
        let altered = lock(&self.memory);
        let Some(old) = self.find(id) else { return };
        let mut key = old.key.clone();
        // Streams of a key that stays as it is stay bound to it: else nothing could end them any more.
        if change.apply(&mut key).is_err() || key == old.key {
            return;
        }
        self.insert(old.changed(key, old.digest, &*self.entropy));
        drop(altered);
        self.live.end(&old.streams, EndCause::Revoked);
    }

    fn put(&self, entry: Entry) {
        let _memory = lock(&self.memory);
        self.insert(entry);
    }

    /// Call it with the right to change memory.
    fn insert(&self, entry: Entry) {
        let Some(shard) = self.shard(entry.key.id) else { return };
        let mut keys = Shard::clone(&shard.load());
        keys.insert(entry.key.id, Arc::new(entry));
        shard.store(Arc::new(keys));
    }

    fn shard(&self, id: ApiKeyId) -> Option<&ArcSwap<Shard>> {
        self.shards.get(Parts::of(id))
    }
}

impl Change {
    const fn ends(self) -> bool {
        !matches!(self, Self::On)
    }

    fn apply(self, key: &mut ApiKey) -> Result<(), ApiKeyFault> {
        match self {
            Self::Revoke(now) => key.revoked = key.revoked.or(Some(now)),
            _ if key.revoked.is_some() => return Err(ApiKeyFault::Revoked(key.id)),
            Self::Off => key.disabled = true,
            Self::On => key.disabled = false,
        }
        Ok(())
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("keys", &self.count()).finish_non_exhaustive()
    }
}

mod disable;
mod shared;
mod uses;

use shared::Seen;

#[cfg(test)]
mod tests;
