//! A public key in the spellings that libraries keep it in. A verifier that lets the token choose the
//! algorithm takes any of them for a shared secret (RFC 8725 section 2.1).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// Each spelling of a key that is published as a JWK.
pub(super) fn spellings(jwk: &Value) -> Vec<Vec<u8>> {
    let part = |name: &str| {
        let text = jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
    };
    let (raw, der) = match jwk.get("kty").and_then(Value::as_str) {
        Some("OKP") => (part("x"), info(&[0x06, 3, 0x2b, 0x65, 0x70], &part("x"))),
        Some("EC") => {
            let point = [&[4][..], &part("x"), &part("y")].concat();
            let curve = [
                &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1][..],
                &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
            ];
            (point.clone(), info(&curve.concat(), &point))
        }
        Some("RSA") => {
            // A number whose first bit is set would be negative.
            let number = |name: &str| tagged(0x02, &[&[0][..], &part(name)].concat());
            let key = tagged(0x30, &[number("n"), tagged(0x02, &part("e"))].concat());
            let rsa = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0];
            (part("n"), info(&rsa, &key))
        }
        _ => return Vec::new(),
    };
    let body = STANDARD.encode(&der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    let ended = format!("{pem}\n");
    vec![ended.into_bytes(), pem.into_bytes(), der, raw, jwk.to_string().into_bytes()]
}

/// `SubjectPublicKeyInfo` (RFC 5280 section 4.1).
fn info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let key = [&[0][..], key].concat();
    tagged(0x30, &[tagged(0x30, algorithm), tagged(0x03, &key)].concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    let head = match content.len() {
        0..=127 => vec![tag, significant.last().copied().unwrap_or_default()],
        _ => {
            let count = u8::try_from(significant.len()).unwrap_or_default();
            [&[tag, 0x80 | count][..], &significant].concat()
        }
    };
    [head, content.to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

    use super::*;
    use crate::crypto::{Algorithm, SigningKey};

    #[test]
    fn the_document_is_the_one_that_libraries_write() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            let (key, pkcs8) = SigningKey::generate(algorithm).unwrap();
            let jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
            let der: PublicKeyX509Der<'_> = match algorithm {
                Algorithm::EdDsa => {
                    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.expose()).unwrap();
                    pair.public_key().as_der().unwrap()
                }
                Algorithm::Es256 => {
                    let kind = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                    let pair = EcdsaKeyPair::from_pkcs8(kind, pkcs8.expose()).unwrap();
                    pair.public_key().as_der().unwrap()
                }
                _ => {
                    assert!(KeyPair::generate(KeySize::Rsa2048).is_ok());
                    let pair = KeyPair::from_pkcs8(pkcs8.expose()).unwrap();
                    pair.public_key().as_der().unwrap()
                }
            };
            assert!(spellings(&jwk).contains(&der.as_ref().to_vec()), "{algorithm}");
        }
    }
}
