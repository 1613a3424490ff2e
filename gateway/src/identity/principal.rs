//! Who it is.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A person or a service, as its issuer described it. The key is (issuer, subject), never the
/// e-mail address: an address can be given to somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who vouches for it: the `iss` of an `OpenID` provider.
    pub issuer: String,
    /// The issuer's stable name for it.
    pub subject: String,
    /// The name to show.
    pub name: Option<String>,
    /// The login name to show; not an identifier.
    pub preferred_username: Option<String>,
    /// The e-mail address, with what the issuer said of it.
    pub email: Option<Email>,
    /// Groups, in the issuer's order, after mapping.
    pub groups: Vec<String>,
    /// Roles, in the issuer's order, after mapping.
    pub roles: Vec<String>,
    /// Further claims that the provider's mapping chose to keep.
    pub claims: Map<String, Value>,
}

/// An e-mail address and whether its issuer verified it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// The address as given.
    pub address: String,
    /// True only where the issuer said so with JSON `true`.
    pub verified: bool,
}

impl Principal {
    /// A principal of whom only issuer and subject are known.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            name: None,
            preferred_username: None,
            email: None,
            groups: Vec::new(),
            roles: Vec::new(),
            claims: Map::new(),
        }
    }

    /// Nobody: what the `anonymous` way in accepts.
    pub fn anonymous() -> Self {
        Self::new("", "anonymous")
    }

    /// Whether both are the same: issuer and subject, never the e-mail address.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.subject == other.subject
    }

    /// The e-mail address, if its issuer verified it.
    pub fn verified_email(&self) -> Option<&str> {
        self.email.as_ref().filter(|email| email.verified).map(|email| email.address.as_str())
    }

    /// The name for display and old applications: login name, else the *verified* address, else the
    /// subject. Whoever keys data on a person uses issuer and subject.
    pub fn user(&self) -> &str {
        let known = self.preferred_username.as_deref().or_else(|| self.verified_email());
        known.unwrap_or(&self.subject)
    }

    /// The best name to show a person: name, login name, e-mail address, or the subject.
    pub fn display_name(&self) -> &str {
        self.name
            .as_deref()
            .or(self.preferred_username.as_deref())
            .or(self.email.as_ref().map(|email| email.address.as_str()))
            .unwrap_or(&self.subject)
    }
}

impl Email {
    /// The part behind the `@`, lower-cased, of a plain address; `None` for anything odd.
    ///
    /// `a@evil.test@corp.test`, quoted local parts, spaces and non-ASCII text have no domain: an
    /// attacker who registers such an address must not pass a rule for `corp.test`.
    pub fn domain(&self) -> Option<String> {
        let (local, domain) = self.address.split_once('@')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        let label =
            |l: &str| !l.is_empty() && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (!local.is_empty() && local.chars().all(plain) && domain.split('.').all(label))
            .then(|| domain.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(address: &str) -> Option<String> {
        Email { address: address.to_owned(), verified: true }.domain()
    }

    #[test]
    fn only_a_plain_address_has_a_domain() {
        assert_eq!(domain("ann@Corp.Test").as_deref(), Some("corp.test"));
        for odd in [
            "a@evil.test@corp.test",
            "\"a@evil.test\"@corp.test",
            "ann@corp.test.",
            "ann@corp.test ",
            "ann@",
            "@corp.test",
            "ann",
            "ann@cоrp.test", // a Cyrillic o
        ] {
            assert_eq!(domain(odd), None, "{odd}");
        }
    }
}
