//! The `logout_token`: every check of OpenID Connect Back-Channel Logout 1.0 section 2.6.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::base::Timestamp;
use crate::crypto::{JwsFault, Unverified, VerifyAlgorithm, numeric_date};
use crate::oidc::keys::{KeyFault, KeySource};
use crate::oidc::tenants::IssuerName;

/// A `logout_token` that passed every check but one: whoever acts on it must first see to it that its
/// `jti` has not come before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// `iss`.
    pub issuer: String,
    /// `sub`: all sessions of this person, where there is no `sid`.
    pub subject: Option<String>,
    /// `sid`: the provider's session.
    pub sid: Option<String>,
    /// `jti`: its name, for once.
    pub id: String,
    /// Until when the name must be remembered.
    pub over: Timestamp,
}

/// What the token must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub issuer: IssuerName<'a>,
    pub client_id: &'a str,
    pub algorithms: &'a [VerifyAlgorithm],
    pub leeway: Duration,
    pub now: Timestamp,
}

/// Why a `logout_token` counts for nothing. The message is for the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutFault {
    /// An algorithm outside the closed list, `none` and `HS256` included.
    #[error("the logout_token is signed with {0:?}, which is not allowed here")]
    Algorithm(String),
    /// The token is for somebody else.
    #[error("the logout_token's aud does not name this client")]
    Audience,
    /// A claim that must be there is missing, or of the wrong type.
    #[error("the logout_token's {0} is missing or of the wrong type")]
    Claim(&'static str),
    /// It is no logout token.
    #[error("the token's events do not say that somebody signed out")]
    Event,
    /// The token is from somebody else.
    #[error("the logout_token's iss is not the configured issuer")]
    Issuer,
    /// No single key fits the token.
    #[error("no admissible key of the provider fits the logout_token")]
    Key,
    /// It could be taken for an `id_token`, or is one.
    #[error("the logout_token has a nonce")]
    Nonce,
    /// It names nobody.
    #[error("the logout_token has neither sub nor sid")]
    Nobody,
    /// The signature or the form is wrong.
    #[error("the logout_token cannot be read: {0}")]
    Token(#[from] JwsFault),
    /// Its time is over, has not come, or is too long.
    #[error("the logout_token is too old, from the future, or valid for too long")]
    Time,
    /// It is another kind of token.
    #[error("the logout_token's typ is another kind of token's")]
    Type,
    /// The provider's keys cannot be fetched.
    #[error("the provider is unavailable: {0}")]
    Unavailable(String),
}

/// Section 2.4.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Longer names than a provider gives cost memory and mean nothing.
const LONGEST_NAME: usize = 255;
/// How old a token may be, and how long it may last: so long its name is remembered. Section 4 asks
/// for two minutes; providers that send again after an outage take longer.
const OLDEST: Duration = Duration::from_secs(600);

impl LogoutToken {
    /// Verifies a token. The signature comes first: an expired forgery is a forgery.
    pub(super) async fn verify(
        token: &str,
        keys: &dyn KeySource,
        expected: &Expected<'_>,
    ) -> Result<Self, LogoutFault> {
        let token = Unverified::parse(token)?;
        let algorithm = token.algorithm();
        if !expected.algorithms.contains(&algorithm) {
            return Err(LogoutFault::Algorithm(algorithm.to_string()));
        }
        let key = keys.find(token.kid(), algorithm).await.map_err(|fault| match fault {
            KeyFault::Unavailable(cause) => LogoutFault::Unavailable(cause),
            KeyFault::Unknown => LogoutFault::Key,
        })?;
        let verified = token.verify(&key)?;
        // Section 2.4 recommends a `typ`; older providers send none. An access token has another.
        let is_ours =
            |typ: &str| ["logout+jwt", "jwt"].iter().any(|ours| typ.eq_ignore_ascii_case(ours));
        if verified.typ().is_some_and(|typ| !is_ours(typ)) {
            return Err(LogoutFault::Type);
        }
        let claims = verified.into_claims();
        let issuer = expected.check_parties(&claims)?;
        let over = expected.check_times(&claims)?;
        if claims.contains_key("nonce") {
            return Err(LogoutFault::Nonce);
        }
        let event = claims.get("events").and_then(|events| events.get(EVENT));
        if !event.is_some_and(Value::is_object) {
            return Err(LogoutFault::Event);
        }
        let (subject, sid) = (name(&claims, "sub")?, name(&claims, "sid")?);
        if subject.is_none() && sid.is_none() {
            return Err(LogoutFault::Nobody);
        }
        let id = name(&claims, "jti")?.ok_or(LogoutFault::Claim("jti"))?;
        Ok(Self { issuer, subject, sid, id, over })
    }
}

impl Expected<'_> {
    /// The issuer.
    fn check_parties(&self, claims: &Map<String, Value>) -> Result<String, LogoutFault> {
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or(LogoutFault::Claim("iss"))?;
        self.issuer.check(issuer, None).map_err(|_| LogoutFault::Issuer)?;
        let ours = match claims.get("aud") {
            Some(Value::String(audience)) => audience == self.client_id,
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(self.client_id)),
            _ => return Err(LogoutFault::Claim("aud")),
        };
        if ours { Ok(issuer.to_owned()) } else { Err(LogoutFault::Audience) }
    }

    /// Until when the token could come again.
    fn check_times(&self, claims: &Map<String, Value>) -> Result<Timestamp, LogoutFault> {
        let date = |name| claims.get(name).and_then(numeric_date).ok_or(LogoutFault::Claim(name));
        let (issued, expires) = (date("iat")?, date("exp")?);
        let recent = issued.after(OLDEST).after(self.leeway) > self.now;
        let come = issued <= self.now.after(self.leeway);
        let over = expires.after(self.leeway);
        if !recent || !come || over <= self.now || expires > issued.after(OLDEST) {
            return Err(LogoutFault::Time);
        }
        Ok(over)
    }
}

