//! The keys that seal what is kept at rest or sent round by a browser: one active, some accepted.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use zeroize::{Zeroize as _, Zeroizing};

use crate::base::{Entropy, Secret};
use crate::crypto::keyfile::{self, KeyfileFault, Stamp};

/// The ring of sealing keys. The first seals; all open.
pub struct SealingKeys {
    ring: ArcSwap<Ring>,
    file: Option<PathBuf>,
    looked: Mutex<Looked>,
}

/// When the file was last looked at, and which one it was.
#[derive(Default)]
struct Looked {
    at: Option<Instant>,
    stamp: Option<Stamp>,
}

/// Never empty, by its shape.
struct Ring {
    active: Arc<SealingKey>,
    accepted: Vec<Arc<SealingKey>>,
}

/// One key with its public name.
pub(crate) struct SealingKey {
    id: [u8; KEY_ID_LEN],
    secret: Secret<[u8; 32]>,
}

/// Why the sealing keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SealingKeysFault {
    /// The file is there and does not hold sealing keys. It is never overwritten: that would end
    /// every session.
    #[error("{} holds no sealing keys ({detail}); restore it, or remove it to sign everybody out", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] KeyfileFault),
}

/// Random, so that two rings never name two keys alike.
pub(crate) const KEY_ID_LEN: usize = 8;

/// Active and accepted keys together. With a rotation a day a session of a week still opens; a key
/// that leaves the ring makes what it sealed unreadable, for good.
const MAX_KEYS: usize = 8;
/// How often an unknown key may make us look at the file.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl SealingKeys {
    /// Keys that live as long as the process; for tests and throw-away gateways.
    pub fn in_memory(entropy: &dyn Entropy) -> Self {
        Self::of(Ring::first(entropy), None)
    }

    /// Reads the keys of `path`, or makes the first one and writes it there.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, SealingKeysFault> {
        // Two processes that start together must not each make a first key.
        let _lock = keyfile::lock(path)?;
        let ring = match keyfile::read_private(path)? {
            Some(contents) => parse(path, contents.expose())?,
            None => {
                let ring = Ring::first(entropy);
                write(path, &ring)?;
                ring
            }
        };
        let keys = Self::of(ring, Some(path.to_owned()));
        keys.looked().stamp = keyfile::stamp(path)?;
        Ok(keys)
    }

    fn of(ring: Ring, file: Option<PathBuf>) -> Self {
        Self { ring: ArcSwap::from_pointee(ring), file, looked: Mutex::default() }
    }

    /// Takes up what another process wrote. True when something changed.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else: the old keys stay in use.
    pub fn reload_if_changed(&self) -> Result<bool, SealingKeysFault> {
        let Some(path) = &self.file else { return Ok(false) };
        self.look(path, &mut self.looked())
    }

    fn look(&self, path: &Path, looked: &mut Looked) -> Result<bool, SealingKeysFault> {
        looked.at = Some(Instant::now());
        let stamp = keyfile::stamp(path)?;
        if stamp.is_none() || stamp == looked.stamp {
            return Ok(false);
        }
        let Some((contents, stamp)) = keyfile::read_stamped(path)? else { return Ok(false) };
        self.ring.store(Arc::new(parse(path, contents.expose())?));
        looked.stamp = Some(stamp);
        Ok(true)
    }

    /// Makes a new active key; the old ones go on opening, the oldest leaves a full ring. The new
    /// ring is on the disk before anything is sealed with it.
    ///
    /// # Errors
    /// When the file cannot be written; the old ring then stays in use.
    pub fn rotate(&self, entropy: &dyn Entropy) -> Result<(), SealingKeysFault> {
        let fresh = SealingKey::random(entropy);
        let Some(path) = &self.file else {
            self.ring.rcu(|old| old.grown(&fresh));
            return Ok(());
        };
        let _lock = keyfile::lock(path)?;
        // Another process may have rotated since: its key must not be lost.
        let ring = match keyfile::read_private(path)? {
            Some(contents) => parse(path, contents.expose())?.grown(&fresh),
            None => self.ring.load().grown(&fresh),
        };
        let mut looked = self.looked();
        write(path, &ring)?;
        looked.stamp = keyfile::stamp(path)?;
        self.ring.store(Arc::new(ring));
        Ok(())
    }

    /// The key that seals.
    pub(crate) fn active(&self) -> Arc<SealingKey> {
        Arc::clone(&self.ring.load().active)
    }

    /// All keys, the active one first.
    pub(crate) fn all(&self) -> Vec<Arc<SealingKey>> {
        self.ring.load().keys().map(Arc::clone).collect()
    }

    /// The key of that name, if it may still open.
    pub(crate) fn accepted(&self, id: &[u8; KEY_ID_LEN]) -> Option<Arc<SealingKey>> {
        let known = || self.ring.load().keys().find(|key| key.id == *id).map(Arc::clone);
        if let Some(key) = known() {
            return Some(key);
        }
        // Another replica may have made it a moment ago. Looked at now and then only: anybody can
        // send what was sealed with no key at all. And never waited for: whoever looks may be held up
        // by a file system that hangs, and everybody behind them would be, one worker after the other.
        if let Some(path) = &self.file
            && let Some(mut looked) = self.try_looked()
            && looked.at.is_none_or(|at| at.elapsed() >= LOOK_EVERY)
        {
            // Reported by whoever looks each second.
            let _ = self.look(path, &mut looked);
        }
        known()
    }

    fn try_looked(&self) -> Option<MutexGuard<'_, Looked>> {
        match self.looked.try_lock() {
            Ok(looked) => Some(looked),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn first(entropy: &dyn Entropy) -> Self {
        Self { active: SealingKey::random(entropy), accepted: Vec::new() }
    }

    fn keys(&self) -> impl Iterator<Item = &Arc<SealingKey>> {
        std::iter::once(&self.active).chain(&self.accepted)
    }

    fn grown(&self, fresh: &Arc<SealingKey>) -> Self {
        let accepted = self.keys().take(MAX_KEYS - 1).map(Arc::clone).collect();
        Self { active: Arc::clone(fresh), accepted }
    }
}

