//! From a provider's claims to a principal.

use serde_json::{Map, Value};

use crate::identity::{Email, Principal};
use crate::oidc::fault::LoginFault;
use crate::oidc::settings::{AllowLists, ClaimMapping, ProviderSettings};

/// Groups or roles that one person may have; more would not fit into a token's header anyway.
const MOST_GROUPS: usize = 1000;

/// Whether the mapping names something that `claims` lacks.
pub(super) fn lacks_some(mapping: &ClaimMapping, claims: &Map<String, Value>) -> bool {
    let named = [
        &mapping.name,
        &mapping.preferred_username,
        &mapping.email,
        &mapping.groups,
        &mapping.roles,
    ];
    named.into_iter().chain(&mapping.keep).any(|path| at(claims, path).is_none())
}

/// Adds what userinfo says to what the `id_token` says. The signed word wins; and an address keeps
/// the company it came in, so that "verified" is never said of another address.
pub(super) fn join(
    mapping: &ClaimMapping,
    signed: &Map<String, Value>,
    userinfo: Map<String, Value>,
) -> Map<String, Value> {
    let mut joined = userinfo;
    if at(signed, &mapping.email).is_some() {
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
    let mapping = &settings.claims;
    let mut principal = Principal::new(&settings.issuer, subject);
    principal.name = text(claims, &mapping.name);
    principal.preferred_username = text(claims, &mapping.preferred_username);
    principal.email = text(claims, &mapping.email).map(|address| Email {
        address,
        verified: at(claims, &mapping.email_verified) == Some(&Value::Bool(true)),
    });
    principal.groups = list(at(claims, &mapping.groups));
    principal.roles = list(at(claims, &mapping.roles));
    for path in &mapping.keep {
        if let Some(value) = at(claims, path) {
            principal.claims.insert(path.clone(), value.clone());
        }
    }
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

/// A claim by its whole name, or by a dotted path into objects.
fn at<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    at(claims.get(first)?.as_object()?, rest)
}

fn text(claims: &Map<String, Value>, path: &str) -> Option<String> {
    at(claims, path)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn list(value: Option<&Value>) -> Vec<String> {
    let names: Vec<&str> = match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        // One name, whatever is in it: whoever may name a group `x admin` must not be in `admin`.
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    };
    let named = names.into_iter().filter(|name| !name.is_empty());
    named.take(MOST_GROUPS).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
