//! The trait that every way in implements.

use std::fmt;

use async_trait::async_trait;

use crate::identity::{Authenticated, WayIn};
use crate::session::Session;
use crate::web::Request;

/// One way of finding out who sent a request.
///
/// Contract, held by the conformance suite: a request without this way's credential is
/// [`Outcome::Absent`]; a credential that is present and bad is [`Outcome::Reject`], never absent; a
/// dependency that cannot be asked is [`Outcome::Unavailable`], never a rejection.
#[async_trait]
pub trait Authenticator: Send + Sync + fmt::Debug {
    /// Which way in this is.
    fn way_in(&self) -> WayIn;

    /// How a refusal asks for this way's credential: a challenge with its parameters (RFC 9110 section
    /// 11.6.1), without any that depend on the request. `None` for a way without a scheme.
    fn challenge(&self) -> Option<&str> {
        None
    }

    /// Looks for this way's credential and judges it.
    async fn authenticate(&self, request: &Request<'_>) -> Outcome;

    /// What [`authenticate`](Self::authenticate) would say, where nothing has to be waited for:
    /// without a credential, with a malformed one, or with one that memory knows. `None` when
    /// somebody must be asked first; a way that always asks leaves this as it is.
    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        let _ = request;
        None
    }

    /// What it says today of somebody whom it accepted earlier, where it can say so without their
    /// credential: `request` has no header fields. `session` is that of `proof` as it is now, if it
    /// lives. `None` for a way that cannot say: its word then holds for as long as nothing about the
    /// way changes.
    fn again(
        &self,
        proof: &Authenticated,
        session: Option<&Session>,
        request: &Request<'_>,
    ) -> Option<Outcome> {
        let _ = (proof, session, request);
        None
    }
}

/// What one way in says of a request. 401 and 503 are never confused.
#[derive(Debug)]
pub enum Outcome {
    /// No credential of this kind was sent; the next way in may look.
    Absent,
    /// The credential is good.
    Accept(Authenticated),
    /// The credential is bad; the chain stops here.
    Reject(RejectReason),
    /// Nobody can say just now.
    Unavailable(Unavailable),
}

/// Why a credential is bad: one list for all ways in. Goes to the audit log; a client learns no
/// more than that its credential does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// Signed by an algorithm that is not accepted here.
    Algorithm,
    /// Meant for somebody else.
    Audience,
    /// A claim that must be there is not, or says something else.
    Claims,
    /// Sent by a page of another site, which must not use what a browser keeps for us.
    CrossSite,
    /// Switched off by whoever keeps it.
    Disabled,
    /// Its time is over.
    Expired,
    /// Of an issuer that this route does not take.
    Issuer,
    /// The credential is not even of the right form.
    Malformed,
    /// Sent where it must not be: an address is in logs and histories.
    Misplaced,
    /// Its time has not begun.
    NotYet,
    /// Another credential of the same request names somebody else.
    OtherPrincipal,
    /// A session of a provider that this route does not take.
    OtherProvider,
    /// A session that a link began, for something else than this.
    OutOfReach,
    /// The same credential was sent more than once, so that nobody can say which one counts.
    Repeated,
    /// Withdrawn by whoever gave it out.
    Revoked,
    /// Good, but not for what this route is for.
    Scope,
    /// Its name is known, its secret is another one.
    Secret,
    /// No such session: it ended, expired, or never was.
    SessionUnknown,
    /// Not signed by whom it says.
    Signature,
    /// Not looked at: too many were bad lately.
    TooMany,
    /// A token that is meant for something else.
    Type,
    /// Nobody knows it, or nobody does any more.
    Unknown,
    /// Signed by a key that nobody knows.
    UnknownKey,
    /// Used before, and good for one use only.
    Used,
}

/// What could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{dependency} cannot be asked")]
pub struct Unavailable {
    /// The dependency, in the operator's words.
    pub dependency: &'static str,
    /// Why not.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

impl RejectReason {
    /// The word used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Algorithm => "algorithm",
            Self::Audience => "audience",
            Self::Claims => "claims",
            Self::CrossSite => "cross_site",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Issuer => "issuer",
            Self::Malformed => "malformed",
            Self::Misplaced => "misplaced",
            Self::NotYet => "not_yet",
            Self::OtherPrincipal => "other_principal",
            Self::OtherProvider => "other_provider",
            Self::OutOfReach => "out_of_reach",
            Self::Repeated => "repeated",
            Self::Revoked => "revoked",
            Self::Scope => "scope",
            Self::Secret => "secret",
            Self::SessionUnknown => "session_unknown",
            Self::Signature => "signature",
            Self::TooMany => "too_many",
            Self::Type => "type",
            Self::Unknown => "unknown",
            Self::UnknownKey => "unknown_key",
            Self::Used => "used",
        }
    }
}
