//! From a provider's claims to a principal.

use serde_json::{Map, Value};

use crate::identity::{ClaimMapping, Email, Principal, claim};
use crate::oidc::fault::LoginFault;
use crate::oidc::settings::{AllowLists, ProviderSettings};

/// Adds what userinfo says to what the `id_token` says. The signed word wins; and an address keeps
/// the company it came in, so that "verified" is never said of another address.
pub(super) fn join(
    mapping: &ClaimMapping,
    signed: &Map<String, Value>,
    userinfo: Map<String, Value>,
) -> Map<String, Value> {
    let mut joined = userinfo;
    if claim(signed, &mapping.email).is_some() {
        joined.remove(&mapping.email_verified);
    }
    joined.extend(signed.clone());
    joined
}

/// The principal of `subject`, if the settings let it in.
///
/// # Errors
/// `EmailUnverified`, `NotAllowed`.
pub(super) fn principal(
    settings: &ProviderSettings,
    subject: &str,
    claims: &Map<String, Value>,
) -> Result<Principal, LoginFault> {
    admit(settings, settings.claims.principal(&settings.issuer, subject, claims))
}

/// The same principal, if the settings let it in.
///
/// # Errors
/// `EmailUnverified`, `NotAllowed`.
pub(super) fn admit(
    settings: &ProviderSettings,
    principal: Principal,
) -> Result<Principal, LoginFault> {
    if settings.require_verified_email && verified(&principal).is_none() {
        return Err(LoginFault::EmailUnverified);
    }
    if settings.allow.is_empty() || lists(&settings.allow, &principal) {
        return Ok(principal);
    }
    Err(LoginFault::NotAllowed)
}

fn lists(allow: &AllowLists, principal: &Principal) -> bool {
    let email = verified(principal);
    let domain = email.and_then(Email::domain);
    // An entry with an `@` is no subject: where people choose their own, one could be an address.
    let user = |listed: &String| {
        (*listed == principal.subject && !listed.contains('@'))
            || email.is_some_and(|email| {
                email.domain().is_some() && listed.eq_ignore_ascii_case(&email.address)
            })
    };
    principal.groups.iter().any(|group| allow.groups.contains(group))
        || domain.is_some_and(|domain| {
            allow.email_domains.iter().any(|listed| listed.eq_ignore_ascii_case(&domain))
        })
        || allow.users.iter().any(user)
}

/// An unverified address is what its owner typed: it opens no door.
fn verified(principal: &Principal) -> Option<&Email> {
    principal.email.as_ref().filter(|email| email.verified)
}

#[cfg(test)]
mod tests;
