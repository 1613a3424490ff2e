//! A provider's public key, bound to the algorithms it may be used with.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// The closed list. There is no symmetric algorithm in it, and no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS #1 v1.5 with SHA-512.
    Rs512,
}

/// A key that was found fit for use.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    kid: Option<String>,
    only: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Ed25519(Vec<u8>),
    P256(Vec<u8>),
    P384(Vec<u8>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<Value>,
}

impl Algorithm {
    /// All of them, in order of preference.
    pub const ALL: [Self; 7] =
        [Self::EdDsa, Self::Es256, Self::Es384, Self::Ps256, Self::Rs256, Self::Rs384, Self::Rs512];

    /// The name in a JWT's header, compared case-sensitively.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// The algorithm of that name, if it is on the list.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl VerifyingKey {
    /// Admits a JWK, or `None` when it is private, symmetric, weak, meant for something else, or
    /// not understood. A key set may hold such keys; they are passed over.
    pub fn admit(jwk: &Value) -> Option<Self> {
        let raw = RawKey::deserialize(jwk).ok()?;
        let for_signatures = raw.usage.as_deref().is_none_or(|usage| usage == "sig")
            && raw.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !for_signatures || raw.d.is_some() {
            return None;
        }
        let material = Material::admit(&raw)?;
        let only = match raw.alg.as_deref() {
            // RFC 9864 gives Ed25519 a name of its own.
            Some("Ed25519") => Some(Algorithm::EdDsa),
            Some(name) => Some(Algorithm::from_name(name)?),
            None => None,
        };
        let key = Self { kid: raw.kid, only, material };
        only.is_none_or(|algorithm| key.material.suits(algorithm)).then_some(key)
    }

    /// The key's name in its set.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether the key may be used with `algorithm`.
    pub fn suits(&self, algorithm: Algorithm) -> bool {
        self.only.is_none_or(|only| only == algorithm) && self.material.suits(algorithm)
    }

    /// Whether `signature` over `message` is this key's, by `algorithm`.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.suits(algorithm) {
            return false;
        }
        let plain = |kind: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(kind, key).verify(message, signature).is_ok()
        };
        match &self.material {
            Material::Ed25519(x) => plain(&ED25519, x),
            Material::P256(point) => plain(&ECDSA_P256_SHA256_FIXED, point),
            Material::P384(point) => plain(&ECDSA_P384_SHA384_FIXED, point),
            Material::Rsa { n, e } => rsa_parameters(algorithm).is_some_and(|parameters| {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }),
        }
    }
}

impl Material {
    fn admit(raw: &RawKey) -> Option<Self> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        match (raw.kty.as_str(), raw.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => {
                let x = bytes(&raw.x).filter(|x| x.len() == 32)?;
                Some(Self::Ed25519(x))
            }
            ("EC", Some("P-256")) => point(&bytes(&raw.x)?, &bytes(&raw.y)?, 32).map(Self::P256),
            ("EC", Some("P-384")) => point(&bytes(&raw.x)?, &bytes(&raw.y)?, 48).map(Self::P384),
            ("RSA", None) => {
                let (n, e) = (bytes(&raw.n)?, bytes(&raw.e)?);
                let long_enough = n.len() >= 256 && n.len() <= 1024;
                let first = n.first().copied().unwrap_or(0);
                // The top bit set makes 256 bytes 2,048 bits. Exponents below 65,537 and even ones
                // are mistakes or traps: with e = 1 anybody signs.
                let full = n.len() > 256 || first >= 0x80;
                let exponent = e.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
                let sound = e.len() <= 4 && exponent >= 65_537 && exponent % 2 == 1;
                (long_enough && first != 0 && full && sound).then_some(Self::Rsa { n, e })
            }
            _ => None,
        }
    }

    const fn suits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Ed25519(_) => matches!(algorithm, Algorithm::EdDsa),
            Self::P256(_) => matches!(algorithm, Algorithm::Es256),
            Self::P384(_) => matches!(algorithm, Algorithm::Es384),
            Self::Rsa { .. } => matches!(
                algorithm,
                Algorithm::Ps256 | Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512
            ),
        }
    }
}

const fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Es384 => None,
    }
}

