//! The bound form: a JWS (RFC 7519) that says for whom, where and how often.

use serde_json::{Map, Value};

use crate::authn::authenticator::RejectReason;
use crate::authn::signed_url::links::{Entrance, Place};
use crate::authn::signed_url::reach::{self, Reach};
use crate::authn::signed_url::signer::LinkSigner;
use crate::base::Timestamp;
use crate::crypto::{Unverified, VerifyAlgorithm, numeric_date};

/// The `typ` of such a token. No other token of anybody's has it, so that none can be used as a link.
pub const LINK_TYPE: &str = "portcullis-link+jwt";

/// How far the signer's clock may be ahead of ours.
const LEEWAY: std::time::Duration = std::time::Duration::from_secs(30);

/// Judges a link; `None` when no key of the signer has signed it.
pub(super) fn judge(
    signer: &LinkSigner,
    token: &str,
    place: &Place<'_>,
    now: Timestamp,
) -> Option<Result<Entrance, RejectReason>> {
    let Ok(unverified) = Unverified::parse(token) else {
        return Some(Err(RejectReason::Malformed));
    };
    if unverified.algorithm() != VerifyAlgorithm::EdDsa {
        return Some(Err(RejectReason::Algorithm));
    }
    let kid = unverified.kid().map(str::to_owned);
    let named = |id: &str| kid.as_deref().is_none_or(|kid| kid == id);
    let mut keys = signer.keys.iter().filter(|(id, _)| named(id.as_str()));
    let verified = keys.find_map(|(_, key)| Unverified::parse(token).ok()?.verify(key).ok())?;
    if !verified.typ().is_some_and(|typ| typ.eq_ignore_ascii_case(LINK_TYPE)) {
        return Some(Err(RejectReason::Type));
    }
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    Some(believed(signer, verified.claims(), signed, (place, now)))
}

fn believed(
    signer: &LinkSigner,
    claims: &Map<String, Value>,
    signed: &str,
    (place, now): (&Place<'_>, Timestamp),
) -> Result<Entrance, RejectReason> {
    let date = |name: &str| {
        let date = claims.get(name).map(|value| numeric_date(value).ok_or(RejectReason::Claims));
        date.transpose()
    };
    let expires = date("exp")?.ok_or(RejectReason::Claims)?;
    signer.timely(expires, now)?;
    if date("nbf")?.is_some_and(|begins| begins > now.after(LEEWAY)) {
        return Err(RejectReason::NotYet);
    }
    let ours = |value: &Value| value.as_str() == Some(&signer.audience);
    let meant = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    };
    if !meant {
        return Err(RejectReason::Audience);
    }
    let reach = Reach::read(claims).ok_or(RejectReason::Claims)?;
    if !reach.covers("GET", place.host, place.path) {
        return Err(RejectReason::Misplaced);
    }
    let uses = match claims.get("uses") {
        None => 1,
        Some(uses) => uses
            .as_u64()
            .and_then(|uses| u32::try_from(uses).ok())
            .filter(|uses| (1..=signer.max_uses).contains(uses))
            .ok_or(RejectReason::Claims)?,
    };
    let subject = claims.get("sub").and_then(Value::as_str).filter(|sub| !sub.is_empty());
    let subject = subject.ok_or(RejectReason::Claims)?;
    let mut principal = signer.claims.principal(&signer.issuer, subject, claims);
    reach::note(&mut principal, &reach);
    let link = match claims.get("jti").map(Value::as_str) {
        None => signer.digest("bound", signed),
        Some(Some(jti)) => signer.digest("jti", jti),
        Some(None) => return Err(RejectReason::Claims),
    };
    Ok(Entrance { principal, signer: signer.id.clone(), link, expires, uses })
}
