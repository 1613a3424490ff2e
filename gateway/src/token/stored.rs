//! The key file: `signing-keys.json`, version 1.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use crate::base::{Secret, Timestamp};
use crate::crypto::{Algorithm, SigningKey};
use crate::token::ring::{Ring, RingKey};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    active: Entry,
    next: Option<Entry>,
    retired: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kid: String,
    algorithm: Algorithm,
    /// When it was first published, in milliseconds since the Unix epoch.
    published: Timestamp,
    /// Active: since when. Next: from when. Retired: until when it is published.
    turn: Timestamp,
    /// PKCS#8, in base64.
    private_key: String,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.private_key.zeroize();
    }
}

/// The file's text.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn encode(ring: &Ring) -> Result<Secret<Vec<u8>>, serde_json::Error> {
    let entry = |(key, turn): &(RingKey, Timestamp)| Entry {
        kid: key.key.id().as_str().to_owned(),
        algorithm: key.key.algorithm(),
        published: key.published,
        turn: *turn,
        private_key: STANDARD.encode(key.pkcs8.expose()),
    };
    let file = File {
        version: VERSION,
        active: entry(&ring.active),
        next: ring.next.as_ref().map(entry),
        retired: ring.retired.iter().map(entry).collect(),
    };
    let mut text = serde_json::to_vec_pretty(&file)?;
    text.push(b'\n');
    Ok(Secret::new(text))
}

/// The keys in the file's text, or what is wrong with it: said in our words only, since those of a
/// parser could quote a key.
pub(super) fn decode(text: &[u8]) -> Result<Ring, &'static str> {
    let file: File = serde_json::from_slice(text).map_err(|_| "not the JSON we write")?;
    if file.version != VERSION {
        return Err("another version wrote it");
    }
    Ok(Ring {
        active: key(&file.active)?,
        next: file.next.as_ref().map(key).transpose()?,
        retired: file.retired.iter().map(key).collect::<Result<_, _>>()?,
    })
}

fn key(entry: &Entry) -> Result<(RingKey, Timestamp), &'static str> {
    let pkcs8 = STANDARD.decode(&entry.private_key).map_err(|_| "a key is not base64")?;
    let pkcs8 = Secret::new(pkcs8);
    let key = SigningKey::from_pkcs8(entry.algorithm, pkcs8.expose())
        .map_err(|_| "a key is not of its algorithm")?;
    if key.id().as_str() != entry.kid {
        return Err("a key is not the one its kid names");
    }
    Ok((RingKey { key: Arc::new(key), pkcs8, published: entry.published }, entry.turn))
}