/// A claim that is a name, or absent.
fn name(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, LogoutFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= LONGEST_NAME => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(LogoutFault::Claim(name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oidc::fake::{Fake, ISSUER, NOW, Signer, merged};

    fn claims(change: &Value) -> Value {
        let good = json!({
            "iss": ISSUER, "aud": "portcullis", "iat": NOW - 5, "exp": NOW + 100, "jti": "one",
            "sub": "ann", "sid": "there-1", "events": { EVENT: {} },
        });
        merged(good, change)
    }

    async fn judge(
        fake: &Fake,
        header: &Value,
        claims: &Value,
    ) -> Result<LogoutToken, LogoutFault> {
        fake.provider.logout_token(&fake.signer.sign_as(header, &claims.to_string())).await
    }

    #[tokio::test]
    async fn a_good_token_names_whom_it_is_about() {
        let fake = Fake::new();
        for header in [
            json!({"alg": "EdDSA", "kid": "one"}),
            json!({"alg": "EdDSA", "kid": "one", "typ": "logout+jwt"}),
            json!({"alg": "EdDSA", "kid": "one", "typ": "JWT"}),
        ] {
            let token = judge(&fake, &header, &claims(&json!({}))).await.unwrap();
            assert_eq!(token.subject.as_deref(), Some("ann"));
            assert_eq!((token.sid.as_deref(), token.id.as_str()), (Some("there-1"), "one"));
        }
        let header = json!({"alg": "EdDSA", "kid": "one"});
        for change in [
            json!({"sub": null}),
            json!({"sid": null}),
            json!({"aud": ["other", "portcullis"]}),
            json!({"events": { EVENT: {"more": 1}, "https://other.test": {} }}),
        ] {
            assert!(judge(&fake, &header, &claims(&change)).await.is_ok(), "{change}");
        }
    }

    #[tokio::test]
    async fn each_refused_form_has_a_fault_of_its_own() {
        use LogoutFault as F;
        let fake = Fake::new();
        let header = json!({"alg": "EdDSA", "kid": "one"});
        for (change, expected) in [
            (json!({"iss": "https://evil.test"}), F::Issuer),
            (json!({"iss": null}), F::Claim("iss")),
            (json!({"aud": "other"}), F::Audience),
            (json!({"aud": []}), F::Audience),
            (json!({"aud": null}), F::Claim("aud")),
            (json!({"iat": null}), F::Claim("iat")),
            (json!({"iat": "1"}), F::Claim("iat")),
            (json!({"iat": NOW + 600}), F::Time),
            (json!({"iat": NOW - 3600, "exp": NOW + 100}), F::Time),
            (json!({"exp": null}), F::Claim("exp")),
            (json!({"exp": NOW - 3600}), F::Time),
            (json!({"exp": NOW + 36_000}), F::Time),
            (json!({"jti": null}), F::Claim("jti")),
            (json!({"jti": ""}), F::Claim("jti")),
            (json!({"jti": 7}), F::Claim("jti")),
            (json!({"nonce": "n"}), F::Nonce),
            (json!({"events": null}), F::Event),
            (json!({"events": {}}), F::Event),
            (json!({"events": [EVENT]}), F::Event),
            (json!({"events": { EVENT: true }}), F::Event),
            (json!({"events": { "https://other.test": {} }}), F::Event),
            (json!({"sub": null, "sid": null}), F::Nobody),
            (json!({"sub": 7}), F::Claim("sub")),
            (json!({"sid": "x".repeat(256)}), F::Claim("sid")),
        ] {
            let judged = judge(&fake, &header, &claims(&change)).await;
            assert_eq!(judged.unwrap_err(), expected, "{change}");
        }
    }

    #[tokio::test]
    async fn other_tokens_and_other_signatures_are_refused() {
        use LogoutFault as F;
        let fake = Fake::new();
        let good = claims(&json!({}));
        for typ in ["at+jwt", "dpop+jwt", "txntoken+jwt"] {
            let header = json!({"alg": "EdDSA", "kid": "one", "typ": typ});
            assert_eq!(judge(&fake, &header, &good).await.unwrap_err(), F::Type, "{typ}");
        }
        // An id_token as any login gets one.
        let id_token = fake.signer.sign(&Fake::claims("n", &json!({"jti": "one"})));
        assert_eq!(fake.provider.logout_token(&id_token).await.unwrap_err(), F::Nonce);
        let id_token = fake.signer.sign(&Fake::claims("n", &json!({"jti": "one", "nonce": null})));
        assert_eq!(fake.provider.logout_token(&id_token).await.unwrap_err(), F::Event);
        for header in [json!({"alg": "none"}), json!({"alg": "HS256", "kid": "one"})] {
            assert!(judge(&fake, &header, &good).await.is_err(), "{header}");
        }
        let forged =
            Signer::new("two").sign_as(&json!({"alg": "EdDSA", "kid": "one"}), &good.to_string());
        assert!(matches!(fake.provider.logout_token(&forged).await, Err(F::Token(_))));
        for broken in ["", "a.b", "a.b.c", "..."] {
            assert!(fake.provider.logout_token(broken).await.is_err());
        }
    }
}
