//! Ed25519 keys as people pass them round: PEM files, or one line of text.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::json;

use crate::base::{KeyId, Secret};
use crate::crypto::algorithm::Algorithm;
use crate::crypto::jwk::PublicJwk;
use crate::crypto::signing_key::{SignFault, SigningKey};
use crate::crypto::verifying_key::{KeyFault, VerifyingKey};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD_TEXT: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING);
const URL_SAFE_TEXT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, ANY_PADDING);

/// What stands before the 32 bytes of a `SubjectPublicKeyInfo` (RFC 8410 section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// base64url with or without padding: what Python's `urlsafe_b64encode` writes. `None` for any other
/// text; a text with spare bits set is another text.
pub fn urlsafe_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_TEXT.decode(text).ok()
}

/// A public key in any of its usual spellings: a PEM file's text, its one line, or the 32 bytes in
/// base64 of either alphabet. Its id is its thumbprint (RFC 7638).
///
/// # Errors
/// When the text is no such key, or the key is weak.
pub fn ed25519_public(text: &str) -> Result<(KeyId, VerifyingKey), KeyFault> {
    let line = armoured(text);
    let bytes = STANDARD_TEXT.decode(&line).or_else(|_| URL_SAFE_TEXT.decode(&line));
    let bytes = bytes.map_err(|_| KeyFault::Malformed)?;
    let raw = bytes.strip_prefix(&SPKI).unwrap_or(&bytes);
    if raw.len() != 32 {
        return Err(KeyFault::Malformed);
    }
    let id = PublicJwk::ed25519(raw).id().clone();
    let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(raw);
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded, "kid": id.as_str() });
    Ok((id, VerifyingKey::admit(jwk.to_string().as_bytes())?))
}

/// The private key in a PEM file (PKCS#8, RFC 8410 section 7).
///
/// # Errors
/// When the text is no such key.
pub fn ed25519_private(pem: &Secret<Vec<u8>>) -> Result<SigningKey, SignFault> {
    let fault = SignFault::Load { algorithm: Algorithm::EdDsa };
    let Ok(text) = std::str::from_utf8(pem.expose()) else { return Err(fault) };
    let line = Secret::new(armoured(text));
    let Ok(bytes) = STANDARD_TEXT.decode(line.expose()) else { return Err(fault) };
    SigningKey::from_pkcs8(Algorithm::EdDsa, Secret::new(bytes).expose())
}

/// A new key pair as two PEM texts, private and public, with the key's id.
///
/// # Errors
/// When the library fails.
pub fn ed25519_pair() -> Result<(Secret<String>, String, KeyId), SignFault> {
    let (key, pkcs8) = SigningKey::generate(Algorithm::EdDsa)?;
    let fault = SignFault::Generate { algorithm: Algorithm::EdDsa };
    let public = key.public_jwk().and_then(PublicJwk::ed25519_bytes).ok_or(fault)?;
    let private = Secret::new(pem("PRIVATE KEY", pkcs8.expose()));
    Ok((private, pem("PUBLIC KEY", &[&SPKI, public.as_slice()].concat()), key.id().clone()))
}

/// Both kinds fit into one line of 64 characters (RFC 7468 section 2).
fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD_TEXT.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn armoured(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::VerifyAlgorithm;

    #[test]
    fn a_pair_finds_itself_again_in_every_spelling() {
        let (private, public, id) = ed25519_pair().unwrap();
        let private = Secret::new(private.expose().clone().into_bytes());
        let signature = ed25519_private(&private).unwrap().sign(b"it").unwrap();
        let line = public.lines().nth(1).unwrap();
        let raw = &STANDARD_TEXT.decode(line).unwrap()[12..];
        for text in [
            public.as_str(),
            line,
            &STANDARD_TEXT.encode(raw),
            &URL_SAFE_TEXT.encode(raw),
            URL_SAFE_TEXT.encode(raw).trim_end_matches('='),
        ] {
            let (found, key) = ed25519_public(text).unwrap();
            assert_eq!(found, id, "{text}");
            assert!(key.verifies(VerifyAlgorithm::EdDsa, b"it", signature.as_ref()));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        // Zero is a point of small order: a signature of it verifies for almost any message.
        let zero = STANDARD_TEXT.encode([0; 32]);
        assert!(matches!(ed25519_public(&zero), Err(KeyFault::Weak)));
        for text in ["", "AAAA", "not a key", &STANDARD_TEXT.encode([1; 33])] {
            assert!(ed25519_public(text).is_err(), "{text}");
        }
        let (_, public, _) = ed25519_pair().unwrap();
        assert!(ed25519_private(&Secret::new(public.into_bytes())).is_err());
    }

    #[test]
    fn base64_has_one_spelling_but_for_its_padding() {
        assert_eq!(urlsafe_base64("_-8="), Some(vec![0xff, 0xef]));
        assert_eq!(urlsafe_base64("_-8"), Some(vec![0xff, 0xef]));
        for text in ["/+8=", "_-9=", "_-8==", "_-8 ", "_-8=\n"] {
            assert_eq!(urlsafe_base64(text), None, "{text}");
        }
    }
}
