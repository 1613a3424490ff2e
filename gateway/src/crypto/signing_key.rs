//! Our private keys: parsed once, then only asked to sign.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::{KeyId, Secret};
use crate::crypto::algorithm::Algorithm;
use crate::crypto::jwk::PublicJwk;

/// RFC 7518 section 3.2: a key shorter than the hash weakens it.
const MIN_SECRET_BYTES: usize = 32;
/// RFC 8725 section 3.5.
const MIN_RSA_BYTES: usize = 256;

/// A key that signs. Cannot be printed; its private part leaves through [`SigningKey::generate`] only.
pub struct SigningKey {
    id: KeyId,
    pair: Pair,
    public: Option<PublicJwk>,
}

/// Why a key cannot be made, loaded or used.
#[derive(Debug, thiserror::Error)]
pub enum SignFault {
    /// The library could not make a key.
    #[error("cannot generate an {algorithm} key; try again, or choose another algorithm")]
    Generate {
        /// Of which kind.
        algorithm: Algorithm,
    },
    /// The bytes are no such key.
    #[error("not a PKCS#8 {algorithm} key; restore the key file or generate a new key")]
    Load {
        /// Of which kind.
        algorithm: Algorithm,
    },
    /// A shared secret that can be guessed.
    #[error("a shared secret of {bytes} bytes is too short; give at least {MIN_SECRET_BYTES}")]
    ShortSecret {
        /// How long it is.
        bytes: usize,
    },
    /// The library could not sign.
    #[error("cannot sign with {algorithm}; nothing is forwarded without a token")]
    Sign {
        /// With what.
        algorithm: Algorithm,
    },
    /// A shared secret is given by the operator, never generated or loaded as a key pair.
    #[error("HS256 has no key pair; configure a shared secret, or choose EdDSA")]
    Symmetric,
}

enum Pair {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Hs256(Box<hmac::Key>),
    Rs256(RsaKeyPair),
}

/// A signature's bytes; on the heap only where they are many.
pub struct Signed(Bytes);

enum Bytes {
    Long(Vec<u8>),
    Short([u8; SHORT], usize),
}

/// Of Ed25519 and P-256; an HMAC-SHA256 has half of it.
const SHORT: usize = 64;

