//! What a key looks like: `pck_<id>_<secret><checksum>`.
//!
//! The prefix and the checksum are for secret scanners: they find a key in a repository or a log, and can
//! tell it from something that only looks like one without asking us.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::base::{Entropy, Secret};

/// How every key begins.
pub const PREFIX: &str = "pck_";

/// A key's public name: in lists, in the audit log and in the identity token. It opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId([u8; ID]);

/// SHA-256 of a whole key: all that is kept of its secret.
///
/// A slow hash such as argon2 makes guessing costly where people choose the secret. Nobody guesses 256
/// random bits, however fast the hash is, and a slow one would cost every request many milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Digest(pub(super) [u8; 32]);

/// A key as a client sent it: of the right form, and nothing else is known of it.
pub(super) struct Presented {
    pub(super) id: ApiKeyId,
    pub(super) digest: Digest,
}

const ID: usize = 12;
/// 43 characters of 62 are a little more than 256 bits.
const SECRET: usize = 43;
const CHECKSUM: usize = 6;
/// Where the checksum begins.
const BODY: usize = PREFIX.len() + ID + 1 + SECRET;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new key, and its name. The text is shown once and kept nowhere.
pub(super) fn make(entropy: &dyn Entropy) -> (ApiKeyId, Secret<String>) {
    let id = ApiKeyId(random::<ID>(entropy));
    let secret = Secret::new(random::<SECRET>(entropy));
    // Long enough from the start: growing would leave a copy behind.
    let mut text = String::with_capacity(BODY + CHECKSUM);
    text.push_str(PREFIX);
    text.push_str(id.as_str());
    text.push('_');
    text.extend(secret.expose().iter().copied().map(char::from));
    let checksum = checksum(text.as_bytes());
    text.extend(checksum.into_iter().map(char::from));
    (id, Secret::new(text))
}

impl Presented {
    /// Reads a key; `None` for what is none, a mistyped one included. Looks at no more bytes than a key
    /// has.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != BODY + CHECKSUM {
            return None;
        }
        let rest = text.strip_prefix(PREFIX.as_bytes())?;
        let (id, rest) = rest.split_first_chunk::<ID>()?;
        let secret = rest.strip_prefix(b"_")?;
        let plain = |part: &[u8]| part.iter().all(u8::is_ascii_alphanumeric);
        let (body, sum) = text.split_at_checked(BODY)?;
        if !plain(id) || !plain(secret) || checksum(body) != sum {
            return None;
        }
        Some(Self { id: ApiKeyId(*id), digest: Digest::of(text) })
    }
}

impl Digest {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text).as_ref());
        Self(bytes)
    }

    /// In constant time.
    pub(super) fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl ApiKeyId {
    /// The name as text: twelve letters and digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; ID] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// A number that spreads names evenly.
    pub(super) fn spread(self) -> usize {
        let spread = |sum: usize, byte: u8| sum.wrapping_mul(31).wrapping_add(usize::from(byte));
        self.0.into_iter().fold(0, spread)
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `N` random digits of base 62, each as likely as any other.
fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut out = [b'0'; N];
    let mut places = out.iter_mut();
    let mut place = places.next();
    while let Some(empty) = place {
        let [byte] = entropy.bytes::<1>();
        // The largest multiple of 62 in a byte: above it, the first digits would come more often.
        let digit = (byte < 248).then(|| DIGITS.get(usize::from(byte % 62))).flatten();
        place = match digit {
            Some(digit) => {
                *empty = *digit;
                places.next()
            }
            None => Some(empty),
        };
    }
    out
}

/// CRC-32 (as in zip) in base 62, the highest digit first.
fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = crc32fast::hash(body);
    let mut out = [b'0'; CHECKSUM];
    for place in out.iter_mut().rev() {
        let digit = usize::try_from(sum % 62).unwrap_or_default();
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        sum /= 62;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;
    use crate::base::{SeededEntropy, SystemEntropy};

    #[test]
    fn a_key_reads_back_and_is_of_its_form() {
        let (id, text) = make(&SystemEntropy);
        let read = Presented::parse(text.expose().as_bytes()).unwrap();
        assert_eq!((read.id, text.expose().len()), (id, 66));
        assert!(read.digest.is(&Digest::of(text.expose().as_bytes())));
        assert!(text.expose().starts_with(&format!("pck_{id}_")));
        assert_ne!(make(&SystemEntropy).1.expose(), text.expose());
        assert_eq!(ApiKeyId::parse(id.as_str()), Some(id));
        assert_eq!(ApiKeyId::parse("short"), None);
    }

    #[test]
    fn the_checksum_is_the_one_that_the_manual_describes() {
        // python3: zlib.crc32(b"pck_0123456789AB_" + b"a" * 43) in base 62
        let body = format!("pck_0123456789AB_{}", "a".repeat(43));
        let sum = checksum(body.as_bytes());
        let number = sum.iter().fold(0_u64, |sum, digit| {
            sum * 62 + u64::try_from(DIGITS.iter().position(|it| it == digit).unwrap()).unwrap()
        });
        assert_eq!(number, u64::from(crc32fast::hash(body.as_bytes())));
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926, "the check value of CRC-32");
    }

    #[test]
    fn every_digit_is_as_likely_as_any_other() {
        let entropy = SeededEntropy::new(3);
        let mut counts = [0_u32; 62];
        for digit in (0..2_000).flat_map(|_| random::<SECRET>(&entropy)) {
            counts[DIGITS.iter().position(|it| *it == digit).unwrap()] += 1;
        }
        let mean = 2_000 * 43 / 62;
        assert!(counts.iter().all(|count| count.abs_diff(mean) < mean / 7), "{counts:?}");
    }

    #[test]
    fn what_is_mistyped_or_odd_is_none() {
        let text = make(&SeededEntropy::new(1)).1.expose().clone();
        let swapped = |from: usize, to: &str| {
            let mut other = text.clone();
            other.replace_range(from..=from, to);
            other
        };
        for odd in [
            String::new(),
            "pck_".to_owned(),
            text.to_uppercase(),
            text.replacen("pck_", "pcl_", 1),
            swapped(20, if text.as_bytes()[20] == b'x' { "y" } else { "x" }),
            swapped(65, if text.as_bytes()[65] == b'x' { "y" } else { "x" }),
            swapped(16, "-"),
            swapped(20, "-"),
            format!("{text} "),
            format!(" {text}"),
            text.get(..65).unwrap().to_owned(),
            "é".repeat(33),
        ] {
            assert!(Presented::parse(odd.as_bytes()).is_none(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_keys_reads_as_one(text in "(pck_)?[0-9A-Za-z_]{0,66}", at in 0_usize..66, to in any::<u8>()) {
            if let Some(read) = Presented::parse(text.as_bytes()) {
                let begins = format!("pck_{}_", read.id);
                prop_assert!(text.starts_with(&begins));
            }
            let (_, key) = make(&SystemEntropy);
            let mut bytes = key.expose().clone().into_bytes();
            if bytes[at] != to {
                bytes[at] = to;
                prop_assert!(Presented::parse(&bytes).is_none(), "one wrong byte is always found");
            }
        }
    }
}
