//! From an issuer's claims to a principal: one home for all ways in.

use serde_json::{Map, Value};

use crate::identity::principal::{Email, Principal};

/// Where in an issuer's claims a thing is found.
///
/// A path is the claim's whole name (`https://corp.test/groups`), or else names joined by dots
/// (`realm_access.roles`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMapping {
    /// The name to show.
    pub name: String,
    /// The login name to show.
    pub preferred_username: String,
    /// The e-mail address.
    pub email: String,
    /// Whether the address is verified: JSON `true` and nothing else.
    pub email_verified: String,
    /// Groups: an array of strings, or one string, which is one group whatever is in it.
    pub groups: String,
    /// Roles: like groups.
    pub roles: String,
    /// Further claims to keep, under the path's text as name.
    pub keep: Vec<String>,
}

/// Groups or roles that one person may have; more would not fit into a token's header anyway.
const MOST_GROUPS: usize = 1000;

impl ClaimMapping {
    /// The principal of `issuer` and `subject`, as `claims` describe it. The caller has verified
    /// the claims; what is absent or of another type is left out.
    pub fn principal(
        &self,
        issuer: impl Into<String>,
        subject: impl Into<String>,
        claims: &Map<String, Value>,
    ) -> Principal {
        let mut principal = Principal::new(issuer, subject);
        principal.name = text(claims, &self.name);
        principal.preferred_username = text(claims, &self.preferred_username);
        principal.email = text(claims, &self.email).map(|address| Email {
            address,
            verified: claim(claims, &self.email_verified) == Some(&Value::Bool(true)),
        });
        principal.groups = list(claim(claims, &self.groups));
        principal.roles = list(claim(claims, &self.roles));
        for path in &self.keep {
            if let Some(value) = claim(claims, path) {
                principal.claims.insert(path.clone(), value.clone());
            }
        }
        principal
    }

    /// Whether something that is mapped is not in `claims`.
    pub fn lacks_some(&self, claims: &Map<String, Value>) -> bool {
        let named = [&self.name, &self.preferred_username, &self.email, &self.groups, &self.roles];
        named.into_iter().chain(&self.keep).any(|path| claim(claims, path).is_none())
    }
}

impl Default for ClaimMapping {
    fn default() -> Self {
        Self {
            name: "name".to_owned(),
            preferred_username: "preferred_username".to_owned(),
            email: "email".to_owned(),
            email_verified: "email_verified".to_owned(),
            groups: "groups".to_owned(),
            roles: "roles".to_owned(),
            keep: Vec::new(),
        }
    }
}

/// A claim by its whole name, or by a dotted path into objects.
pub fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

fn text(claims: &Map<String, Value>, path: &str) -> Option<String> {
    claim(claims, path)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
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
