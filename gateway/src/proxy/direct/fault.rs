//! How an exchange on the direct path can fail.

use crate::gate::Refusal;
use crate::session::EndCause;
use crate::upstream::LinkFault;

/// Why an exchange did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The client broke off.
    #[error("the client is gone")]
    ClientGone,
    /// The client's body breaks a rule of the message syntax.
    #[error("the request body: {0}")]
    ClientMalformed(&'static str),
    /// The client neither sent nor took anything for too long.
    #[error("the client took too long")]
    ClientTimeout,
    /// The session of a live stream ended.
    #[error("the session ended")]
    Cut(EndCause),
    /// The whole body was not there in time.
    #[error("the request body took too long")]
    Expired,
    /// There is no connection to a backend.
    #[error(transparent)]
    Link(#[from] LinkFault),
    /// The request body is over the route's limit.
    #[error("the request body is over the limit")]
    TooLarge,
    /// It lasts, and is not bound to its session yet. Whoever runs the exchange binds it, and goes on.
    #[error("it is not bound to its session")]
    Unbound,
    /// The backend broke off. Whether it had answered anything by then.
    #[error("the upstream broke off: {cause}")]
    UpstreamBroken { answered: bool, cause: std::io::Error },
    /// The backend's answer is none.
    #[error("the upstream's answer: {0}")]
    UpstreamMalformed(String),
    /// The backend was silent for too long.
    #[error("the upstream took too long")]
    UpstreamTimeout,
}

impl Fault {
    /// What to answer; `None` where nobody is left to answer, or may be answered.
    pub(super) const fn refusal(&self) -> Option<Refusal> {
        Some(match self {
            Self::ClientGone
            | Self::ClientTimeout
            | Self::Cut(_)
            | Self::Expired
            | Self::Unbound => return None,
            Self::ClientMalformed(rule) => Refusal::BadRequest(rule),
            Self::TooLarge => Refusal::BodyTooLarge,
            Self::Link(LinkFault::TimedOut) | Self::UpstreamTimeout => Refusal::UpstreamTimeout,
            Self::Link(LinkFault::Tls(_)) => Refusal::Upstream("tls"),
            Self::Link(LinkFault::NoAddress | LinkFault::Refused(_)) => {
                Refusal::Upstream("no connection")
            }
            Self::UpstreamBroken { .. } => Refusal::Upstream("broken off"),
            Self::UpstreamMalformed(_) => Refusal::Upstream("a malformed answer"),
        })
    }

    /// The word for an upstream's failure, in the metrics.
    pub(super) const fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Self::ClientGone
            | Self::ClientMalformed(_)
            | Self::ClientTimeout
            | Self::Cut(_)
            | Self::Expired
            | Self::TooLarge
            | Self::Unbound => return None,
            Self::Link(LinkFault::TimedOut) => "connect_timeout",
            Self::Link(LinkFault::Tls(_)) => "tls",
            Self::Link(LinkFault::NoAddress | LinkFault::Refused(_)) => "connect",
            Self::UpstreamBroken { .. } => "broken_off",
            Self::UpstreamMalformed(_) => "malformed",
            Self::UpstreamTimeout => "timeout",
        })
    }

    /// The word for a request that was cut, in the metrics.
    pub(super) const fn cut(&self) -> Option<&'static str> {
        match self {
            Self::Cut(cause) => Some(cause.as_str()),
            Self::Expired => Some("expired"),
            _ => None,
        }
    }
}
