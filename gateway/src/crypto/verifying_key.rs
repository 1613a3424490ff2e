//! Admission of other people's public keys. What a weak or ambiguous key would verify, an attacker
//! can sign, so a key is judged once, before it verifies anything.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::base::Secret;
use crate::crypto::algorithm::VerifyAlgorithm;
use crate::crypto::strict_json;

mod weak;

/// No provider publishes near as many; each costs memory and time to judge.
const MAX_KEYS: usize = 100;
/// A key's name is a look-up, not a document.
pub(super) const MAX_KID_BYTES: usize = 256;

/// A foreign public key that was found good enough to verify with.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    kid: Option<String>,
    algorithm: Option<VerifyAlgorithm>,
    material: Material,
}

/// The admitted keys of one issuer. Keys of two issuers never share a set.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<VerifyingKey>>,
    refused: Vec<(String, KeyFault)>,
}

/// Why a key, or a set of keys, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The key is bound to an algorithm of another kind, or to one we do not know.
    #[error("the key's alg does not fit the key; the provider must publish another key")]
    Algorithm,
    /// Two keys of one name.
    #[error("two keys have the same kid; the provider must name its keys apart")]
    DuplicateKid,
    /// Not JSON of the right shape, or not canonical base64url inside.
    #[error("not a well-formed key or key set; see the provider's jwks_uri")]
    Malformed,
    /// A private or shared key where a public one belongs.
    #[error("a private or shared key is published as a public one; the provider must replace it")]
    Private,
    /// The key is for something else than verifying signatures.
    #[error("the key is not for verifying signatures; nothing to do unless no other key is left")]
    Purpose,
    /// More keys than anybody needs.
    #[error("the key set holds more than {MAX_KEYS} keys; see the provider's jwks_uri")]
    TooMany,
    /// A kind of key, or a curve, that we do not verify with.
    #[error("the kind or curve of the key is not supported; use RSA, P-256, P-384 or Ed25519")]
    Unsupported,
    /// The key can be broken, or is no key at all.
    #[error("the key is weak or not on its curve; the provider must publish a stronger one")]
    Weak,
}

#[derive(Clone, Debug)]
enum Material {
    Ed25519(ParsedPublicKey),
    P256(ParsedPublicKey),
    P384(ParsedPublicKey),
    Shared(Box<Shared>),
    Rsa(Box<RsaKey>),
}

/// An RSA key; parsed when it is first used with an algorithm, and then kept: what a verification
/// needs of the modulus takes as long to work out as a tenth of the verification.
#[derive(Clone, Debug)]
struct RsaKey {
    components: PublicKeyComponents<Vec<u8>>,
    parsed: [OnceLock<Option<ParsedPublicKey>>; RSA.len()],
}

/// A secret as each of its algorithms wants it.
#[derive(Clone)]
struct Shared {
    bytes: usize,
    keys: [hmac::Key; 3],
}

impl VerifyingKey {
    /// A secret that an operator shares with an issuer. No document makes one of these: what is
    /// published is no secret.
    ///
    /// # Errors
    /// Shorter than the shortest hash, 32 bytes (RFC 7518 section 3.2). Longer hashes want longer
    /// ones: see [`permits`](Self::permits).
    pub fn shared(secret: &Secret<Vec<u8>>) -> Result<Self, KeyFault> {
        let hashes = [hmac::HMAC_SHA256, hmac::HMAC_SHA384, hmac::HMAC_SHA512];
        let bytes = secret.expose().len();
        let keys = hashes.map(|hash| hmac::Key::new(hash, secret.expose()));
        let material = Material::Shared(Box::new(Shared { bytes, keys }));
        let key = Self { kid: None, algorithm: None, material };
        if key.permits(VerifyAlgorithm::Hs256) { Ok(key) } else { Err(KeyFault::Weak) }
    }

    /// Judges one JSON Web Key.
    ///
    /// # Errors
    /// When the key is not fit to verify signatures; see [`KeyFault`].
    pub fn admit(json: &[u8]) -> Result<Self, KeyFault> {
        Self::admit_members(&strict_json::object(json).map_err(|_| KeyFault::Malformed)?)
    }

