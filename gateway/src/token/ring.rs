//! The life of signing keys, as plain data: published, then used, then published a while longer.
//! No clock and no disk in here, so that a test can try any order of events.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{KeyId, Secret, Timestamp};
use crate::crypto::{Algorithm, JwkSet, SignFault, SigningKey};

/// Each retired key is still in every verifier's copy: a bound on what repeated rotation can add.
const MAX_RETIRED: usize = 16;

/// When keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// What new keys sign with; never HS256.
    pub algorithm: Algorithm,
    /// How long a key signs.
    pub rotate_after: Duration,
    /// How long a key is published before it signs. At least as long as verifiers keep the key set.
    pub publish_before: Duration,
    /// How long a key stays published after the last token it signed has expired.
    pub overlap: Duration,
    /// The longest life of a token.
    pub token_lifetime: Duration,
}

/// Why a rotation was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum RingFault {
    /// No new key.
    #[error(transparent)]
    Generate(#[from] SignFault),
    /// Rotated too often in too short a time.
    #[error("{MAX_RETIRED} retired keys are still published; rotate again when the oldest is gone")]
    TooManyRetired,
}

/// What a rotation asked for by hand came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The new key signs now.
    Now(KeyId),
    /// The new key is published and will sign from then on: verifiers must have seen it first.
    Scheduled(KeyId, Timestamp),
}

/// One key pair with its history.
#[derive(Clone, Debug)]
pub struct RingKey {
    /// The key.
    pub key: Arc<SigningKey>,
    /// Its PKCS#8 form, for the file.
    pub pkcs8: Secret<Vec<u8>>,
    /// When it was first published.
    pub published: Timestamp,
}

/// All key pairs that are alive.
#[derive(Clone, Debug)]
pub struct Ring {
    /// The key that signs, and since when.
    pub active: (RingKey, Timestamp),
    /// The key that is published and not used, and from when it will be.
    pub next: Option<(RingKey, Timestamp)>,
    /// Keys that sign no more, and until when they are published.
    pub retired: Vec<(RingKey, Timestamp)>,
}

impl Rotation {
    /// How long a verifier may keep the key set: until half of the time has passed that a new key is
    /// published before it signs. The other half is for replicas, which publish it a little later.
    pub fn keep_for(&self) -> Duration {
        self.publish_before / 2
    }
}

impl RingKey {
    /// A new key, published from `now` on.
    ///
    /// # Errors
    /// When no key can be generated.
    pub fn generate(algorithm: Algorithm, now: Timestamp) -> Result<Self, SignFault> {
        let (key, pkcs8) = SigningKey::generate(algorithm)?;
        Ok(Self { key: Arc::new(key), pkcs8, published: now })
    }
}

impl Ring {
    /// The first key. It signs at once: nobody has a key set yet that it could be missing from.
    ///
    /// # Errors
    /// When no key can be generated.
    pub fn new(rotation: &Rotation, now: Timestamp) -> Result<Self, SignFault> {
        let first = RingKey::generate(rotation.algorithm, now)?;
        Ok(Self { active: (first, now), next: None, retired: Vec::new() })
    }

    /// Whether [`Ring::tick`] would change anything: cheap enough to ask each second.
    pub fn is_due(&self, rotation: &Rotation, now: Timestamp) -> bool {
        let next = match &self.next {
            Some((_, use_from)) => *use_from <= now && self.has_room(),
            None => self.wants_next(rotation, now),
        };
        next || self.retired.iter().any(|(_, until)| *until <= now)
    }

    /// Does what time asks for: publishes the next key, uses it, forgets retired ones.
    ///
    /// # Errors
    /// When no key can be generated; nothing has changed then but forgotten keys.
    pub fn tick(&mut self, rotation: &Rotation, now: Timestamp) -> Result<(), SignFault> {
        self.retired.retain(|(_, until)| *until > now);
        if self.next.is_none() && self.wants_next(rotation, now) {
            let next = RingKey::generate(rotation.algorithm, now)?;
            let turn = self.active.1.after(rotation.rotate_after);
            let seen = now.after(rotation.publish_before);
            // A key of an algorithm that is no longer wanted goes as soon as it can.
            let from = if self.is_wanted(rotation) { turn.max(seen) } else { seen };
            self.next = Some((next, from));
        }
        if self.has_room()
            && let Some((next, _)) = self.next.take_if(|(_, use_from)| *use_from <= now)
        {
            let (old, _) = std::mem::replace(&mut self.active, (next, now));
            let until = now.after(rotation.token_lifetime).after(rotation.overlap);
            self.retired.push((old, until));
        }
        Ok(())
    }

    /// Rotates as soon as every verifier can have seen the next key.
    ///
    /// # Errors
    /// When no key can be generated, or too many retired keys are still published.
    pub fn rotate(&mut self, rotation: &Rotation, now: Timestamp) -> Result<Rotated, RingFault> {
        self.tick(rotation, now)?;
        if !self.has_room() {
            return Err(RingFault::TooManyRetired);
        }
        let (next, from) = match self.next.take() {
            // One of another algorithm has signed nothing yet and can be dropped.
            Some((next, from)) if next.key.algorithm() == rotation.algorithm => {
                let seen = next.published.after(rotation.publish_before);
                (next, from.min(seen.max(now)))
            }
            _ => {
                let next = RingKey::generate(rotation.algorithm, now)?;
                (next, now.after(rotation.publish_before))
            }
        };
        let id = next.key.id().clone();
        self.next = Some((next, from));
        self.tick(rotation, now)?;
        Ok(match &self.next {
            Some((_, from)) => Rotated::Scheduled(id, *from),
            None => Rotated::Now(id),
        })
    }

    /// The public keys: active, next, retired.
    pub fn public(&self) -> JwkSet {
        let keys = self.keys().filter_map(|key| key.key.public_jwk().cloned()).collect();
        JwkSet { keys }
    }

    /// All keys: active, next, retired.
    pub fn keys(&self) -> impl Iterator<Item = &RingKey> {
        let next = self.next.iter().map(|(key, _)| key);
        let retired = self.retired.iter().map(|(key, _)| key);
        std::iter::once(&self.active.0).chain(next).chain(retired)
    }

    fn wants_next(&self, rotation: &Rotation, now: Timestamp) -> bool {
        let turn = self.active.1.after(rotation.rotate_after);
        !self.is_wanted(rotation) || turn.before(rotation.publish_before) <= now
    }

    fn is_wanted(&self, rotation: &Rotation) -> bool {
        self.active.0.key.algorithm() == rotation.algorithm
    }

    fn has_room(&self) -> bool {
        self.retired.len() < MAX_RETIRED
    }
}

#[cfg(test)]
mod tests;