impl SealingKey {
    pub(crate) fn id(&self) -> [u8; KEY_ID_LEN] {
        self.id
    }

    pub(crate) fn secret(&self) -> &Secret<[u8; 32]> {
        &self.secret
    }

    fn random(entropy: &dyn Entropy) -> Arc<Self> {
        Arc::new(Self { id: entropy.bytes(), secret: Secret::new(entropy.bytes()) })
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.ring.load().keys().count();
        f.debug_struct("SealingKeys").field("keys", &keys).field("file", &self.file).finish()
    }
}

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u8,
    /// The active key first.
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    secret: String,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

fn parse(path: &Path, contents: &[u8]) -> Result<Ring, SealingKeysFault> {
    let damaged = |detail: &str| SealingKeysFault::Damaged {
        path: path.to_owned(),
        detail: detail.to_owned(),
    };
    // The parser's message is left out: it can quote the contents.
    let file: File =
        serde_json::from_slice(contents).map_err(|_| damaged("not the JSON we write"))?;
    if file.version != VERSION {
        return Err(damaged("written by another version"));
    }
    let keys = file.keys.iter().map(key_of).collect::<Option<Vec<_>>>();
    let keys = keys.ok_or_else(|| damaged("a key of the wrong form"))?;
    let names: HashSet<_> = keys.iter().map(|key| key.id).collect();
    if names.len() != keys.len() || keys.len() > MAX_KEYS {
        return Err(damaged("two keys of one name, or too many keys"));
    }
    let mut keys = keys.into_iter();
    let active = keys.next().ok_or_else(|| damaged("no key"))?;
    Ok(Ring { active, accepted: keys.collect() })
}

fn key_of(entry: &Entry) -> Option<Arc<SealingKey>> {
    let id = URL_SAFE_NO_PAD.decode(&entry.id).ok()?;
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(&entry.secret).ok()?);
    Some(Arc::new(SealingKey {
        id: id.try_into().ok()?,
        secret: Secret::new(secret.as_slice().try_into().ok()?),
    }))
}

fn write(path: &Path, ring: &Ring) -> Result<(), KeyfileFault> {
    let keys = ring.keys().map(|key| Entry {
        id: URL_SAFE_NO_PAD.encode(key.id),
        secret: URL_SAFE_NO_PAD.encode(key.secret.expose()),
    });
    let file = File { version: VERSION, keys: keys.collect() };
    // Strings and a number: cannot fail.
    let contents = Zeroizing::new(serde_json::to_vec_pretty(&file).unwrap_or_default());
    keyfile::write_atomic(path, &contents)
}

#[cfg(test)]
mod tests;
