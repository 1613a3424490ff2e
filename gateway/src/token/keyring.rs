//! The signing keys of a running gateway: in memory for signing, on disk for the next start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::base::{Clock, KeyId, Timestamp};
use crate::crypto::keyfile::{self, KeyfileFault, Lock, Stamp};
use crate::crypto::{Algorithm, Begun, Encoder, SignFault};
use crate::token::documents::Document;
use crate::token::ring::{Ring, RingFault, Rotated, Rotation};
use crate::token::signer::{Signer, TYP};
use crate::token::stored;

/// The file's name in the state directory.
const FILE: &str = "signing-keys.json";

/// The rotating key pairs. Cloned reads, one writer at a time, also between processes.
#[derive(Debug)]
pub struct Keyring {
    path: PathBuf,
    rotation: Rotation,
    live: ArcSwap<Live>,
}

/// Why the keys cannot be loaded, kept or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyringFault {
    /// There is no key file.
    #[error("{} is not there; run: portcullis keys generate", path.display())]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is a key file already.
    #[error("{} is there already; run: portcullis keys rotate", path.display())]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// The disk.
    #[error(transparent)]
    Keyfile(#[from] KeyfileFault),
    /// The file says something that we do not understand.
    #[error("{} is no key file of this version ({reason}); restore it from a copy", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong; never a part of the contents.
        reason: &'static str,
    },
    /// The keys do not allow what was asked.
    #[error(transparent)]
    Ring(#[from] RingFault),
    /// The key set cannot be written as JSON.
    #[error("cannot write the key set as JSON; report this as a fault of ours")]
    Serialise(#[from] serde_json::Error),
}

/// One state of the keys with all that is made from it.
#[derive(Debug)]
struct Live {
    ring: Ring,
    encoder: Encoder,
    jwks: Document,
    stamp: Option<Stamp>,
}

impl Keyring {
    /// Loads the keys from the state directory, or makes the first one.
    ///
    /// # Errors
    /// When the file is there and cannot be used: making new keys instead would silently cut off
    /// everybody who holds a token or a key set.
    pub fn open(state: &Path, rotation: Rotation, clock: &dyn Clock) -> Result<Self, KeyringFault> {
        let path = state.join(FILE);
        let now = clock.now();
        let lock = keyfile::lock(&path)?;
        let live = match read(&path) {
            Ok(live) => live,
            Err(KeyringFault::Absent { .. }) => create(&path, &rotation, now, &lock)?,
            Err(fault) => return Err(fault),
        };
        drop(lock);
        let keyring = Self { path, rotation, live: ArcSwap::from_pointee(live) };
        keyring.tick(now)?;
        Ok(keyring)
    }

    /// Makes the first key of a state directory that has none.
    ///
    /// # Errors
    /// When there are keys already, or they cannot be made or written.
    pub fn create(state: &Path, rotation: Rotation, now: Timestamp) -> Result<Self, KeyringFault> {
        let path = state.join(FILE);
        let lock = keyfile::lock(&path)?;
        if keyfile::stamp(&path)?.is_some() {
            return Err(KeyringFault::Exists { path });
        }
        let live = create(&path, &rotation, now, &lock)?;
        Ok(Self { path, rotation, live: ArcSwap::from_pointee(live) })
    }

    /// Loads the keys of a state directory that must have some, and changes nothing.
    ///
    /// # Errors
    /// When there are none, or they cannot be used.
    pub fn load(state: &Path, rotation: Rotation) -> Result<Self, KeyringFault> {
        let path = state.join(FILE);
        let live = read(&path)?;
        Ok(Self { path, rotation, live: ArcSwap::from_pointee(live) })
    }

    /// Publishes the next key, uses it, and forgets retired ones, each in its time. True when
    /// something changed. Touches the disk only then; call it each second, off the worker threads.
    ///
    /// # Errors
    /// When the change cannot be kept: the keys then stay as they were.
    pub fn tick(&self, now: Timestamp) -> Result<bool, KeyringFault> {
        if !self.live.load().ring.is_due(&self.rotation, now) {
            return Ok(false);
        }
        self.change(|ring| Ok(ring.tick(&self.rotation, now).map_err(RingFault::from)?))?;
        Ok(true)
    }

    /// Rotates by hand: at once where verifiers can have seen the next key, else when they can.
    ///
    /// # Errors
    /// When no key can be made, too many are still published, or the change cannot be kept.
    pub fn rotate(&self, now: Timestamp) -> Result<Rotated, KeyringFault> {
        self.change(|ring| Ok(ring.rotate(&self.rotation, now)?))
    }

    /// Takes up what another process wrote. True when something changed. Call it each second.
    ///
    /// # Errors
    /// When the new file cannot be used: the old keys stay in use.
    pub fn reload_if_changed(&self) -> Result<bool, KeyringFault> {
        if keyfile::stamp(&self.path)? == self.live.load().stamp {
            return Ok(false);
        }
        // Under the lock, so that an older file cannot replace what a tick has just written.
        let _lock = keyfile::lock(&self.path)?;
        self.live.store(Arc::new(read(&self.path)?));
        Ok(true)
    }

    /// The published key set with its entity tag.
    pub fn jwks(&self) -> Document {
        self.live.load().jwks.clone()
    }

    /// When keys change.
    pub const fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// What the published keys sign with: for the discovery document.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.live.load().ring.keys().map(|key| key.key.algorithm()).collect()
    }

    /// The keys and their dates.
    pub fn ring(&self) -> Ring {
        self.live.load().ring.clone()
    }

    /// Disk first: a key that signs but was never kept would be gone with the next start, and all
    /// it signed would be unverifiable.
    fn change<T>(
        &self,
        step: impl FnOnce(&mut Ring) -> Result<T, KeyringFault>,
    ) -> Result<T, KeyringFault> {
        let lock = keyfile::lock(&self.path)?;
        // Another process may have rotated since.
        let mut ring = read(&self.path)?.ring;
        let outcome = step(&mut ring)?;
        let live = write(&self.path, ring, &lock)?;
        self.live.store(Arc::new(live));
        Ok(outcome)
    }
}

