//! Hashes of passwords: argon2id is made, bcrypt is read too.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::base::{Entropy, Secret};

/// A password's hash. Cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    /// PHC string format, version 0x13.
    Argon2id { memory: u32, passes: u32, lanes: u32, salt: Vec<u8>, tag: Vec<u8> },
    /// As `htpasswd -B` writes it.
    Bcrypt(String),
}

/// Why a text is no hash that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashFault {
    /// One login would cost more than the machine should spend.
    #[error("it costs too much to check: at most 256 MiB and 10 passes, or a bcrypt cost of 15")]
    Costly,
    /// Not argon2id or bcrypt.
    #[error("only argon2id and bcrypt hashes are taken; `portcullis users passwd` makes one")]
    Unknown,
    /// Hashing did not work.
    #[error("the password cannot be hashed")]
    Failed,
}

/// In KiB. With [`PASSES`], what OWASP asks for at least; about 30 ms.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const MOST_MEMORY: u32 = 256 << 10;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 16;
const MOST_BCRYPT: u32 = 15;
const SALT: usize = 16;
const TAG: usize = 32;

impl PasswordHash {
    /// Hashes a password. Takes the processor for a while: never on the runtime's own threads.
    ///
    /// # Errors
    /// [`HashFault::Failed`] when there is no memory for it.
    pub fn make(password: &Secret<String>, entropy: &dyn Entropy) -> Result<Self, HashFault> {
        let salt = entropy.bytes::<SALT>().to_vec();
        let tag = argon2id(password, &salt, (MEMORY, PASSES, LANES), TAG)?;
        Ok(Self(Kind::Argon2id { memory: MEMORY, passes: PASSES, lanes: LANES, salt, tag }))
    }

    /// One that costs next to nothing.
    #[cfg(test)]
    pub(super) fn make_cheap(password: &str) -> Self {
        let (memory, passes, lanes, salt) = (64, 1, 1, vec![7; SALT]);
        let password = Secret::from(password);
        let tag = argon2id(&password, &salt, (memory, passes, lanes), TAG).unwrap();
        Self(Kind::Argon2id { memory, passes, lanes, salt, tag })
    }

    /// A hash that no password has, as costly as a new one.
    pub fn of_nobody() -> Self {
        let (salt, tag) = (vec![0; SALT], vec![0; TAG]);
        Self(Kind::Argon2id { memory: MEMORY, passes: PASSES, lanes: LANES, salt, tag })
    }

    /// Reads a hash.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        if let Some(rest) = text.strip_prefix("$argon2id$v=19$") {
            return phc(rest).ok_or(HashFault::Unknown)?.within_reason();
        }
        let prefix = ["$2y$", "$2b$", "$2a$"].iter().find_map(|it| text.strip_prefix(it));
        let (cost, rest) = prefix.and_then(|it| it.split_once('$')).ok_or(HashFault::Unknown)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
        if cost.len() != 2 || rest.len() != 53 || !rest.bytes().all(plain) {
            return Err(HashFault::Unknown);
        }
        match cost.parse::<u32>() {
            Ok(4..=MOST_BCRYPT) => Ok(Self(Kind::Bcrypt(text.to_owned()))),
            Ok(_) => Err(HashFault::Costly),
            Err(_) => Err(HashFault::Unknown),
        }
    }

    /// Whether it is the password's. Takes the processor for a while; compares in constant time.
    pub fn is_of(&self, password: &Secret<String>) -> bool {
        match &self.0 {
            Kind::Argon2id { memory, passes, lanes, salt, tag } => {
                argon2id(password, salt, (*memory, *passes, *lanes), tag.len())
                    .is_ok_and(|made| verify_slices_are_equal(&made, tag).is_ok())
            }
            Kind::Bcrypt(text) => bcrypt::verify(password.expose(), text).unwrap_or(false),
        }
    }

    /// What one check costs, in steps that only compare with those of the same algorithm.
    pub fn cost(&self) -> u64 {
        match &self.0 {
            Kind::Argon2id { memory, passes, .. } => u64::from(*memory) * u64::from(*passes),
            Kind::Bcrypt(text) => {
                let cost = text.split('$').nth(2).and_then(|it| it.parse().ok());
                1_u64 << cost.unwrap_or(0).min(MOST_BCRYPT)
            }
        }
    }

    /// Whether a check of either takes the same time.
    pub fn costs_like(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (
                Kind::Argon2id { memory, passes, lanes, tag, .. },
                Kind::Argon2id {
                    memory: memory2, passes: passes2, lanes: lanes2, tag: tag2, ..
                },
            ) => (memory, passes, lanes, tag.len()) == (memory2, passes2, lanes2, tag2.len()),
            (Kind::Bcrypt(_), Kind::Bcrypt(_)) => self.cost() == other.cost(),
            (Kind::Argon2id { .. }, Kind::Bcrypt(_)) | (Kind::Bcrypt(_), Kind::Argon2id { .. }) => {
                false
            }
        }
    }

    /// Whether a new one would be better.
    pub fn is_old(&self) -> bool {
        match &self.0 {
            Kind::Argon2id { memory, passes, .. } => *memory < MEMORY || *passes < PASSES,
            Kind::Bcrypt(_) => true,
        }
    }

    /// The text to keep.
    pub fn to_text(&self) -> String {
        match &self.0 {
            Kind::Argon2id { memory, passes, lanes, salt, tag } => {
                let (salt, tag) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(tag));
                format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${tag}")
            }
            Kind::Bcrypt(text) => text.clone(),
        }
    }

    /// A hash in a file must not be able to stop the machine.
    fn within_reason(self) -> Result<Self, HashFault> {
        match &self.0 {
            Kind::Argon2id { memory, passes, lanes, .. }
                if *memory > MOST_MEMORY || *passes > MOST_PASSES || *lanes > MOST_LANES =>
            {
                Err(HashFault::Costly)
            }
            _ => Ok(self),
        }
    }
}

fn argon2id(
    password: &Secret<String>,
    salt: &[u8],
    (memory, passes, lanes): (u32, u32, u32),
    length: usize,
) -> Result<Vec<u8>, HashFault> {
    let params = Params::new(memory, passes, lanes, Some(length)).map_err(|_| HashFault::Failed)?;
    let mut tag = vec![0; length];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.expose().as_bytes(), salt, &mut tag)
        .map_err(|_| HashFault::Failed)?;
    Ok(tag)
}

/// `m=…,t=…,p=…$salt$tag`.
fn phc(text: &str) -> Option<PasswordHash> {
    let mut parts = text.split('$');
    let (costs, salt, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    let salt = STANDARD_NO_PAD.decode(salt).ok()?;
    let tag = STANDARD_NO_PAD.decode(tag).ok()?;
    let good = parts.next().is_none()
        && (8..=64).contains(&salt.len())
        && (16..=64).contains(&tag.len())
        && memory >= lanes.saturating_mul(8)
        && passes > 0
        && lanes > 0;
    good.then_some(PasswordHash(Kind::Argon2id { memory, passes, lanes, salt, tag }))
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests;
