//! The trait that every way in implements.

use std::fmt;

use async_trait::async_trait;

use crate::identity::{Authenticated, WayIn};
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

    /// Looks for this way's credential and judges it.
    async fn authenticate(&self, request: &Request<'_>) -> Outcome;

    /// What [`authenticate`](Self::authenticate) would say, where nothing has to be waited for:
    /// without a credential, with a malformed one, or with one that memory knows. `None` when
    /// somebody must be asked first; a way that always asks leaves this as it is.
    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        let _ = request;
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

/// Why a credential is bad. Goes to the audit log; a client learns only that it must sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// The credential is not even of the right form.
    Malformed,
    /// A session of a provider that this route does not take.
    OtherProvider,
    /// The same credential was sent more than once, so that nobody can say which one counts.
    Repeated,
    /// No such session: it ended, expired, or never was.
    SessionUnknown,
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
            Self::Malformed => "malformed",
            Self::OtherProvider => "other_provider",
            Self::Repeated => "repeated",
            Self::SessionUnknown => "session_unknown",
        }
    }
}
