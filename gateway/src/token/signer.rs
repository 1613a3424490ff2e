//! Who signs a token: the rotating key pairs, or a secret shared with one application.

use std::fmt;

use crate::base::{KeyId, Secret};
use crate::crypto::{Algorithm, Encoder, SignFault, SigningKey};

/// The `typ` of every token of ours.
pub(super) const TYP: &str = "JWT";

/// Something that signs claims. Asked again for every token, so that a rotation is one swap.
pub trait Signer: Send + Sync + fmt::Debug {
    /// The key that signs now.
    fn key_id(&self) -> KeyId;

    /// What it signs with.
    fn algorithm(&self) -> Algorithm;

    /// The compact token for a serialised JSON object of claims.
    ///
    /// # Errors
    /// When the library cannot sign; then nothing may be forwarded.
    fn sign(&self, claims: &[u8]) -> Result<String, SignFault>;
}

/// HS256 with a secret that one application knows. Not published, not rotated by us.
#[derive(Debug)]
pub struct SharedSecret(Encoder);

impl SharedSecret {
    /// Takes the secret.
    ///
    /// # Errors
    /// When it is shorter than 32 bytes.
    pub fn new(secret: &Secret<Vec<u8>>) -> Result<Self, SignFault> {
        Ok(Self(Encoder::new(SigningKey::from_secret(secret)?, TYP)))
    }
}

impl Signer for SharedSecret {
    fn key_id(&self) -> KeyId {
        self.0.key().id().clone()
    }

    fn algorithm(&self) -> Algorithm {
        self.0.key().algorithm()
    }

    fn sign(&self, claims: &[u8]) -> Result<String, SignFault> {
        self.0.encode(claims)
    }
}
