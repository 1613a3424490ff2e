//! The checks of a token's claims (RFC 7519, RFC 9068), after its signature or its issuer's word.

use serde_json::{Map, Value};

use crate::authn::authenticator::RejectReason;
use crate::authn::bearer::settings::IssuerSettings;
use crate::base::Timestamp;
use crate::crypto::numeric_date;
use crate::identity::claim;

/// What the claims say, each of them checked.
#[derive(Debug)]
pub(in crate::authn) struct Facts {
    pub(in crate::authn) subject: String,
    pub(in crate::authn) scopes: Vec<String>,
    pub(in crate::authn) begins: Option<Timestamp>,
    pub(in crate::authn) expires: Option<Timestamp>,
}

/// Who says what the claims say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A signed token: what is not in it was not said.
    BySignature,
    /// The issuer's answer, which need not repeat what the issuer has checked (RFC 7662 section 2.2).
    ByIssuer,
}

/// As for OpenID: a subject is a key in other people's databases.
const LONGEST_SUBJECT: usize = 255;

/// The claim of a logout token (OpenID Connect Back-Channel Logout section 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

impl IssuerSettings {
    /// Whether a header's `typ` says "access token", or does not say anything else.
    pub(super) fn takes_typ(&self, typ: Option<&str>) -> bool {
        // RFC 7515 section 4.1.9: `application/` may be left out.
        let bare = typ.map(|typ| {
            let (head, rest) = typ.split_at_checked("application/".len()).unwrap_or(("", typ));
            if head.eq_ignore_ascii_case("application/") { rest } else { typ }
        });
        let is = |wanted: &str| bare.is_some_and(|typ| typ.eq_ignore_ascii_case(wanted));
        if self.typ.is_empty() {
            return typ.is_none() || is("JWT") || is("at+jwt");
        }
        self.typ.iter().any(|wanted| is(wanted))
    }

    /// Checks everything that an issuer's settings ask of the claims.
    pub(super) fn check(
        &self,
        claims: &Map<String, Value>,
        said: Said,
        now: Timestamp,
    ) -> Result<Facts, RejectReason> {
        self.check_parties(claims, said)?;
        let expires = date(claims, "exp")?;
        if expires.is_none() && said == Said::BySignature {
            return Err(RejectReason::Claims);
        }
        if expires.is_some_and(|end| end.after(self.leeway) <= now) {
            return Err(RejectReason::Expired);
        }
        let begins = date(claims, "nbf")?;
        let soon = now.after(self.leeway);
        if begins.is_some_and(|begins| begins > soon)
            || date(claims, "iat")?.is_some_and(|made| made > soon)
        {
            return Err(RejectReason::NotYet);
        }
        self.check_required(claims)?;
        let subject = claim(claims, &self.subject)
            .and_then(Value::as_str)
            .filter(|subject| !subject.is_empty() && subject.len() <= LONGEST_SUBJECT)
            .filter(|subject| !subject.chars().any(char::is_control))
            .ok_or(RejectReason::Claims)?;
        Ok(Facts { subject: subject.to_owned(), scopes: scopes(claims)?, begins, expires })
    }

    fn check_parties(&self, claims: &Map<String, Value>, said: Said) -> Result<(), RejectReason> {
        match claims.get("iss") {
            Some(Value::String(issuer)) if *issuer == self.issuer => {}
            None if said == Said::ByIssuer => {}
            _ => return Err(RejectReason::Issuer),
        }
        let ours = |audience: &Value| {
            audience.as_str().is_some_and(|name| self.audiences.iter().any(|our| our == name))
        };
        let meant = match claims.get("aud") {
            Some(audience @ Value::String(_)) => ours(audience),
            Some(Value::Array(all)) => all.iter().all(Value::is_string) && all.iter().any(ours),
            _ => false,
        };
        let anybody = self.audiences.is_empty() && said == Said::ByIssuer;
        if meant || anybody { Ok(()) } else { Err(RejectReason::Audience) }
    }

    fn check_required(&self, claims: &Map<String, Value>) -> Result<(), RejectReason> {
        // A token bound to its holder's key proves nothing without the proof (RFC 9449 section 7.2,
        // RFC 8705 section 3): taken as a plain one, it could be used by whoever stole it.
        let bound = claims.contains_key("cnf");
        // A logout token is of the same issuer and keys; it is not meant to open anything.
        let logout = claims.get("events").is_some_and(|events| events.get(LOGOUT_EVENT).is_some());
        let met = self.required_claims.iter().all(|(name, wanted)| {
            claim(claims, name).is_some_and(|value| wanted.is_empty() || holds(value, wanted))
        });
        if bound || logout || !met { Err(RejectReason::Claims) } else { Ok(()) }
    }
}

/// Whether a claim is, or as a list has, one of the wanted values. Numbers and truth values count as
/// JSON writes them.
fn holds(value: &Value, wanted: &[String]) -> bool {
    match value {
        Value::String(text) => wanted.contains(text),
        Value::Bool(_) | Value::Number(_) => wanted.contains(&value.to_string()),
        Value::Array(items) => {
            items.iter().any(|item| !item.is_array() && !item.is_object() && holds(item, wanted))
        }
        Value::Null | Value::Object(_) => false,
    }
}

/// `scope` (RFC 8693 section 4.2), or `scp` where an issuer writes that, as text or as a list.
fn scopes(claims: &Map<String, Value>) -> Result<Vec<String>, RejectReason> {
    let words =
        |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    match claims.get("scope").or_else(|| claims.get("scp")) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(words(text)),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or(RejectReason::Claims))
            .collect(),
        Some(_) => Err(RejectReason::Claims),
    }
}

fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, RejectReason> {
    claims.get(name).map(|value| numeric_date(value).ok_or(RejectReason::Claims)).transpose()
}
