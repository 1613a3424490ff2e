//! JSON Web Signatures in compact form: writing ours, and reading others' with nothing taken on trust.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::crypto::algorithm::VerifyAlgorithm;
use crate::crypto::jws::header::{Header, Members};
use crate::crypto::signing_key::{SignFault, SigningKey};
use crate::crypto::strict_json;
use crate::crypto::verifying_key::{KeySet, VerifyingKey};

mod header;

/// Some hundred groups fit into it. Also the bound on what parsing a token can cost.
const MAX_BYTES: usize = 64 * 1024;

/// A key with its header written once.
#[derive(Debug)]
pub struct Encoder {
    key: Arc<SigningKey>,
    /// The encoded header and its dot.
    header: String,
}

/// The beginning of claims that many tokens share, encoded once.
#[derive(Default)]
pub struct Begun {
    text: String,
    bytes: usize,
}

/// A token as read, of which only what is needed to choose a key can be seen: anything else would
/// be an attacker's word.
#[derive(Debug)]
pub struct Unverified<'a> {
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    algorithm: VerifyAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
}

/// What a token says, its signature having been verified. Issuer, audience and times have not.
#[derive(Clone, Debug)]
pub struct Verified {
    claims: Map<String, Value>,
    typ: Option<String>,
}

/// Why a token is refused. For the log: a client learns only that it must sign in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsFault {
    /// `none`, a symmetric algorithm, or one we do not know.
    #[error("the token's alg {0:?} is not accepted; the issuer must sign with EdDSA, ES, RS or PS")]
    Algorithm(String),
    /// The claims are no JSON object, or name a claim twice.
    #[error("the token's claims are not one plain JSON object; the issuer must correct them")]
    Claims,
    /// The header asks for what we do not do.
    #[error("the token's header has {0:?}; the issuer must leave it out")]
    Extension(&'static str),
    /// The header is no JSON object of the right types, names a member twice, or no algorithm.
    #[error("the token's header is not one plain JSON object; the issuer must correct it")]
    Header,
    /// Not three parts of canonical base64url.
    #[error("the token is not a signed token in compact form; send a JWS")]
    NotCompact,
    /// Not by the key it should be by.
    #[error("the token's signature does not verify; obtain a new token")]
    Signature,
    /// Longer than any token.
    #[error("the token is longer than {MAX_BYTES} bytes; ask the issuer for fewer claims")]
    TooLarge,
    /// No key, or more than one, fits the token.
    #[error("no one key of the issuer fits the token's kid and alg; refresh the key set")]
    UnknownKey,
}

impl Encoder {
    /// Writes the header for this key once.
    pub fn new(key: impl Into<Arc<SigningKey>>, typ: &str) -> Self {
        let key = key.into();
        let header = json!({ "alg": key.algorithm().as_str(), "kid": key.id(), "typ": typ });
        let header = URL_SAFE_NO_PAD.encode(header.to_string()) + ".";
        Self { key, header }
    }

    /// The key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The signed token for a serialised JSON object of claims.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn encode(&self, claims: &[u8]) -> Result<String, SignFault> {
        self.encode_on(&Begun::default(), claims)
    }

    /// The signed token for a JSON object of which `rest` is what follows after `begun`.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn encode_on(&self, begun: &Begun, rest: &[u8]) -> Result<String, SignFault> {
        // Room for the claims and the largest signature, so that there is one allocation.
        let room = self.header.len() + begun.text.len() + rest.len() * 4 / 3 + 360;
        let mut token = String::with_capacity(room);
        token.push_str(&self.header);
        token.push_str(&begun.text);
        URL_SAFE_NO_PAD.encode_string(rest, &mut token);
        let signature = self.key.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl Begun {
    /// Encodes the beginning of a JSON object, up to behind one of its members. White space, which
    /// means nothing there, fills it up to whole groups of three bytes: what follows is encoded by
    /// itself.
    pub fn new(mut json: Vec<u8>) -> Self {
        json.resize(json.len().next_multiple_of(3), b' ');
        Self { text: URL_SAFE_NO_PAD.encode(&json), bytes: json.len() }
    }

    /// It as it stands in the token: base64url.
    pub fn encoded(&self) -> &str {
        &self.text
    }

    /// How many bytes of JSON it stands for.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<'a> Unverified<'a> {
    /// Takes a token apart. Work and memory are bounded by its length, 64 KiB at most.
    ///
    /// # Errors
    /// When the token is not a plain JWS of an accepted algorithm; see [`JwsFault`].
    pub fn parse(token: &'a str) -> Result<Self, JwsFault> {
        Self::parse_as(token, VerifyAlgorithm::named)
    }

    /// Takes a token apart that may be signed with a shared secret. Only for who holds one: whoever
    /// verifies with public keys [`parse`](Self::parse)s.
    ///
    /// # Errors
    /// Like [`parse`](Self::parse).
    pub fn parse_shared_too(token: &'a str) -> Result<Self, JwsFault> {
        Self::parse_as(token, |name| {
            VerifyAlgorithm::named(name).or_else(|| VerifyAlgorithm::named_shared(name))
        })
    }

    fn parse_as(
        token: &'a str,
        named: fn(&str) -> Option<VerifyAlgorithm>,
    ) -> Result<Self, JwsFault> {
        if token.len() > MAX_BYTES {
            return Err(JwsFault::TooLarge);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsFault::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsFault::NotCompact)?;
        // Five parts are an encrypted token: made with a public key, it proves nothing. A dot is
        // no base64url, so that the decoder refuses what is left of it.
        let header = Members::read(&decode(header)?)?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        let Header { algorithm, kid, typ } = header.judge(named)?;
        Ok(Self { signed, payload, signature, algorithm, kid, typ })
    }

    /// The key the token claims to be signed by: only to be compared with names we know.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm the token claims; it counts only where the key permits it.
    pub fn algorithm(&self) -> VerifyAlgorithm {
        self.algorithm
    }

    /// The issuer the token claims: only to be compared with names we know, to choose whose keys it
    /// is to be verified with. `None` where it claims none, or two.
    pub fn claimed_issuer(&self) -> Option<Cow<'_, str>> {
        #[derive(serde::Deserialize)]
        struct Claimed<'a> {
            #[serde(borrow)]
            iss: Cow<'a, str>,
        }
        serde_json::from_slice::<Claimed<'_>>(&self.payload).ok().map(|claimed| claimed.iss)
    }

    /// Verifies with the one key of the issuer's set that fits.
    ///
    /// # Errors
    /// When no one key fits, the signature is bad, or the claims are no plain JSON object.
    pub fn verify_with(self, keys: &KeySet) -> Result<Verified, JwsFault> {
        let key = keys.find(self.kid(), self.algorithm).ok_or(JwsFault::UnknownKey)?;
        self.verify(key)
    }

    /// Verifies with this key. The claims are read after the signature, never before.
    ///
    /// # Errors
    /// When the signature is bad, or the claims are no plain JSON object.
    pub fn verify(self, key: &VerifyingKey) -> Result<Verified, JwsFault> {
        if !key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(JwsFault::Signature);
        }
        let claims = strict_json::object(&self.payload).map_err(|_| JwsFault::Claims)?;
        Ok(Verified { claims, typ: self.typ })
    }
}

/// Says nothing of the claims, which are somebody's.
impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Verified {
    /// The claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The claims, to keep.
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }

    /// The header's `typ`: what kind of token the issuer meant this to be.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }
}

/// Refuses padding, other alphabets, line breaks and spare bits: one token has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, JwsFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsFault::NotCompact)
}

#[cfg(test)]
mod tests;
