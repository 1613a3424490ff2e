//! The three rules that a route can state by itself; a policy engine joins behind the same trait.

use std::collections::HashSet;

use crate::authz::authorizer::{Authorizer, DenyReason, Question, Verdict};
use crate::identity::Principal;

/// `access = "public"`: everybody whom a way in accepts, `anonymous` included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Public;

/// `access = "authenticated"`: everybody who is somebody.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAuthenticated;

/// `allow = { users, groups, email_domains }`: whoever is on one of the lists. Empty lists let
/// nobody through.
#[derive(Clone, Debug, Default)]
pub struct Allow {
    subjects: HashSet<String>,
    /// Lower case.
    addresses: HashSet<String>,
    groups: HashSet<String>,
    /// Lower case.
    domains: HashSet<String>,
    /// Whose people are meant; everybody's, where there is no list.
    issuers: Option<Vec<IssuerOf>>,
}

/// An issuer, or those of all tenants of a provider.
#[derive(Clone, Debug)]
enum IssuerOf {
    One(String),
    /// What stands before and after a tenant's id.
    Each(String, String),
}

impl Authorizer for Public {
    fn authorize(&self, question: Question<'_>) -> Verdict {
        question.allow()
    }
}

impl Authorizer for AllowAuthenticated {
    fn authorize(&self, question: Question<'_>) -> Verdict {
        if question.authenticated.is_anonymous() {
            return Verdict::Deny(DenyReason::Anonymous);
        }
        question.allow()
    }
}

impl Authorizer for Allow {
    fn authorize(&self, question: Question<'_>) -> Verdict {
        if question.authenticated.is_anonymous() {
            return Verdict::Deny(DenyReason::Anonymous);
        }
        if self.lists(question.authenticated.principal()) {
            return question.allow();
        }
        Verdict::Deny(DenyReason::NotListed)
    }
}

impl Allow {
    /// Reads the lists of a route.
    ///
    /// An entry of `users` with an `@` is a *verified* e-mail address, in any case, and never a
    /// subject: a provider where people choose their own subject would otherwise lend anybody's
    /// address. One without is a subject, byte for byte: to many providers `Ann` and `ann` are two.
    /// `email_domains` leave sub-domains out.
    pub fn new(users: &[String], groups: &[String], email_domains: &[String]) -> Self {
        let lower = |text: &String| text.to_ascii_lowercase();
        let (addresses, subjects): (Vec<_>, Vec<_>) =
            users.iter().partition(|user| user.contains('@'));
        Self {
            subjects: subjects.into_iter().cloned().collect(),
            addresses: addresses.into_iter().map(lower).collect(),
            groups: groups.iter().cloned().collect(),
            domains: email_domains.iter().map(lower).collect(),
            issuers: None,
        }
    }

    /// The same lists, for the people of these issuers only. One with `{tenantid}` in it stands for
    /// those of all tenants: which of them may come at all, the provider has said.
    #[must_use]
    pub fn only_of(self, issuers: impl IntoIterator<Item = String>) -> Self {
        let issuer = |written: String| match written.split_once("{tenantid}") {
            Some((before, after)) => IssuerOf::Each(before.to_owned(), after.to_owned()),
            None => IssuerOf::One(written),
        };
        Self { issuers: Some(issuers.into_iter().map(issuer).collect()), ..self }
    }

    fn lists(&self, principal: &Principal) -> bool {
        let meant = |all: &Vec<IssuerOf>| all.iter().any(|one| one.is(&principal.issuer));
        if !self.issuers.as_ref().is_none_or(meant) {
            return false;
        }
        // An unverified address is what its owner typed: it must not open a door.
        let verified = principal.email.as_ref().filter(|email| email.verified);
        self.subjects.contains(&principal.subject)
            || principal.groups.iter().any(|group| self.groups.contains(group))
            || verified.is_some_and(|email| {
                self.addresses.contains(&email.address.to_ascii_lowercase())
                    || email.domain().is_some_and(|domain| self.domains.contains(&domain))
            })
    }
}

impl IssuerOf {
    fn is(&self, issuer: &str) -> bool {
        match self {
            Self::One(written) => written == issuer,
            Self::Each(before, after) => {
                let tenant = issuer.strip_prefix(before.as_str());
                let tenant = tenant.and_then(|rest| rest.strip_suffix(after.as_str()));
                tenant.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/'))
            }
        }
    }
}

#[cfg(test)]
mod tests;
