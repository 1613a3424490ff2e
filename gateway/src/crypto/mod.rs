//! Bytes in, bytes out: sealing, keys, signatures.

mod algorithm;
mod ed25519;
mod jwk;
mod jws;
pub mod keyfile;
mod numeric_date;
mod private_key;
mod seal;
mod sealing_keys;
mod signing_key;
pub mod strict_json;
mod tag;
mod verifying_key;
#[cfg(test)]
mod wycheproof;

pub use algorithm::{Algorithm, VerifyAlgorithm};
pub use ed25519::{ed25519_pair, ed25519_private, ed25519_public, urlsafe_base64};
pub use jwk::{JwkSet, PublicJwk};
pub use jws::{Begun, Encoder, JwsFault, Unverified, Verified};
pub use numeric_date::numeric_date;
pub use private_key::{PrivateKeyFault, private_key};
pub use seal::Sealer;
pub use sealing_keys::{SealingKeys, SealingKeysFault};
pub use signing_key::{SignFault, Signed, SigningKey};
pub use tag::{TAG_LEN, Tagger};
pub use verifying_key::{KeyFault, KeySet, VerifyingKey};
