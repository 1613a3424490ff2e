//! From a provider's claims to a principal.

use serde_json::{Map, Value};

use crate::identity::{ClaimMapping, Principal, claim};
use crate::oidc::fault::LoginFault;
use crate::oidc::settings::{Grant, ProviderSettings};

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

/// The principal of `issuer` and `subject`, if the settings let it in.
///
/// # Errors
/// `EmailUnverified`, `NotAllowed`.
pub(super) fn principal(
    settings: &ProviderSettings,
    (issuer, subject): (&str, &str),
    claims: &Map<String, Value>,
) -> Result<Principal, LoginFault> {
    admit(settings, settings.claims.principal(issuer, subject, claims))
}

/// The same principal with the roles that are granted to it, if the settings let it in.
///
/// # Errors
/// `EmailUnverified`, `NotAllowed`.
pub(super) fn admit(
    settings: &ProviderSettings,
    mut principal: Principal,
) -> Result<Principal, LoginFault> {
    let verified = principal.email.as_ref().is_some_and(|email| email.verified);
    if settings.require_verified_email && !verified {
        return Err(LoginFault::EmailUnverified);
    }
    if !settings.allow.is_empty() && !settings.allow.lists(&principal) {
        return Err(LoginFault::NotAllowed);
    }
    for Grant { role, to } in &settings.grants {
        let has = to.as_ref().is_none_or(|lists| lists.lists(&principal));
        if has && !principal.roles.contains(role) {
            principal.roles.push(role.clone());
        }
    }
    Ok(principal)
}

/// Whether the signed claims are those that people must have.
///
/// # Errors
/// `ClaimRefused`, with the first that is not.
pub(super) fn require(
    settings: &ProviderSettings,
    claims: &Map<String, Value>,
) -> Result<(), LoginFault> {
    for (name, values) in &settings.required_claims {
        let listed = |value: &Value| {
            values.is_empty() || value.as_str().is_some_and(|text| values.iter().any(|v| v == text))
        };
        let met = match claim(claims, name) {
            None | Some(Value::Null) => false,
            Some(Value::Array(items)) => items.iter().any(listed),
            Some(value) => listed(value),
        };
        if !met {
            return Err(LoginFault::ClaimRefused(name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
