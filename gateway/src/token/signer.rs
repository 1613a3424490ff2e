//! Who signs a token: the rotating key pairs, or a secret shared with one application.

use std::fmt;

use crate::base::{KeyId, Secret};
use crate::crypto::{Algorithm, Begun, Encoder, SignFault, SigningKey};

/// The `typ` of every token of ours.
pub(super) const TYP: &str = "JWT";

/// Something that signs claims. Asked again for every token, so that a rotation is one swap.
pub trait Signer: Send + Sync + fmt::Debug {
    /// The key that signs now.
    fn key_id(&self) -> KeyId;

    /// What it signs with.
    fn algorithm(&self) -> Algorithm;

    /// The compact token for a JSON object of claims, of which `rest` is what follows after `begun`.
    ///
    /// # Errors
    /// When the library cannot sign; then nothing may be forwarded.
    fn sign_on(&self, begun: &Begun, rest: &[u8]) -> Result<String, SignFault>;

    /// The compact token for a serialised JSON object of claims.
    ///
    /// # Errors
    /// When the library cannot sign; then nothing may be forwarded.
    fn sign(&self, claims: &[u8]) -> Result<String, SignFault> {
        self.sign_on(&Begun::default(), claims)
    }
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

    fn sign_on(&self, begun: &Begun, rest: &[u8]) -> Result<String, SignFault> {
        self.0.encode_on(begun, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::Value;

    use super::*;
    use crate::base::{Entropy, SystemClock, SystemEntropy};
    use crate::token::keyring::Keyring;
    use crate::token::ring::Rotation;

    /// What every signer promises: its tokens name its key and algorithm, and hold the claims.
    fn conforms(signer: &dyn Signer) {
        let token = signer.sign(br#"{"sub":"ann"}"#).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let read = |part: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(read(parts[0])["kid"], signer.key_id().as_str());
        assert_eq!(read(parts[0])["alg"], signer.algorithm().as_str());
        assert_eq!(read(parts[0])["typ"], TYP);
        assert_eq!(read(parts[1])["sub"], "ann");
        for begun in [r#"{"a":1"#, r#"{"a":12"#, r#"{"a":123"#] {
            let begun = Begun::new(begun.as_bytes().to_vec());
            let token = signer.sign_on(&begun, br#","sub":"bob"}"#).unwrap();
            let claims = read(token.split('.').nth(1).unwrap());
            assert!(claims["sub"] == "bob" && claims["a"].is_u64(), "{claims}");
        }
    }

    #[test]
    fn a_shared_secret_is_a_signer() {
        conforms(&SharedSecret::new(&Secret::new(vec![3; 32])).unwrap());
    }

    #[test]
    fn a_keyring_of_each_algorithm_is_a_signer() {
        let entropy: &dyn Entropy = &SystemEntropy;
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            let state = std::env::temp_dir().join(format!("signer-{}", entropy.token::<9>()));
            let hour = Duration::from_secs(3600);
            let rotation = Rotation {
                algorithm,
                rotate_after: 24 * hour,
                publish_before: hour,
                overlap: hour,
                token_lifetime: Duration::from_secs(60),
            };
            conforms(&Keyring::open(&state, rotation, &SystemClock).unwrap());
            std::fs::remove_dir_all(state).unwrap();
        }
    }
}