/// The uncompressed form; whether the point is on the curve is checked when it is used.
fn point(x: &[u8], y: &[u8], size: usize) -> Option<Vec<u8>> {
    (x.len() == size && y.len() == size).then(|| [&[4], x, y].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
    };
    use serde_json::json;

    #[test]
    fn unfit_keys_are_not_admitted() {
        let x = URL_SAFE_NO_PAD.encode([7; 32]);
        let n = |size: usize| URL_SAFE_NO_PAD.encode(vec![0xff; size]);
        let good = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        assert!(VerifyingKey::admit(&good).is_some());
        assert!(VerifyingKey::admit(&json!({"kty": "RSA", "n": n(256), "e": "AQAB"})).is_some());
        for unfit in [
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"kty": "RSA", "n": n(128), "e": "AQAB"}),
            json!({"kty": "RSA", "n": n(256), "e": "AQ"}),
            json!({"kty": "RSA", "n": n(256), "e": "AQAC"}),
            json!({"kty": "RSA", "n": n(4096), "e": "AQAB"}),
            json!({"kty": "RSA", "n": n(256), "e": "AQAB", "alg": "HS256"}),
            json!({"kty": "RSA", "n": n(256), "e": "AQAB", "alg": "ES256"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "enc"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "key_ops": ["sign"]}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x}),
            json!({"kty": "OKP", "crv": "X25519", "x": x}),
            json!({"kty": "EC", "crv": "P-256", "x": x, "y": "AA"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": x, "y": x}),
            json!("text"),
        ] {
            assert!(VerifyingKey::admit(&unfit).is_none(), "{unfit}");
        }
    }

    #[test]
    fn a_key_is_bound_to_its_algorithms() {
        let x = URL_SAFE_NO_PAD.encode([7; 32]);
        let ed = VerifyingKey::admit(&json!({"kty": "OKP", "crv": "Ed25519", "x": x})).unwrap();
        assert!(ed.suits(Algorithm::EdDsa) && !ed.suits(Algorithm::Rs256));
        let n = URL_SAFE_NO_PAD.encode([0xff; 256]);
        let rsa = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256"});
        let rsa = VerifyingKey::admit(&rsa).unwrap();
        assert!(rsa.suits(Algorithm::Rs256) && !rsa.suits(Algorithm::Ps256));
    }

    #[test]
    fn each_algorithm_verifies_its_own_signatures_and_no_others() {
        let random = SystemRandom::new();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let (n, e) = (rsa.public_key().modulus(), rsa.public_key().exponent());
        let jwk = json!({"kty": "RSA", "n": encode(n.big_endian_without_leading_zero()),
            "e": encode(e.big_endian_without_leading_zero())});
        let rsa_key = VerifyingKey::admit(&jwk).unwrap();
        let kinds: [(Algorithm, &'static dyn RsaEncoding); 4] = [
            (Algorithm::Rs256, &RSA_PKCS1_SHA256),
            (Algorithm::Rs384, &RSA_PKCS1_SHA384),
            (Algorithm::Rs512, &RSA_PKCS1_SHA512),
            (Algorithm::Ps256, &RSA_PSS_SHA256),
        ];
        for (algorithm, encoding) in kinds {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(encoding, &random, b"text", &mut signature).unwrap();
            for other in Algorithm::ALL {
                let verified = rsa_key.verify(other, b"text", &signature);
                assert_eq!(verified, other == algorithm, "{algorithm:?} as {other:?}");
            }
            assert!(!rsa_key.verify(algorithm, b"test", &signature));
        }
        for (algorithm, crv, kind, size) in [
            (Algorithm::Es256, "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING, 32),
            (Algorithm::Es384, "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING, 48),
        ] {
            let pair = EcdsaKeyPair::generate(kind).unwrap();
            let (x, y) = pair.public_key().as_ref()[1..].split_at(size);
            let jwk = json!({"kty": "EC", "crv": crv, "x": encode(x), "y": encode(y)});
            let key = VerifyingKey::admit(&jwk).unwrap();
            let signature = pair.sign(&random, b"text").unwrap();
            assert!(key.verify(algorithm, b"text", signature.as_ref()));
            assert!(!key.verify(algorithm, b"test", signature.as_ref()));
            assert!(!key.verify(algorithm, b"text", &vec![0; 2 * size]));
        }
    }
}
