//! The `id_token`: every check of OpenID Connect Core section 3.1.3.7, and a few more.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::base::Timestamp;
use crate::crypto::{Unverified, VerifyAlgorithm, numeric_date, strict_json};
use crate::identity::claim;
use crate::oidc::fault::LoginFault;
use crate::oidc::keys::{KeyFault, KeySource};
use crate::oidc::tenants::IssuerName;

/// An `id_token` that passed every check.
#[derive(Clone, Debug)]
pub struct IdToken {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// When the person proved who they are; when the token was issued if the provider does not say.
    pub auth_time: Timestamp,
    /// Whether the provider says when.
    pub auth_time_stated: bool,
    /// `acr`.
    pub acr: Option<String>,
    /// `amr`.
    pub amr: Vec<String>,
    /// `acrs`: the authentication contexts of Microsoft Entra that the sign-in satisfies.
    pub acrs: Vec<String>,
    /// `sid`: the provider's session.
    pub sid: Option<String>,
    /// All claims.
    pub claims: Map<String, Value>,
}

/// What the token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The configured issuer.
    pub issuer: IssuerName<'a>,
    /// Our name at the provider.
    pub client_id: &'a str,
    /// The allowed algorithms.
    pub algorithms: &'a [VerifyAlgorithm],
    /// What binds it to a login.
    pub nonce: Nonce<'a>,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// How far the clocks may differ.
    pub leeway: Duration,
    /// The oldest proof that was asked for.
    pub max_age: Option<Duration>,
    /// The authentication contexts that were asked for.
    pub acr_values: &'a [String],
    /// Microsoft Entra's authentication context that was asked for.
    pub authentication_context: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// The `nonce` that a token must have.
#[derive(Clone, Copy, Debug)]
pub enum Nonce<'a> {
    /// That of the login.
    Is(&'a str),
    /// None, or that of the login, where it is known: a refreshed token (OpenID Connect Core section
    /// 12.2).
    IsIfThere(Option<&'a str>),
}

/// OpenID Connect Core section 2: a `sub` has at most 255 ASCII characters.
const LONGEST_SUBJECT: usize = 255;

impl IdToken {
    /// Verifies a token. The signature comes first: an expired forgery is a forgery.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn verify(
        token: &str,
        keys: &dyn KeySource,
        expected: &Expected<'_>,
    ) -> Result<Self, LoginFault> {
        let token = Unverified::parse(token)?;
        let algorithm = token.algorithm();
        if !expected.algorithms.contains(&algorithm) {
            return Err(LoginFault::AlgorithmRefused(algorithm.to_string()));
        }
        let key = keys.find(token.kid(), algorithm).await.map_err(|fault| match fault {
            KeyFault::Unavailable(cause) => LoginFault::Unavailable(cause),
            KeyFault::Unknown => LoginFault::KeyUnknown(token.kid().map(str::to_owned)),
        })?;
        let verified = token.verify(&key)?;
        // An access token or a logout token is not an id_token, whoever signed it.
        if verified.typ().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(LoginFault::HeaderRefused("typ"));
        }
        let claims = verified.into_claims();
        expected.check_parties(&claims)?;
        let issued = expected.check_times(&claims)?;
        expected.check_binding(&claims, algorithm)?;
        let auth_time = expected.check_authentication(&claims)?;
        Ok(Self {
            issuer: text(&claims, "iss")?.unwrap_or_default().to_owned(),
            subject: subject(&claims, "sub", "sub")?,
            auth_time_stated: auth_time.is_some(),
            auth_time: auth_time.unwrap_or(issued),
            acr: text(&claims, "acr")?.map(str::to_owned),
            amr: strings(claims.get("amr")),
            acrs: contexts(&claims),
            sid: text(&claims, "sid")?.map(str::to_owned),
            claims,
        })
    }
}

