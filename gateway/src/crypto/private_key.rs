//! A private key as an operator keeps it: a PEM file, of whichever kind.

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::base::Secret;
use crate::crypto::algorithm::Algorithm;
use crate::crypto::signing_key::SigningKey;

/// Why a text is no private key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyFault {
    /// Not PEM, or not of the kind `PRIVATE KEY`.
    #[error("this is no PEM file with a `PRIVATE KEY`")]
    NotPkcs8,
    /// Another kind of key, or too weak.
    #[error("the key is neither RSA of at least 2048 bits, nor P-256, nor Ed25519")]
    Kind,
}

/// The key in a PEM text (PKCS#8, RFC 5958); its kind says what it signs with.
///
/// # Errors
/// When the text is no such key.
pub fn private_key(pem: &Secret<String>) -> Result<SigningKey, PrivateKeyFault> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose().as_bytes())
        .map_err(|_| PrivateKeyFault::NotPkcs8)?;
    let kinds = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
    let key = |algorithm| SigningKey::from_pkcs8(algorithm, der.secret_pkcs8_der()).ok();
    kinds.into_iter().find_map(key).ok_or(PrivateKeyFault::Kind)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_kind_of_a_key_says_what_it_signs_with() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            let (key, der) = SigningKey::generate(algorithm).unwrap();
            let text = |label: &str| {
                let body = STANDARD.encode(der.expose());
                Secret::new(format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"))
            };
            let read = private_key(&text("PRIVATE KEY")).unwrap();
            assert_eq!((read.id(), read.algorithm()), (key.id(), algorithm));
            let other = private_key(&text("CERTIFICATE")).unwrap_err();
            assert_eq!(other, PrivateKeyFault::NotPkcs8);
        }
        assert_eq!(private_key(&"hunter2".into()).unwrap_err(), PrivateKeyFault::NotPkcs8);
    }
}
