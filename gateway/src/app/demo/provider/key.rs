//! The provider's signing key: made at start, gone at the end.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use openidconnect::core::{CoreJsonCurveType, CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey, SigningError};

/// An ES256 key.
#[derive(Debug)]
pub(super) struct DemoKey {
    pair: EcdsaKeyPair,
    kid: String,
}

impl DemoKey {
    /// A new key. `None` when the machine cannot make one.
    pub(super) fn generate(kid: String) -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        Some(Self { pair, kid })
    }
}

impl PrivateSigningKey for DemoKey {
    type VerificationKey = CoreJsonWebKey;

    fn sign(
        &self,
        algorithm: &CoreJwsSigningAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, SigningError> {
        if *algorithm != CoreJwsSigningAlgorithm::EcdsaP256Sha256 {
            return Err(SigningError::UnsupportedAlg("this key signs with ES256".to_owned()));
        }
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature.map(|bytes| bytes.as_ref().to_vec()).map_err(|_| SigningError::CryptoError)
    }

    fn as_verification_key(&self) -> CoreJsonWebKey {
        // Uncompressed: 4, then x and y of 32 bytes each.
        let point = self.pair.public_key().as_ref();
        let x = point.get(1..33).unwrap_or_default().to_vec();
        let y = point.get(33..65).unwrap_or_default().to_vec();
        let kid = JsonWebKeyId::new(self.kid.clone());
        CoreJsonWebKey::new_ec(x, y, CoreJsonCurveType::P256, Some(kid))
    }
}
