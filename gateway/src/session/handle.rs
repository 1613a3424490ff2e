//! The secret that a browser holds, and the key under which the store knows it.

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::base::{Entropy, Secret};

/// SHA-256 of a handle. Who reads the store learns keys, and a key opens nothing.
pub type SessionKey = [u8; 32];

/// 256 random bits: the whole content of the session cookie. It says nothing of anybody.
#[derive(Clone, Debug)]
pub struct Handle(Secret<[u8; 32]>);

impl Handle {
    /// The length of a handle as text.
    pub const TEXT_LEN: usize = 43;

    /// A new handle. Handles are never derived from anything a client sent, so that nobody can
    /// plant one (session fixation).
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(entropy.bytes::<32>()))
    }

    /// Reads a cookie's value: 43 characters of unpadded base64url in their one spelling. Looks at
    /// no more bytes than that, whatever was sent.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut decoded = Zeroizing::new([0; 36]);
        // The engine refuses stray bits in the last character: one handle, one spelling.
        let length = URL_SAFE_NO_PAD.decode_slice(text, decoded.as_mut_slice()).ok()?;
        let bytes = decoded.first_chunk::<32>().filter(|bytes| bytes.len() == length)?;
        Some(Self(Secret::new(*bytes)))
    }

    /// The handle as the cookie carries it.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// The key of the store. Look-ups go by this digest, so that the time a comparison takes tells
    /// nothing of any handle.
    pub fn key(&self) -> SessionKey {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(digest(&SHA256, self.0.expose()).as_ref()) {
            *to = *from;
        }
        key
    }
}

/// A session's public name, in logs and tokens (`sid`). Made of the key by a digest, so that who
/// knows only the key can still name the session, and who knows only the name knows nothing else.
pub fn sid_of(key: &SessionKey) -> String {
    let mut context = Context::new(&SHA256);
    context.update(b"portcullis sid");
    context.update(key);
    let name = context.finish();
    URL_SAFE_NO_PAD.encode(name.as_ref().get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SeededEntropy;

    #[test]
    fn a_handle_survives_its_text() {
        let handle = Handle::random(&SeededEntropy::new(1));
        let text = handle.to_text();
        assert_eq!(text.expose().len(), Handle::TEXT_LEN);
        assert_eq!(Handle::parse(text.expose()).unwrap().key(), handle.key());
        assert_ne!(handle.key(), *handle.0.expose());
        assert_eq!(sid_of(&handle.key()).len(), 22);
        assert_ne!(sid_of(&handle.key()), sid_of(handle.0.expose()));
    }

    #[test]
    fn anything_but_the_one_spelling_is_refused() {
        let text = Handle::random(&SeededEntropy::new(1)).to_text().expose().clone();
        let other_bits = |c: char| format!("{}{c}", text.split_at(42).0);
        let spellings =
            ('A'..='Z').chain('a'..='z').filter(|c| Handle::parse(&other_bits(*c)).is_some());
        assert!(spellings.count() <= 16, "the last character has four bits only");
        for odd in [
            String::new(),
            text.split_at(42).0.to_owned(),
            format!("{text}="),
            format!("{text}A"),
            "+".repeat(43),
            format!(" {}", text.split_at(42).0),
            "é".repeat(21) + "a",
            "A".repeat(65_536),
            "-1".to_owned(),
            "4294967295".to_owned(),
        ] {
            assert!(Handle::parse(&odd).is_none(), "{odd:.60}");
        }
    }

    #[test]
    fn debug_does_not_show_a_handle() {
        let handle = Handle::random(&SeededEntropy::new(1));
        assert_eq!(format!("{handle:?}"), "Handle(Secret(…))");
    }
}