    /// The key's name.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether the key may verify signatures of this algorithm.
    pub fn permits(&self, algorithm: VerifyAlgorithm) -> bool {
        use VerifyAlgorithm as A;
        let fits = match self.material {
            Material::Ed25519(_) => algorithm == A::EdDsa,
            Material::P256(_) => algorithm == A::Es256,
            Material::P384(_) => algorithm == A::Es384,
            Material::Rsa(_) => RSA.iter().any(|(of, _)| *of == algorithm),
            Material::Shared(ref secret) => match algorithm {
                A::Hs256 => secret.bytes >= 32,
                A::Hs384 => secret.bytes >= 48,
                A::Hs512 => secret.bytes >= 64,
                _ => false,
            },
        };
        fits && self.algorithm.is_none_or(|bound| bound == algorithm)
    }

    /// Whether `signature` over `message` is by this key and algorithm.
    pub fn verifies(&self, algorithm: VerifyAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.permits(algorithm) {
            return false;
        }
        match &self.material {
            Material::Ed25519(key) | Material::P256(key) | Material::P384(key) => {
                key.verify_sig(message, signature).is_ok()
            }
            Material::Shared(secret) => {
                let [hs256, hs384, hs512] = &secret.keys;
                let key = match algorithm {
                    VerifyAlgorithm::Hs256 => hs256,
                    VerifyAlgorithm::Hs384 => hs384,
                    VerifyAlgorithm::Hs512 => hs512,
                    _ => return false,
                };
                // In constant time.
                hmac::verify(key, message, signature).is_ok()
            }
            Material::Rsa(key) => {
                key.parsed(algorithm).is_some_and(|key| key.verify_sig(message, signature).is_ok())
            }
        }
    }

    fn admit_members(members: &Map<String, Value>) -> Result<Self, KeyFault> {
        let kind = text(members, "kty")?.ok_or(KeyFault::Malformed)?;
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if kind == "oct" || private.iter().any(|name| members.contains_key(*name)) {
            return Err(KeyFault::Private);
        }
        check_purpose(members)?;
        let kid = text(members, "kid")?.map(str::to_owned);
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(KeyFault::Malformed);
        }
        let algorithm = text(members, "alg")?
            .map(|name| match name {
                // RFC 9864 gives Ed25519 a name of its own.
                "Ed25519" => Ok(VerifyAlgorithm::EdDsa),
                _ => VerifyAlgorithm::named(name).ok_or(KeyFault::Algorithm),
            })
            .transpose()?;
        let material = match (kind, text(members, "crv")?) {
            ("EC", Some("P-256")) => {
                Material::P256(parse(&ECDSA_P256_SHA256_FIXED, &point(members, 32)?)?)
            }
            ("EC", Some("P-384")) => {
                Material::P384(parse(&ECDSA_P384_SHA384_FIXED, &point(members, 48)?)?)
            }
            ("OKP", Some("Ed25519")) => {
                let public = bytes(members, "x")?;
                if weak::ed25519(&public) {
                    return Err(KeyFault::Weak);
                }
                Material::Ed25519(parse(&ED25519, &public)?)
            }
            ("RSA", None) => {
                let (n, e) = (bytes(members, "n")?, bytes(members, "e")?);
                if weak::rsa(&n, &e) {
                    return Err(KeyFault::Weak);
                }
                let components = PublicKeyComponents { n, e };
                Material::Rsa(Box::new(RsaKey { components, parsed: Default::default() }))
            }
            _ => return Err(KeyFault::Unsupported),
        };
        let key = Self { kid, algorithm, material };
        // An alg of another kind of key would leave a key that verifies nothing: say so now.
        match algorithm {
            Some(bound) if !key.permits(bound) => Err(KeyFault::Algorithm),
            _ => Ok(key),
        }
    }
}

