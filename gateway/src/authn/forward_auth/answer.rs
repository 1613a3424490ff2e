//! What the service said.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::authn::authenticator::RejectReason;
use crate::authn::forward_auth::settings::{ForwardAuthSettings, Names};
use crate::base::Timestamp;
use crate::crypto::{numeric_date, strict_json};
use crate::identity::{ClaimMapping, Passed, Principal, claim};

/// A field of an answer is no longer than this; more would not fit into the upstream's request.
const LONGEST_FIELD: usize = 8 * 1024;

/// A judgement.
#[derive(Debug)]
pub(super) enum Said {
    /// Nobody, or nobody who may.
    No(RejectReason),
    /// Somebody.
    Yes(Box<Yes>),
}

/// Whom the service named.
#[derive(Debug)]
pub(super) struct Yes {
    pub(super) principal: Principal,
    pub(super) passed: Passed,
    /// When what was said ends, where it says so.
    pub(super) expires: Option<Timestamp>,
}

/// Reads an answer: 2xx is a yes, 401 and 403 are a no.
///
/// # Errors
/// All else counts as no answer; the cause, for the log.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    settings: &ForwardAuthSettings,
) -> Result<Said, String> {
    match status {
        StatusCode::UNAUTHORIZED => return Ok(Said::No(RejectReason::Unknown)),
        StatusCode::FORBIDDEN => return Ok(Said::No(RejectReason::Scope)),
        _ if status.is_success() => {}
        _ => return Err(format!("the service answered with {status}")),
    }
    let (principal, expires) = match &settings.names {
        Names::Headers { fields, email_verified } => {
            let mut claims = Map::new();
            for (name, field) in fields {
                if let Some(text) = text(headers, field)? {
                    claims.insert(name.clone(), value(name, text));
                }
            }
            claims.insert("email_verified".to_owned(), Value::Bool(*email_verified));
            let keep = fields.iter().map(|(name, _)| name.clone()).filter(|name| is_own(name));
            let mapping = ClaimMapping { keep: keep.collect(), ..ClaimMapping::default() };
            let subject = claims.get("sub").and_then(Value::as_str);
            let subject = subject.ok_or("the service names nobody")?.to_owned();
            (mapping.principal(&settings.issuer, subject, &claims), None)
        }
        Names::Jwt { header, subject, claims } => {
            let token = text(headers, header)?.ok_or_else(|| format!("no `{header}`"))?;
            let said = payload(token).ok_or_else(|| format!("`{header}` is no JWT"))?;
            let name = claim(&said, subject).and_then(Value::as_str);
            let name = name.filter(|name| !name.is_empty()).ok_or("the service names nobody")?;
            let expires = match said.get("exp") {
                Some(date) => Some(numeric_date(date).ok_or("`exp` is no date")?),
                None => None,
            };
            (claims.principal(&settings.issuer, name, &said), expires)
        }
    };
    let mut passed = Vec::with_capacity(settings.pass.len());
    for name in &settings.pass {
        if let Some(value) = single(headers, name)? {
            let mut value = value.clone();
            value.set_sensitive(true);
            passed.push((name.clone(), value));
        }
    }
    Ok(Said::Yes(Box::new(Yes { principal, passed: passed.into(), expires })))
}

/// The one value of a field. Two of them would be read differently by different readers.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(format!("`{name}` is there twice"));
    }
    if first.is_some_and(|value| value.len() > LONGEST_FIELD) {
        return Err(format!("`{name}` is longer than {LONGEST_FIELD} bytes"));
    }
    Ok(first)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, String> {
    let Some(value) = single(headers, name)? else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes());
    let text = text.map_err(|_| format!("`{name}` is not UTF-8"))?.trim();
    Ok((!text.is_empty()).then_some(text))
}

/// Groups and roles are written with commas, as everybody does.
fn value(claim: &str, text: &str) -> Value {
    match claim {
        "groups" | "roles" => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
        }
        _ => Value::String(text.to_owned()),
    }
}

/// Whether a claim is one of the service's own, beside those that a principal has anyway.
fn is_own(claim: &str) -> bool {
    !matches!(claim, "sub" | "name" | "email" | "groups" | "roles" | "preferred_username")
}

fn payload(token: &str) -> Option<Map<String, Value>> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    strict_json::object(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
