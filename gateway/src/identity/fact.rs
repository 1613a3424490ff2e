//! One thing that is known of a principal, as plain text: what a header field can say.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::identity::Principal;

/// A fact by the name of its claim. A name that is none of ours is one of the provider's own claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A claim that the provider's mapping chose to keep.
    Claim(String),
    /// `display_name`: the best name to show; not an identifier.
    DisplayName,
    /// `email`: the address, if its issuer verified it. Who owns data by it must not be handed that of
    /// somebody who only wrote the same address into a profile.
    Email,
    /// `groups`, as a list.
    Groups,
    /// `idp`: who vouches for the principal.
    Issuer,
    /// `name`: the full name.
    Name,
    /// `preferred_username`: the login name; not an identifier.
    PreferredUsername,
    /// `roles`, as a list.
    Roles,
    /// `sub`: the issuer's stable name for the principal.
    Subject,
    /// `user`: login name, verified address, or subject.
    User,
}

/// A longer value would leave no room for the other fields: servers allow 8 KiB for all.
const MAX_BYTES: usize = 4096;

impl Fact {
    /// Whether people of two issuers may be called alike by it.
    pub const fn may_be_shared(&self) -> bool {
        !matches!(self, Self::Issuer | Self::Groups | Self::Roles)
    }

    /// What is known; `None` where nothing is, or where it cannot be said in one line. Lists are joined
    /// by commas, at most `most` entries, without those that would be read as two.
    pub fn of(&self, who: &Principal, most: usize) -> Option<String> {
        let text = match self {
            Self::Claim(name) => match who.claims.get(name)? {
                Value::String(text) => text.clone(),
                value @ (Value::Bool(_) | Value::Number(_)) => value.to_string(),
                Value::Array(items) => {
                    let names = items.iter().filter_map(Value::as_str);
                    joined(names, most)
                }
                Value::Null | Value::Object(_) => return None,
            },
            Self::DisplayName => who.display_name().to_owned(),
            Self::Email => who.verified_email()?.to_owned(),
            Self::Groups => joined(who.groups.iter().map(String::as_str), most),
            Self::Issuer => who.issuer.clone(),
            Self::Name => who.name.clone()?,
            Self::PreferredUsername => who.preferred_username.clone()?,
            Self::Roles => joined(who.roles.iter().map(String::as_str), most),
            Self::Subject => who.subject.clone(),
            Self::User => who.user().to_owned(),
        };
        (!text.is_empty() && text.len() <= MAX_BYTES).then_some(text)
    }
}

fn joined<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> String {
    let mut list = String::new();
    for name in names.filter(|name| !name.is_empty() && !name.contains(',')).take(most) {
        if list.len() + name.len() >= MAX_BYTES {
            break;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(name);
    }
    list
}

impl FromStr for Fact {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "display_name" => Self::DisplayName,
            "email" => Self::Email,
            "groups" => Self::Groups,
            "idp" => Self::Issuer,
            "name" => Self::Name,
            "preferred_username" => Self::PreferredUsername,
            "roles" => Self::Roles,
            "sub" => Self::Subject,
            "user" => Self::User,
            other => Self::Claim(other.to_owned()),
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claim(name) => name,
            Self::DisplayName => "display_name",
            Self::Email => "email",
            Self::Groups => "groups",
            Self::Issuer => "idp",
            Self::Name => "name",
            Self::PreferredUsername => "preferred_username",
            Self::Roles => "roles",
            Self::Subject => "sub",
            Self::User => "user",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::identity::Email;

    fn said(name: &str, who: &Principal) -> Option<String> {
        let fact: Fact = name.parse().unwrap();
        assert_eq!(fact.to_string(), name);
        fact.of(who, 2)
    }

    #[test]
    fn what_is_known_is_said_and_nothing_else() {
        let mut ann = Principal::new("https://idp.test", "ann-1");
        assert_eq!(said("sub", &ann).as_deref(), Some("ann-1"));
        assert_eq!(said("user", &ann).as_deref(), Some("ann-1"));
        for name in ["email", "groups", "name", "preferred_username", "roles", "department"] {
            assert_eq!(said(name, &ann), None, "{name}");
        }
        ann.groups = ["a,admin", "", "staff", "ops", "more"].map(str::to_owned).to_vec();
        assert_eq!(said("groups", &ann).as_deref(), Some("staff,ops"));
        ann.claims.insert("department".to_owned(), json!("R&D"));
        ann.claims.insert("level".to_owned(), json!(3));
        ann.claims.insert("address".to_owned(), json!({ "city": "x" }));
        assert_eq!(said("department", &ann).as_deref(), Some("R&D"));
        assert_eq!(said("level", &ann).as_deref(), Some("3"));
        assert_eq!(said("address", &ann), None);
    }

    #[test]
    fn an_address_that_nobody_verified_is_not_said() {
        let mut ann = Principal::new("https://idp.test", "ann-1");
        let address = "boss@corp.test".to_owned();
        ann.email = Some(Email { address: address.clone(), verified: false });
        assert_eq!(said("email", &ann), None);
        assert_eq!(said("user", &ann).as_deref(), Some("ann-1"));
        ann.email = Some(Email { address, verified: true });
        assert_eq!(said("email", &ann).as_deref(), Some("boss@corp.test"));
    }

    #[test]
    fn a_list_never_grows_beyond_a_header() {
        let mut ann = Principal::new("https://idp.test", "ann-1");
        ann.groups = (0..2_000).map(|number| format!("group-{number}")).collect();
        assert!(Fact::Groups.of(&ann, usize::MAX).unwrap().len() <= MAX_BYTES);
        ann.name = Some("x".repeat(MAX_BYTES + 1));
        assert_eq!(Fact::Name.of(&ann, 1), None);
    }
}
