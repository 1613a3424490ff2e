//! Sealing: what leaves the process and comes back cannot be read, changed or used for another purpose.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use crate::base::{Entropy, Secret};
use crate::crypto::sealing_keys::{KEY_ID_LEN, SealingKeys};
use crate::crypto::tag::Tagger;

/// Seals bytes with the active key and opens them with any accepted one.
///
/// A sealed value is `version | key id | salt | nonce | ciphertext and tag`. Each message has a key
/// of its own, derived by HKDF-SHA-256 from the master key, a random 128-bit salt, the purpose and
/// the context; a GCM nonce would have to repeat *together with* its salt (224 random bits) to do
/// harm, so the 2^32 messages that random 96-bit nonces allow under one key are no limit here.
///
/// The purpose and the context are authenticated too, with their lengths: no byte can move from one
/// to the other, and a value sealed for one purpose never opens as another.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<SealingKeys>,
    entropy: Arc<dyn Entropy>,
}

impl Sealer {
    /// A sealer that uses the keys of `keys`, following their rotation.
    pub fn new(keys: Arc<SealingKeys>, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, entropy }
    }

    /// A tagger with keys derived from the same ones: what it names is found for as long as what is
    /// sealed opens.
    pub fn tagger(&self) -> Tagger {
        Tagger::new(Arc::clone(&self.keys))
    }

    /// Seals `plain` for `purpose` in `context` (for example, the key of the record it belongs to).
    ///
    /// Should encryption ever fail (it cannot for messages under 64 GiB), the answer is empty, and
    /// what is empty does not open: the failure is closed, and nothing unsealed leaves.
    pub fn seal(&self, purpose: &str, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let active = self.keys.active();
        let (salt, nonce) = (self.entropy.bytes::<SALT_LEN>(), self.entropy.bytes::<NONCE_LEN>());
        let mut header = Vec::with_capacity(HEADER_LEN);
        header.push(VERSION);
        header.extend_from_slice(&active.id());
        header.extend_from_slice(&salt);
        header.extend_from_slice(&nonce);

        let mut text = plain.to_vec();
        let bound = bound(purpose, context);
        let sealed = message_key(active.secret(), &salt, &bound).and_then(|key| {
            let aad = Aad::from([header.as_slice(), bound.as_slice()].concat());
            let nonce = Nonce::assume_unique_for_key(nonce);
            key.seal_in_place_append_tag(nonce, aad, &mut text).ok()
        });
        if sealed.is_none() {
            return Vec::new();
        }
        header.append(&mut text);
        header
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and context; `None` for anything
    /// else. There is one kind of failure only, so that nobody can learn from the difference.
    pub fn open(&self, purpose: &str, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (header, text) = sealed.split_at_checked(HEADER_LEN)?;
        let (&[version], rest) = header.split_first_chunk::<1>()?;
        let (id, rest) = rest.split_first_chunk::<KEY_ID_LEN>()?;
        let (salt, nonce) = rest.split_first_chunk::<SALT_LEN>()?;
        if version != VERSION {
            return None;
        }
        let accepted = self.keys.accepted(id)?;
        let bound = bound(purpose, context);
        let key = message_key(accepted.secret(), salt, &bound)?;
        let aad = Aad::from([header, bound.as_slice()].concat());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = key.open_in_place(nonce, aad, &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// Goes up when the layout changes; an old value then fails to open instead of being misread.
const VERSION: u8 = 1;
const SALT_LEN: usize = 16;
const HEADER_LEN: usize = 1 + KEY_ID_LEN + SALT_LEN + NONCE_LEN;

/// What a value is bound to, unambiguously: the purpose with its length, then the context.
fn bound(purpose: &str, context: &[u8]) -> Vec<u8> {
    let length = u64::try_from(purpose.len()).unwrap_or(u64::MAX).to_be_bytes();
    [b"portcullis seal".as_slice(), &length, purpose.as_bytes(), context].concat()
}

fn message_key(master: &Secret<[u8; 32]>, salt: &[u8], bound: &[u8]) -> Option<LessSafeKey> {
    let derived = Salt::new(HKDF_SHA256, salt).extract(master.expose());
    let info = [bound];
    let key = UnboundKey::from(derived.expand(&info, &AES_256_GCM).ok()?);
    Some(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests;
