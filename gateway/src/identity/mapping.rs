//! From an issuer's claims to a principal: one home for all ways in.

use serde_json::{Map, Value};

use crate::identity::principal::{Email, Principal};

/// Where in an issuer's claims a thing is found.
///
/// A path is the claim's whole name (`https://corp.test/groups`), or else names joined by dots
/// (`realm_access.roles`). For groups and roles a last `*` stands for the names of an object's members
/// (`tenants.*`).
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
    /// Further claims to keep under another name: the name, and the path.
    pub rename: Vec<(String, String)>,
    /// Claims that everybody of this issuer has; they win over the issuer's own.
    pub add: Map<String, Value>,
}

impl ClaimMapping {
    /// Groups or roles that one person may have; more would not fit into a token's header anyway.
    pub const MOST_GROUPS: usize = 1000;

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
        principal.groups = list(claims, &self.groups);
        principal.roles = list(claims, &self.roles);
        let renamed = self.rename.iter().map(|(name, path)| (name, path));
        for (name, path) in self.keep.iter().map(|path| (path, path)).chain(renamed) {
            if let Some(value) = claim(claims, path) {
                principal.claims.insert(name.clone(), value.clone());
            }
        }
        principal.claims.extend(self.add.clone());
        principal
    }

    /// Whether something that is mapped is not in `claims`.
    pub fn lacks_some(&self, claims: &Map<String, Value>) -> bool {
        let named = [&self.name, &self.preferred_username, &self.email, &self.groups, &self.roles];
        let renamed = self.rename.iter().map(|(_, path)| path);
        let mut all = named.into_iter().chain(&self.keep).chain(renamed);
        all.any(|path| claim(claims, path.strip_suffix(MEMBERS).unwrap_or(path)).is_none())
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
            rename: Vec::new(),
            add: Map::new(),
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

/// The end of a path that means the names of an object's members. It must be asked for: an object such
/// as `{"admin": false}` names no groups by itself.
const MEMBERS: &str = ".*";

fn list(claims: &Map<String, Value>, path: &str) -> Vec<String> {
    let names: Vec<&str> = match (path.strip_suffix(MEMBERS), claim(claims, path)) {
        (_, Some(Value::Array(items))) => items.iter().filter_map(Value::as_str).collect(),
        // One name, whatever is in it: whoever may name a group `x admin` must not be in `admin`.
        (_, Some(Value::String(text))) => vec![text],
        (Some(object), None) => match claim(claims, object) {
            Some(Value::Object(members)) => members.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let named = names.into_iter().filter(|name| !name.is_empty());
    named.take(ClaimMapping::MOST_GROUPS).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn principal(mapping: &ClaimMapping, claims: &Value) -> Principal {
        mapping.principal("https://id.test", "ann", claims.as_object().unwrap())
    }

    #[test]
    fn the_members_of_an_object_are_groups_only_where_that_is_asked_for() {
        let claims = json!({ "tenants": { "T1": { "roles": ["x"] }, "": {}, "T2": {} } });
        let asked = ClaimMapping { groups: "tenants.*".to_owned(), ..ClaimMapping::default() };
        assert_eq!(principal(&asked, &claims).groups, ["T1", "T2"]);
        let plain = ClaimMapping { groups: "tenants".to_owned(), ..ClaimMapping::default() };
        assert!(principal(&plain, &claims).groups.is_empty());
        assert!(principal(&asked, &json!({ "tenants": "T1" })).groups.is_empty());
    }

    #[test]
    fn claims_are_renamed_and_added_and_what_is_added_cannot_be_claimed() {
        let mapping = ClaimMapping {
            rename: vec![("team".to_owned(), "org.unit".to_owned())],
            keep: vec!["plan".to_owned()],
            add: json!({ "plan": "gold" }).as_object().unwrap().clone(),
            ..ClaimMapping::default()
        };
        let claims = json!({ "org": { "unit": "ops" }, "plan": "platinum" });
        let who = principal(&mapping, &claims);
        assert_eq!(Value::Object(who.claims), json!({ "team": "ops", "plan": "gold" }));
    }
}
