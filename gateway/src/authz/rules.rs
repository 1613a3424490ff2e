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
    /// Subjects, or *verified* e-mail addresses in lower case.
    pub users: HashSet<String>,
    /// Group names, compared byte for byte.
    pub groups: HashSet<String>,
    /// Domains of verified e-mail addresses, lower case; sub-domains are not included.
    pub email_domains: HashSet<String>,
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
    fn lists(&self, principal: &Principal) -> bool {
        // An unverified address is what its owner typed: it must not open a door.
        let verified = principal.email.as_ref().filter(|email| email.verified);
        self.users.contains(&principal.subject)
            || principal.groups.iter().any(|group| self.groups.contains(group))
            || verified.is_some_and(|email| {
                self.users.contains(&email.address.to_ascii_lowercase())
                    || email.domain().is_some_and(|domain| self.email_domains.contains(&domain))
            })
    }
}
