//! Tags: proof that a text was seen by us before, and in which context; and names for what nobody else
//! shall recognise.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::{constant_time, hmac};

use crate::crypto::sealing_keys::{SealingKey, SealingKeys};

/// Tags texts with the active key and accepts tags of any accepted one.
///
/// A tag is HMAC-SHA-256 over the purpose and the parts, each with its length, cut to 128 bits: nobody
/// can make one by guessing, and it is short enough to travel with what it is of.
#[derive(Clone)]
pub struct Tagger(Arc<SealingKeys>);

/// How many bytes a tag has.
pub const TAG_LEN: usize = 16;
/// How many bytes a name has: as many as keep two things from ever being called alike.
const NAME_LEN: usize = 32;

impl Tagger {
    /// A tagger that uses keys derived from those of `keys`, following their rotation.
    pub fn new(keys: Arc<SealingKeys>) -> Self {
        Self(keys)
    }

    /// The tag of these parts for a purpose; `None` if the library fails, which it cannot.
    pub fn tag(&self, purpose: &str, parts: &[&[u8]]) -> Option<[u8; TAG_LEN]> {
        tag_with(&self.0.active(), purpose, parts)
    }

    /// The name of these parts for a purpose, all 256 bits; `None` if the library fails, which it cannot.
    pub fn name(&self, purpose: &str, parts: &[&[u8]]) -> Option<[u8; NAME_LEN]> {
        mac(&self.0.active(), purpose, parts)
    }

    /// The names of these parts for a purpose: one for each key that opens, the active one's first. Looks
    /// for keys of other processes before: what they have named a moment ago is named so here too.
    pub fn names(&self, purpose: &str, parts: &[&[u8]]) -> Vec<[u8; NAME_LEN]> {
        if let Err(fault) = self.0.reload_if_changed() {
            tracing::error!(%fault, "the sealing keys cannot be looked at; the old ones stay in use");
        }
        self.0.all().iter().filter_map(|key| mac(key, purpose, parts)).collect()
    }

    /// Whether a tag is of these parts for this purpose. Compared in constant time.
    pub fn is_valid(&self, purpose: &str, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.0.all().iter().any(|key| {
            let right = tag_with(key, purpose, parts);
            right.is_some_and(|right| constant_time::verify_slices_are_equal(&right, tag).is_ok())
        })
    }
}

impl fmt::Debug for Tagger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tagger").field(&self.0).finish()
    }
}

fn tag_with(key: &SealingKey, purpose: &str, parts: &[&[u8]]) -> Option<[u8; TAG_LEN]> {
    mac(key, purpose, parts)?.first_chunk::<TAG_LEN>().copied()
}

fn mac(key: &SealingKey, purpose: &str, parts: &[&[u8]]) -> Option<[u8; NAME_LEN]> {
    // Another key than any that seals: what is learnt of the one says nothing of the other.
    let derived = Salt::new(HKDF_SHA256, b"portcullis tag").extract(key.secret().expose());
    let info = [purpose.as_bytes()];
    let key = hmac::Key::from(derived.expand(&info, hmac::HMAC_SHA256).ok()?);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        context.update(&length.to_be_bytes());
        context.update(part);
    }
    context.sign().as_ref().first_chunk::<NAME_LEN>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SeededEntropy;

    #[test]
    fn a_tag_is_of_its_parts_and_purpose_only() {
        let entropy = SeededEntropy::new(4);
        let keys = Arc::new(SealingKeys::in_memory(&entropy));
        let tagger = Tagger::new(Arc::clone(&keys));
        let parts: [&[u8]; 3] = [b"session", b"name", b"value"];
        let tag = tagger.tag("cookie", &parts).unwrap();
        assert!(tagger.is_valid("cookie", &parts, &tag));
        for (purpose, other) in [
            ("other", parts),
            ("cookie", [b"session", b"namev", b"alue"]),
            ("cookie", [b"", b"sessionname", b"value"]),
            ("cookie", [b"another", b"name", b"value"]),
        ] {
            assert!(!tagger.is_valid(purpose, &other, &tag));
        }
        assert!(!tagger.is_valid("cookie", &parts, &tag[..15]));
        assert!(!tagger.is_valid("cookie", &parts, b""));
        keys.rotate(&entropy).unwrap();
        assert!(tagger.is_valid("cookie", &parts, &tag), "an accepted key goes on");
        assert_ne!(tagger.tag("cookie", &parts).unwrap(), tag);
        let stranger = Tagger::new(Arc::new(SealingKeys::in_memory(&entropy)));
        assert!(!stranger.is_valid("cookie", &parts, &tag));
    }

    #[test]
    fn a_name_is_found_again_for_as_long_as_its_key_opens() {
        let entropy = SeededEntropy::new(4);
        let keys = Arc::new(SealingKeys::in_memory(&entropy));
        let tagger = Tagger::new(Arc::clone(&keys));
        let parts: [&[u8]; 2] = [b"https://idp.test", b"ann"];
        let name = tagger.name("person", &parts).unwrap();
        assert_eq!(tagger.names("person", &parts), [name]);
        assert_ne!(tagger.name("session", &parts).unwrap(), name, "another purpose");
        keys.rotate(&entropy).unwrap();
        let names = tagger.names("person", &parts);
        assert_eq!((names.len(), names[0]), (2, tagger.name("person", &parts).unwrap()));
        assert!(names[0] != name && names[1] == name);
        for _ in 0..8 {
            keys.rotate(&entropy).unwrap();
        }
        assert!(!tagger.names("person", &parts).contains(&name), "nor does its record open");
    }
}