impl Expected<'_> {
    fn check_parties(&self, claims: &Map<String, Value>) -> Result<(), LoginFault> {
        let issuer = text(claims, "iss")?.ok_or(LoginFault::ClaimMalformed("iss"))?;
        // Where there are several, the token must say itself which tenant it is of.
        let tid = match self.issuer.tenants {
            Some(_) => Some(text(claims, "tid")?.ok_or(LoginFault::ClaimMalformed("tid"))?),
            None => None,
        };
        self.issuer.check(issuer, tid)?;
        let azp = text(claims, "azp")?;
        let (ours, others) = match claims.get("aud") {
            Some(Value::String(audience)) => (audience == self.client_id, false),
            Some(Value::Array(all)) => (
                all.iter().all(Value::is_string)
                    && all.iter().any(|audience| audience.as_str() == Some(self.client_id)),
                all.len() > 1,
            ),
            _ => return Err(LoginFault::ClaimMalformed("aud")),
        };
        if !ours || (others && azp.is_none()) {
            return Err(LoginFault::AudienceWrong);
        }
        if azp.is_some_and(|azp| azp != self.client_id) {
            return Err(LoginFault::AuthorizedPartyWrong);
        }
        Ok(())
    }

    fn check_times(&self, claims: &Map<String, Value>) -> Result<Timestamp, LoginFault> {
        let expires = date(claims, "exp")?.ok_or(LoginFault::ClaimMalformed("exp"))?;
        if expires.after(self.leeway) <= self.now {
            return Err(LoginFault::Expired);
        }
        let issued = date(claims, "iat")?.ok_or(LoginFault::ClaimMalformed("iat"))?;
        if issued > self.now.after(self.leeway) {
            return Err(LoginFault::IssuedInFuture);
        }
        if date(claims, "nbf")?.is_some_and(|begins| begins > self.now.after(self.leeway)) {
            return Err(LoginFault::NotYetValid);
        }
        Ok(issued)
    }

    /// Binds the token to this login and to the access token beside it.
    fn check_binding(
        &self,
        claims: &Map<String, Value>,
        algorithm: VerifyAlgorithm,
    ) -> Result<(), LoginFault> {
        let nonce = match (self.nonce, text(claims, "nonce")?) {
            (Nonce::Is(wanted), Some(there)) => Some((wanted, there)),
            (Nonce::Is(_), None) => return Err(LoginFault::NonceWrong),
            (Nonce::IsIfThere(wanted), there) => wanted.zip(there),
        };
        if nonce.is_some_and(|(wanted, there)| {
            verify_slices_are_equal(there.as_bytes(), wanted.as_bytes()).is_err()
        }) {
            return Err(LoginFault::NonceWrong);
        }
        if let (Some(hash), Some(access_token)) = (text(claims, "at_hash")?, self.access_token)
            && hash != left_half(algorithm, access_token)
        {
            return Err(LoginFault::AccessTokenHashWrong);
        }
        Ok(())
    }

    fn check_authentication(
        &self,
        claims: &Map<String, Value>,
    ) -> Result<Option<Timestamp>, LoginFault> {
        let auth_time = date(claims, "auth_time")?;
        if let Some(max_age) = self.max_age {
            let proven = auth_time.ok_or(LoginFault::AuthenticationTooOld)?;
            if proven.after(max_age).after(self.leeway) < self.now {
                return Err(LoginFault::AuthenticationTooOld);
            }
        }
        if auth_time.is_some_and(|proven| proven > self.now.after(self.leeway)) {
            return Err(LoginFault::ClaimMalformed("auth_time"));
        }
        let acr = text(claims, "acr")?;
        let met = acr.is_some_and(|acr| self.acr_values.iter().any(|wanted| wanted == acr));
        if !self.acr_values.is_empty() && !met {
            return Err(LoginFault::AcrNotMet(acr.map(str::to_owned)));
        }
        if let Some(wanted) = self.authentication_context
            && !contexts(claims).iter().any(|context| context == wanted)
        {
            return Err(LoginFault::ContextNotMet(wanted.to_owned()));
        }
        Ok(auth_time)
    }
}

/// The claims of a token that was verified when it came, and has been sealed since. No claims where
/// it cannot be read.
pub(super) fn claims_of_kept(token: &str) -> Map<String, Value> {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|payload| strict_json::object(&payload).ok()).unwrap_or_default()
}

impl IdToken {
    /// For how many seconds from now it is valid.
    pub(super) fn lasts(&self, now: Timestamp) -> Option<u64> {
        Some(date(&self.claims, "exp").ok()??.since(now).as_secs())
    }

    /// What another claim than `sub` names the person by, where the settings say so. Only the signed
    /// claims count: what userinfo adds may change from day to day.
    ///
    /// # Errors
    /// [`LoginFault::ClaimMalformed`], also where the claim is absent.
    pub fn named_by(&self, claim: &str) -> Result<String, LoginFault> {
        if claim == "sub" {
            Ok(self.subject.clone())
        } else {
            subject(&self.claims, claim, "subject")
        }
    }
}

/// A claim that names the person.
fn subject(
    claims: &Map<String, Value>,
    name: &str,
    called: &'static str,
) -> Result<String, LoginFault> {
    claim(claims, name)
        .and_then(Value::as_str)
        .filter(|sub| !sub.is_empty() && sub.len() <= LONGEST_SUBJECT)
        .filter(|sub| !sub.chars().any(char::is_control))
        .map(str::to_owned)
        .ok_or(LoginFault::ClaimMalformed(called))
}

/// A claim that is text or absent. `null` is neither.
fn text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, LoginFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(LoginFault::ClaimMalformed(name)),
    }
}

/// A `NumericDate` or absent. A date of the wrong type is not "no date": it would never expire.
fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, LoginFault> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    numeric_date(value).map(Some).ok_or(LoginFault::ClaimMalformed(name))
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Entra's `acrs`: a list, or one context as text. Text is never split: it is one context or none.
fn contexts(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("acrs") {
        Some(Value::String(only)) => vec![only.clone()],
        several => strings(several),
    }
}

/// The left half of the access token's hash, by the token's own algorithm.
fn left_half(algorithm: VerifyAlgorithm, access_token: &str) -> String {
    use VerifyAlgorithm as A;
    let kind = match algorithm {
        A::Es256 | A::Hs256 | A::Ps256 | A::Rs256 => &digest::SHA256,
        A::Es384 | A::Hs384 | A::Ps384 | A::Rs384 => &digest::SHA384,
        A::EdDsa | A::Hs512 | A::Ps512 | A::Rs512 => &digest::SHA512,
    };
    let hash = digest::digest(kind, access_token.as_bytes());
    let half = hash.as_ref().len() / 2;
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..half).unwrap_or_default())
}

#[cfg(test)]
mod tests;
