//! A JWT's outer form: three parts, a header without surprises.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::oidc::fault::LoginFault;
use crate::oidc::json;
use crate::oidc::key::{Algorithm, VerifyingKey};

/// A signed JWT, taken apart and not yet believed.
pub(super) struct Compact<'a> {
    algorithm: Algorithm,
    kid: Option<String>,
    claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// Larger than any honest `id_token`; an answer's body is limited before that.
const LONGEST: usize = 64 * 1024;

/// A key's name is a look-up, not a document.
const LONGEST_KID: usize = 256;

/// Members that change how the token is to be read, or bring a key along. A key in the token is the
/// attacker's key.
const REFUSED: [&str; 8] = ["b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"];

impl<'a> Compact<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// `TokenMalformed`, `HeaderRefused`, `AlgorithmRefused`.
    pub(super) fn parse(token: &'a str, allowed: &[Algorithm]) -> Result<Self, LoginFault> {
        if token.len() > LONGEST {
            return Err(LoginFault::TokenMalformed("it is too long"));
        }
        let malformed = LoginFault::TokenMalformed("it has not three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed.clone())?;
        let (header, payload) = signed.split_once('.').ok_or(malformed.clone())?;
        if payload.contains('.') {
            return Err(malformed);
        }
        let (algorithm, kid) = read_header(header, allowed)?;
        let decode = |part| URL_SAFE_NO_PAD.decode(part).ok();
        let claims = decode(payload)
            .and_then(|bytes| json::object(&bytes))
            .ok_or(LoginFault::TokenMalformed("its payload is not one JSON object"))?;
        let signature = decode(signature)
            .ok_or(LoginFault::TokenMalformed("its signature is not base64url"))?;
        Ok(Self { algorithm, kid, claims, signed, signature })
    }

    /// The algorithm, one of those allowed.
    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key: a hint from whoever wrote the token.
    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The claims, if the signature is `key`'s.
    ///
    /// # Errors
    /// `SignatureWrong`.
    pub(super) fn verify(self, key: &VerifyingKey) -> Result<Map<String, Value>, LoginFault> {
        if key.verify(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Ok(self.claims);
        }
        Err(LoginFault::SignatureWrong)
    }
}

fn read_header(
    header: &str,
    allowed: &[Algorithm],
) -> Result<(Algorithm, Option<String>), LoginFault> {
    let header = URL_SAFE_NO_PAD
        .decode(header)
        .ok()
        .and_then(|bytes| json::object(&bytes))
        .ok_or(LoginFault::TokenMalformed("its header is not one JSON object"))?;
    if let Some(name) = REFUSED.into_iter().find(|name| header.contains_key(*name)) {
        return Err(LoginFault::HeaderRefused(name));
    }
    let name = match header.get("alg") {
        Some(Value::String(name)) => name.as_str(),
        _ => return Err(LoginFault::TokenMalformed("its header names no alg")),
    };
    let algorithm = Algorithm::from_name(name)
        .filter(|algorithm| allowed.contains(algorithm))
        .ok_or_else(|| LoginFault::AlgorithmRefused(name.chars().take(32).collect()))?;
    match header.get("typ") {
        None => {}
        Some(Value::String(typ)) if typ.eq_ignore_ascii_case("JWT") => {}
        // An access token or a logout token is not an id_token, whoever signed it.
        Some(_) => return Err(LoginFault::HeaderRefused("typ")),
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= LONGEST_KID => Some(kid.clone()),
        Some(_) => return Err(LoginFault::HeaderRefused("kid")),
    };
    Ok((algorithm, kid))
}
