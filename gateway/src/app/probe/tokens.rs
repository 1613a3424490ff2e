//! A good token, and bad ones made of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::app::probe::ask::ProbeFault;
use crate::app::probe::keys::Keys;
use crate::app::probe::public_key;
use crate::base::{Entropy, Secret, Timestamp};
use crate::crypto::{Algorithm, SigningKey};

/// One kind of token, with each spelling of it: none of several may be taken.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) must_be_taken: bool,
    /// `None` for no token at all.
    pub(super) tokens: Vec<Option<String>>,
}

/// Further away than anybody's leeway.
const FAR: i64 = 3_600;

/// All kinds, the good one last.
///
/// # Errors
/// Where a key cannot sign.
pub(super) fn samples(
    good: &str,
    keys: &Keys,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<Sample>, ProbeFault> {
    let token = Token::of(good).ok_or_else(|| ProbeFault::Keys("no token of ours".to_owned()))?;
    let now = now.as_secs();
    let signed = |change: &[(&str, Value)]| {
        let claims = Value::Object(token.changed(change)).to_string();
        let made = keys.signer.sign(claims.as_bytes());
        made.map_err(|fault| ProbeFault::Keys(fault.to_string()))
    };
    let bad = |name: &'static str, tokens: Vec<String>| Sample {
        name,
        must_be_taken: false,
        tokens: tokens.into_iter().map(Some).collect(),
    };
    let mut all = vec![
        Sample { name: "nothing", must_be_taken: false, tokens: vec![None] },
        bad(
            "expired",
            vec![signed(&[
                ("iat", (now - 2 * FAR).into()),
                ("nbf", (now - 2 * FAR).into()),
                ("exp", (now - FAR).into()),
            ])?],
        ),
        bad(
            "not yet valid",
            vec![signed(&[
                ("iat", (now + FAR).into()),
                ("nbf", (now + FAR).into()),
                ("exp", (now + 2 * FAR).into()),
            ])?],
        ),
    ];
    if token.claims.contains_key("aud") {
        let elsewhere = "https://another-app.invalid";
        all.push(bad("for another audience", vec![signed(&[("aud", elsewhere.into())])?]));
    }
    all.push(bad("signed with another key", vec![token.by_stranger(keys, entropy)?]));
    all.push(bad("tampered with", vec![token.tampered()]));
    all.push(bad("unsigned (alg none)", token.unsigned()));
    if let Some(public) = &keys.public {
        let mut tokens = Vec::new();
        for secret in public_key::spellings(public) {
            tokens.extend(token.by_secret(secret));
        }
        all.push(bad("HS256 with the public key", tokens));
    }
    let tokens = vec![Some(good.to_owned())];
    all.push(Sample { name: "good", must_be_taken: true, tokens });
    Ok(all)
}

/// A good token, taken apart.
struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signature: String,
}

impl Token {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut object = || {
            let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        let (header, claims) = (object()?, object()?);
        Some(Self { header, claims, signature: parts.next()?.to_owned() })
    }

    /// The claims with other values; what the token has not is not added.
    fn changed(&self, change: &[(&str, Value)]) -> Map<String, Value> {
        let mut claims = self.claims.clone();
        for (name, value) in change {
            if let Some(own) = claims.get_mut(*name) {
                *own = value.clone();
            }
        }
        claims
    }

    /// Somebody else's name under the old signature.
    fn tampered(&self) -> String {
        let claims = self
            .changed(&[("sub", "somebody-else".into()), ("identifier", "somebody-else".into())]);
        format!("{}.{}", message(&self.header, &claims), self.signature)
    }

    /// Without a signature, in the spellings of `none` that libraries have let through.
    fn unsigned(&self) -> Vec<String> {
        let with = |name: &str| {
            let mut header = self.header.clone();
            header.insert("alg".to_owned(), name.into());
            format!("{}.", message(&header, &self.claims))
        };
        ["none", "None", "NONE", "nOnE"].map(with).to_vec()
    }

    /// With the header of the real key and the signature of another.
    fn by_stranger(&self, keys: &Keys, entropy: &dyn Entropy) -> Result<String, ProbeFault> {
        let key = match keys.signer.algorithm() {
            Algorithm::Hs256 => {
                SigningKey::from_secret(&Secret::new(entropy.bytes::<32>().to_vec()))
            }
            algorithm => SigningKey::generate(algorithm).map(|(key, _)| key),
        };
        let signed = key.and_then(|key| sign(&key, &message(&self.header, &self.claims)));
        signed.map_err(|fault| ProbeFault::Keys(fault.to_string()))
    }

    /// HS256 with something that everybody knows; `None` where it is too short to be a secret.
    fn by_secret(&self, secret: Vec<u8>) -> Option<String> {
        let mut header = self.header.clone();
        header.insert("alg".to_owned(), json!("HS256"));
        let key = SigningKey::from_secret(&Secret::new(secret)).ok()?;
        sign(&key, &message(&header, &self.claims)).ok()
    }
}

fn message(header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let encode = |part: &Map<String, Value>| {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).unwrap_or_default())
    };
    format!("{}.{}", encode(header), encode(claims))
}

fn sign(key: &SigningKey, message: &str) -> Result<String, crate::crypto::SignFault> {
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())?);
    Ok(format!("{message}.{signature}"))
}