impl KeySet {
    /// Judges a JSON Web Key Set. Keys that are refused are left out and named in
    /// [`KeySet::refused`]: providers publish keys for other purposes beside those we need.
    ///
    /// # Errors
    /// When it is not a key set, is too big, or names two good keys alike.
    pub fn admit(json: &[u8]) -> Result<Self, KeyFault> {
        let members = strict_json::object(json).map_err(|_| KeyFault::Malformed)?;
        let listed = members.get("keys").and_then(Value::as_array).ok_or(KeyFault::Malformed)?;
        if listed.len() > MAX_KEYS {
            return Err(KeyFault::TooMany);
        }
        let (mut set, mut names) = (Self::default(), HashSet::new());
        for (at, key) in listed.iter().enumerate() {
            let members = key.as_object().ok_or(KeyFault::Malformed)?;
            match VerifyingKey::admit_members(members) {
                Ok(key) => {
                    if !names.insert(key.kid.clone()) && key.kid.is_some() {
                        return Err(KeyFault::DuplicateKid);
                    }
                    set.keys.push(Arc::new(key));
                }
                Err(fault) => set.refused.push((format!("key {}", at + 1), fault)),
            }
        }
        Ok(set)
    }

    /// The one key that a token can mean: of that name, or, for a token that names none, the only
    /// key that permits its algorithm. `None` when there is none or more than one.
    pub fn find(
        &self,
        kid: Option<&str>,
        algorithm: VerifyAlgorithm,
    ) -> Option<&Arc<VerifyingKey>> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.permits(algorithm) && (kid.is_none() || key.kid.as_deref() == kid));
        let found = fitting.next()?;
        fitting.next().is_none().then_some(found)
    }

    /// How many keys were admitted.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key was admitted.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that were left out, by their place in the set, and why. For the log.
    pub fn refused(&self) -> &[(String, KeyFault)] {
        &self.refused
    }
}

/// Shows no key.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// A key for encryption used to verify lets one who has signed nothing be believed.
fn check_purpose(members: &Map<String, Value>) -> Result<(), KeyFault> {
    if text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyFault::Purpose);
    }
    let Some(operations) = members.get("key_ops") else {
        return Ok(());
    };
    let operations = operations.as_array().ok_or(KeyFault::Malformed)?;
    if operations.iter().any(|operation| operation.as_str() == Some("verify")) {
        return Ok(());
    }
    Err(KeyFault::Purpose)
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, KeyFault> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyFault::Malformed),
    }
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, KeyFault> {
    let text = text(members, name)?.ok_or(KeyFault::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyFault::Malformed)
}

/// SEC 1: the uncompressed point of two coordinates of full length.
fn point(members: &Map<String, Value>, size: usize) -> Result<Vec<u8>, KeyFault> {
    let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
    if x.len() != size || y.len() != size {
        return Err(KeyFault::Weak);
    }
    Ok([&[4], x.as_slice(), y.as_slice()].concat())
}

/// The library refuses a point that is not on the curve.
fn parse(
    algorithm: &'static dyn aws_lc_rs::signature::VerificationAlgorithm,
    public: &[u8],
) -> Result<ParsedPublicKey, KeyFault> {
    ParsedPublicKey::new(algorithm, public).map_err(|_| KeyFault::Weak)
}

/// What an RSA key can be used with.
static RSA: [(VerifyAlgorithm, &RsaParameters); 6] = [
    (VerifyAlgorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
    (VerifyAlgorithm::Ps384, &RSA_PSS_2048_8192_SHA384),
    (VerifyAlgorithm::Ps512, &RSA_PSS_2048_8192_SHA512),
    (VerifyAlgorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
    (VerifyAlgorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
    (VerifyAlgorithm::Rs512, &RSA_PKCS1_2048_8192_SHA512),
];

impl RsaKey {
    fn parsed(&self, algorithm: VerifyAlgorithm) -> Option<&ParsedPublicKey> {
        let mut all = RSA.iter().zip(&self.parsed);
        let ((_, parameters), parsed) = all.find(|((of, _), _)| *of == algorithm)?;
        let parse = || self.components.to_parsed_public_key(parameters).ok();
        parsed.get_or_init(parse).as_ref()
    }
}

#[cfg(test)]
mod degenerate;
#[cfg(test)]
mod tests;