impl SigningKey {
    /// A new key pair and its PKCS#8 form. The library takes its randomness from the system itself.
    ///
    /// # Errors
    /// For HS256, and when the library fails.
    pub fn generate(algorithm: Algorithm) -> Result<(Self, Secret<Vec<u8>>), SignFault> {
        let fault = |_| SignFault::Generate { algorithm };
        let pkcs8 = match algorithm {
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().map_err(fault)?;
                // Version 1: version 2 is refused by other readers of the same file.
                pair.to_pkcs8v1().map_err(fault)?.as_ref().to_vec()
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                pair.and_then(|pair| pair.to_pkcs8v1()).map_err(fault)?.as_ref().to_vec()
            }
            Algorithm::Hs256 => return Err(SignFault::Symmetric),
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(fault)?;
                pair.as_der().map_err(fault)?.as_ref().to_vec()
            }
        };
        let pkcs8 = Secret::new(pkcs8);
        Ok((Self::from_pkcs8(algorithm, pkcs8.expose())?, pkcs8))
    }

    /// The key pair in a PKCS#8 document.
    ///
    /// # Errors
    /// When the document is not a strong enough key of that kind.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, SignFault> {
        let fault = |_| SignFault::Load { algorithm };
        let (pair, public) = match algorithm {
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(fault)?;
                let public = PublicJwk::ed25519(pair.public_key().as_ref());
                (Pair::EdDsa(pair), public)
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(fault)?;
                let public = PublicJwk::p256(pair.public_key().as_ref())
                    .ok_or(SignFault::Load { algorithm })?;
                (Pair::Es256(pair), public)
            }
            Algorithm::Hs256 => return Err(SignFault::Symmetric),
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(fault)?;
                if pair.public_modulus_len() < MIN_RSA_BYTES {
                    return Err(SignFault::Load { algorithm });
                }
                let parts = pair.public_key();
                let public = PublicJwk::rsa(
                    parts.modulus().big_endian_without_leading_zero(),
                    parts.exponent().big_endian_without_leading_zero(),
                );
                (Pair::Rs256(pair), public)
            }
        };
        Ok(Self { id: public.id().clone(), pair, public: Some(public) })
    }

    /// A shared secret for HS256. It has no public part.
    ///
    /// # Errors
    /// When the secret is shorter than the hash.
    pub fn from_secret(secret: &Secret<Vec<u8>>) -> Result<Self, SignFault> {
        let bytes = secret.expose().len();
        if bytes < MIN_SECRET_BYTES {
            return Err(SignFault::ShortSecret { bytes });
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        // Says no more of the secret than any token signed with it.
        let tag = hmac::sign(&key, b"portcullis key id");
        let id = URL_SAFE_NO_PAD.encode(tag.as_ref());
        Ok(Self { id: KeyId::from(id.as_str()), pair: Pair::Hs256(Box::new(key)), public: None })
    }

    /// The key's id (`kid`): the RFC 7638 thumbprint of a key pair.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Es256(_) => Algorithm::Es256,
            Pair::Hs256(_) => Algorithm::Hs256,
            Pair::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// The public part; `None` for a shared secret, which must never be published.
    pub fn public_jwk(&self) -> Option<&PublicJwk> {
        self.public.as_ref()
    }

    /// Signs. See [`Algorithm::is_costly`] for what must not run on a worker thread.
    ///
    /// # Errors
    /// When the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Signed, SignFault> {
        let fault = |_| SignFault::Sign { algorithm: self.algorithm() };
        match &self.pair {
            Pair::EdDsa(pair) => {
                pair.try_sign(message).map(|signed| Signed::of(signed.as_ref())).map_err(fault)
            }
            Pair::Es256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signed| Signed::of(signed.as_ref()))
                .map_err(fault),
            Pair::Hs256(key) => Ok(Signed::of(hmac::sign(key, message).as_ref())),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(fault)?;
                Ok(Signed(Bytes::Long(signature)))
            }
        }
    }
}

impl Signed {
    /// Copied, since the library's own type has room for the longest signature that there is.
    fn of(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..bytes.len()) {
            Some(place) => place.copy_from_slice(bytes),
            None => return Self(Bytes::Long(bytes.to_vec())),
        }
        Self(Bytes::Short(short, bytes.len()))
    }
}

impl AsRef<[u8]> for Signed {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Long(bytes) => bytes,
            Bytes::Short(bytes, length) => bytes.get(..*length).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaded_key_is_the_generated_one_and_no_other_kind() {
        let kinds = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
        for algorithm in kinds {
            let (key, pkcs8) = SigningKey::generate(algorithm).unwrap();
            let again = SigningKey::from_pkcs8(algorithm, pkcs8.expose()).unwrap();
            assert_eq!(key.id(), again.id());
            assert_eq!(key.algorithm(), algorithm);
            for other in kinds.into_iter().filter(|other| *other != algorithm) {
                assert!(SigningKey::from_pkcs8(other, pkcs8.expose()).is_err());
            }
        }
    }

    #[test]
    fn a_short_secret_is_refused_and_a_long_one_is_never_published() {
        let short = Secret::new(vec![7; 31]);
        assert!(matches!(
            SigningKey::from_secret(&short),
            Err(SignFault::ShortSecret { bytes: 31 })
        ));
        let key = SigningKey::from_secret(&Secret::new(vec![7; 32])).unwrap();
        assert!(key.public_jwk().is_none());
        assert!(SigningKey::generate(Algorithm::Hs256).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let key = SigningKey::from_secret(&Secret::new(vec![7; 32])).unwrap();
        assert!(!format!("{key:?}").contains("pair"), "{key:?}");
    }
}
