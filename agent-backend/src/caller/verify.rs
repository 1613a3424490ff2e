//! From a token to a [`Caller`]: signature, issuer, audience and times, all of them or none.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::keys::{KeySource, KeysError, PinnedKey};
use super::person::{Caller, TokenHeader};
use crate::clock::Clock;
use crate::config::SharedSecret;
use crate::error::ApiError;

/// Checks tokens of one issuer for one audience.
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    header: HeaderName,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

/// Why a request has no verified caller.
#[derive(Debug, thiserror::Error)]
pub enum CallerFault {
    /// The token is for another backend.
    #[error("the token is for another audience")]
    Audience,
    /// The token has ended.
    #[error("the token has expired")]
    Expired,
    /// The token is from another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// The keys could not be fetched.
    #[error("{0}")]
    KeysUnavailable(KeysError),
    /// The header is not there.
    #[error("there is no token header")]
    Missing,
    /// The token is not valid yet, or was issued in the future.
    #[error("the token is not valid yet")]
    NotYet,
    /// The header is there more than once. Which of two tokens counts must never be a question.
    #[error("the token header is there more than once")]
    Repeated,
    /// The signature, or the form of the token, is wrong.
    #[error("the token does not verify: {0}")]
    Signature(String),
    /// The token lacks a claim, or it has the wrong type.
    #[error("the token has no usable claim {0:?}")]
    Unusable(&'static str),
}

#[derive(Debug)]
enum Keys {
    Published(Box<KeySource>),
    Shared(DecodingKey),
}

/// Two machines' clocks may differ by this many seconds.
const LEEWAY: i64 = 5;
/// Larger than any header a sane server accepts.
const MOST_TOKEN_BYTES: usize = 16 * 1024;

impl Verifier {
    /// Verifies with the keys that the gateway publishes.
    pub fn published(
        issuer: &str,
        audience: &str,
        header: HeaderName,
        keys: KeySource,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        Self { issuer, audience, header, keys: Keys::Published(Box::new(keys)), clock }
    }

    /// Verifies with a shared secret; then HS256 is the only algorithm.
    pub fn shared(
        issuer: &str,
        audience: &str,
        header: HeaderName,
        secret: &SharedSecret,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        let keys = Keys::Shared(DecodingKey::from_secret(secret.expose()));
        Self { issuer, audience, header, keys, clock }
    }

    /// The caller of a request with these headers.
    ///
    /// # Errors
    ///
    /// Whatever is missing or wrong; there is no caller then.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, CallerFault> {
        let mut values = headers.get_all(&self.header).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Err(CallerFault::Missing),
            (Some(_), Some(_)) => return Err(CallerFault::Repeated),
            (Some(value), None) => value,
        };
        let token = value.to_str().map_err(|_| signature("it is not text"))?;
        self.verify(token).await
    }

    async fn verify(&self, token: &str) -> Result<Caller, CallerFault> {
        if token.len() > MOST_TOKEN_BYTES {
            return Err(signature("it is too long"));
        }
        let header = decode_header(token).map_err(|fault| signature(&fault.to_string()))?;
        if header.crit.is_some() {
            return Err(signature("it demands extensions we do not know"));
        }
        let key = self.key(header.kid.as_deref()).await?;
        let mut validation = Validation::new(key.algorithm);
        // The claims are checked below, with our clock and with each of them required.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = decode::<Map<String, Value>>(token, &key.key, &validation)
            .map_err(|fault| signature(&fault.to_string()))?;
        let header =
            TokenHeader { alg: format!("{:?}", key.algorithm), kid: header.kid, typ: header.typ };
        self.accept(decoded.claims, header)
    }

    async fn key(&self, kid: Option<&str>) -> Result<PinnedKey, CallerFault> {
        match &self.keys {
            Keys::Shared(key) => Ok(PinnedKey { algorithm: Algorithm::HS256, key: key.clone() }),
            Keys::Published(source) => {
                let kid = kid.ok_or_else(|| signature("it names no key"))?;
                source.find(kid).await.map_err(|fault| match fault {
                    KeysError::UnknownKey(_) => signature(&fault.to_string()),
                    other => CallerFault::KeysUnavailable(other),
                })
            }
        }
    }

    fn accept(
        &self,
        claims: Map<String, Value>,
        header: TokenHeader,
    ) -> Result<Caller, CallerFault> {
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer.as_str()) {
            return Err(CallerFault::Issuer);
        }
        let for_us = match claims.get("aud") {
            Some(Value::String(one)) => *one == self.audience,
            Some(Value::Array(many)) => many.iter().any(|one| *one == self.audience),
            _ => false,
        };
        if !for_us {
            return Err(CallerFault::Audience);
        }
        let now = self.clock.now().as_second();
        let exp = seconds(&claims, "exp")?.ok_or(CallerFault::Unusable("exp"))?;
        let iat = seconds(&claims, "iat")?.ok_or(CallerFault::Unusable("iat"))?;
        let nbf = seconds(&claims, "nbf")?.unwrap_or(iat);
        if now >= exp.saturating_add(LEEWAY) {
            return Err(CallerFault::Expired);
        }
        if iat.max(nbf) > now.saturating_add(LEEWAY) {
            return Err(CallerFault::NotYet);
        }
        let expires = Timestamp::from_second(exp).map_err(|_| CallerFault::Unusable("exp"))?;
        let sub = claims.get("sub").and_then(Value::as_str).filter(|sub| !sub.is_empty());
        let sub = sub.ok_or(CallerFault::Unusable("sub"))?.to_owned();
        Ok(Caller::from_verified(sub, expires, claims, header))
    }
}

impl From<CallerFault> for ApiError {
    fn from(fault: CallerFault) -> Self {
        match fault {
            CallerFault::KeysUnavailable(cause) => Self::KeysUnavailable(cause.to_string()),
            other => Self::Unauthenticated(other.to_string()),
        }
    }
}

fn signature(cause: &str) -> CallerFault {
    CallerFault::Signature(cause.to_owned())
}

/// A `NumericDate` in whole seconds; a present value of another type is a fault, not an absence.
fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, CallerFault> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is meant")]
    let whole = || value.as_f64().map(|number| number.floor() as i64);
    value.as_i64().or_else(whole).map(Some).ok_or(CallerFault::Unusable(name))
}
