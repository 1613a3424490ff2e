//! The trait behind which every kind of authorization sits.

use std::fmt;

use crate::base::RouteId;
use crate::identity::{Authenticated, Permit};
use crate::web::Request;

/// May they? Synchronous: a decision does no I/O.
pub trait Authorizer: Send + Sync + fmt::Debug {
    /// Answers one question. An authorizer that cannot answer denies.
    fn authorize(&self, question: Question<'_>) -> Verdict;
}

/// Who wants to do what, where.
#[derive(Debug)]
pub struct Question<'a> {
    /// Who asks.
    pub authenticated: Authenticated,
    /// On which route.
    pub route: &'a RouteId,
    /// What they ask for.
    pub request: &'a Request<'a>,
}

/// The answer. Only "yes" carries something that lets a request go on.
#[derive(Debug)]
pub enum Verdict {
    /// Let through.
    Allow(Permit),
    /// Not let through.
    Deny(DenyReason),
}

/// Why somebody who is known may not. Goes to the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyReason {
    /// The route wants somebody in particular.
    Anonymous,
    /// Neither user, group nor e-mail domain is on the route's list.
    NotListed,
}

impl DenyReason {
    /// The word used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::NotListed => "not_listed",
        }
    }
}

impl Question<'_> {
    /// Lets the asker through. Private to this floor: see [`Permit::assertion`].
    pub(super) fn allow(self) -> Verdict {
        Verdict::Allow(Permit::assertion(self.authenticated, self.route.clone()))
    }
}