impl Signer for Keyring {
    fn key_id(&self) -> KeyId {
        self.live.load().encoder.key().id().clone()
    }

    fn algorithm(&self) -> Algorithm {
        self.live.load().encoder.key().algorithm()
    }

    fn sign_on(&self, begun: &Begun, rest: &[u8]) -> Result<String, SignFault> {
        self.live.load().encoder.encode_on(begun, rest)
    }
}

impl Live {
    fn of(ring: Ring, stamp: Option<Stamp>) -> Result<Self, KeyringFault> {
        let encoder = Encoder::new(Arc::clone(&ring.active.0.key), TYP);
        let jwks = Document::jwks(&ring.public())?;
        Ok(Self { ring, encoder, jwks, stamp })
    }
}

fn create(
    path: &Path,
    rotation: &Rotation,
    now: Timestamp,
    lock: &Lock,
) -> Result<Live, KeyringFault> {
    let ring = Ring::new(rotation, now).map_err(RingFault::from)?;
    write(path, ring, lock)
}

fn read(path: &Path) -> Result<Live, KeyringFault> {
    let (contents, stamp) = keyfile::read_stamped(path)?
        .ok_or_else(|| KeyringFault::Absent { path: path.to_owned() })?;
    let ring = stored::decode(contents.expose())
        .map_err(|reason| KeyringFault::Malformed { path: path.to_owned(), reason })?;
    Live::of(ring, Some(stamp))
}

fn write(path: &Path, ring: Ring, _held: &Lock) -> Result<Live, KeyringFault> {
    keyfile::write_atomic(path, stored::encode(&ring)?.expose())?;
    let stamp = keyfile::stamp(path)?;
    Live::of(ring, stamp)
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
