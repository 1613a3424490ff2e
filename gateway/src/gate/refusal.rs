//! Every "no" that the gateway can say.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::authn::{ChainFault, RejectReason, Unavailable};
use crate::authz::DenyReason;
use crate::identity::{Lacking, StepUp, WayIn};
use crate::token::MintError;
use crate::web::Request;

/// A "no". What a client learns ([`Self::status`], [`Self::code`], [`Self::sentence`]) and what the
/// operator learns ([`Self::cause`]) are different things; nothing else of it is ever shown.
#[derive(Debug)]
pub enum Refusal {
    /// The request itself is at fault: a framing, path or header rule is broken.
    BadRequest(&'static str),
    /// The request body is larger than the route takes.
    BodyTooLarge,
    /// An expectation other than `100-continue`.
    ExpectationFailed,
    /// Somebody who is known may not do this.
    Forbidden(DenyReason),
    /// The request's header is larger than the limit.
    HeaderTooLarge,
    /// A signed link came: it is used up elsewhere, and goes no further.
    Link,
    /// The route is there, but not for this method.
    MethodNotAllowed(Vec<Method>),
    /// No identity token could be made; nothing is forwarded without one.
    Mint(MintError),
    /// A good credential that is not for what this route is for.
    InsufficientScope(WayIn),
    /// A credential that was sent twice, or where it must not be.
    InvalidRequest(WayIn, RejectReason),
    /// The host is not one of ours.
    Misdirected,
    /// Nothing is served at this path.
    NotFound,
    /// A page of another site tried to open a WebSocket.
    Origin,
    /// The connection was made for another site, or by other rules for client certificates.
    OtherConnection,
    /// Somebody who may, but whose sign-in is too weak or too old for this route (RFC 9470).
    StepUp(Arc<StepUp>, Lacking),
    /// More live streams are open than the limit allows.
    StreamLimit,
    /// Too many credentials were bad lately; this one was not looked at.
    TooManyTries(WayIn),
    /// Nobody, or nobody any more.
    Unauthenticated(Option<(WayIn, RejectReason)>),
    /// A dependency that must be asked cannot be asked.
    Unavailable(Unavailable),
    /// The upstream cannot be reached or broke off: which way, in the operator's words.
    Upstream(&'static str),
    /// The upstream took too long.
    UpstreamTimeout,
}

impl Refusal {
    /// What a chain's fault means for the caller.
    pub fn of(fault: ChainFault) -> Self {
        match fault {
            ChainFault::Reject(way, RejectReason::Scope) => Self::InsufficientScope(way),
            ChainFault::Reject(way, RejectReason::TooMany) => Self::TooManyTries(way),
            // RFC 6750 section 3.1. A cookie that is there twice is an old browser's fault, and
            // signing in mends it.
            ChainFault::Reject(
                way @ WayIn::Bearer,
                reason @ (RejectReason::Misplaced | RejectReason::Repeated),
            ) => Self::InvalidRequest(way, reason),
            ChainFault::Reject(_, RejectReason::CrossSite) => Self::Origin,
            ChainFault::Reject(way, reason) => Self::Unauthenticated(Some((way, reason))),
            ChainFault::Unavailable(cause) => Self::Unavailable(cause),
        }
    }

    /// What a signed link in a request means for the caller: only a page can be entered by one.
    pub fn of_link(request: &Request<'_>) -> Self {
        let reads = matches!(*request.method, Method::GET | Method::HEAD) && !request.websocket;
        let misplaced = Some((WayIn::SignedUrl, RejectReason::Misplaced));
        if reads { Self::Link } else { Self::Unauthenticated(misplaced) }
    }

    /// The status code of the answer.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::InvalidRequest(..) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ExpectationFailed => StatusCode::EXPECTATION_FAILED,
            Self::Forbidden(_) | Self::InsufficientScope(_) | Self::Origin => StatusCode::FORBIDDEN,
            Self::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Link => StatusCode::SEE_OTHER,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Mint(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Misdirected | Self::OtherConnection => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::StreamLimit | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyTries(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::StepUp(..) | Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The stable word for it: in the answer, the logs and the metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::BodyTooLarge => "body_too_large",
            Self::ExpectationFailed => "expectation_failed",
            Self::Forbidden(_) => "forbidden",
            Self::HeaderTooLarge => "header_too_large",
            Self::Link => "signed_link",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Mint(_) => "token_failed",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::InvalidRequest(..) => "invalid_request",
            Self::Misdirected => "unknown_host",
            Self::NotFound => "not_found",
            Self::Origin => "origin_refused",
            Self::OtherConnection => "other_connection",
            Self::StepUp(..) => "insufficient_user_authentication",
            Self::StreamLimit => "too_many_streams",
            Self::TooManyTries(_) => "too_many_tries",
            Self::Unauthenticated(_) => "sign_in_required",
            Self::Unavailable(_) => "temporarily_unavailable",
            Self::Upstream(_) => "upstream_failed",
            Self::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// The one plain sentence for the person who sees it.
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "The request is not well formed.",
            Self::BodyTooLarge => "What was sent is larger than this address accepts.",
            Self::ExpectationFailed => "The request asks for something this server does not do.",
            Self::Forbidden(_) => "You are signed in, but you may not use this page.",
            Self::HeaderTooLarge => "The request's header is larger than this server accepts.",
            Self::Link => "This link leads on.",
            Self::MethodNotAllowed(_) => "This address does not take requests of that kind.",
            Self::Mint(_) => "Something went wrong on our side.",
            Self::InsufficientScope(_) => "The access token or API key is not meant for this.",
            Self::InvalidRequest(..) => "The access token was not sent in the one way that counts.",
            Self::Misdirected => "This server does not serve that host.",
            Self::NotFound => "There is nothing at this address.",
            Self::Origin => "A page of another site may not do this here.",
            Self::OtherConnection => "This host needs a connection of its own.",
            Self::StepUp(..) => {
                "Sign in once more to go on: this page needs a fresher or stronger proof."
            }
            Self::StreamLimit => "Too many connections are open just now. Try again in a moment.",
            Self::TooManyTries(_) => "Too many attempts failed. Try again in a few minutes.",
            Self::Unauthenticated(_) => "Sign in to go on.",
            Self::Unavailable(_) => "Signing in does not work just now. Try again in a moment.",
            Self::Upstream(_) => "The application behind this address does not answer.",
            Self::UpstreamTimeout => "The application behind this address took too long.",
        }
    }

    /// Whether signing in helps.
    pub const fn wants_login(&self) -> bool {
        matches!(self, Self::StepUp(..) | Self::Unauthenticated(_))
    }

    /// The error code of RFC 6750 section 3.1, where a token of this way in was sent and refused.
    pub fn token_error(&self, way: WayIn) -> Option<&'static str> {
        match self {
            Self::InsufficientScope(refused) if *refused == way => Some("insufficient_scope"),
            Self::InvalidRequest(refused, _) if *refused == way => Some("invalid_request"),
            Self::Unauthenticated(Some((refused, _))) if *refused == way => Some("invalid_token"),
            _ => None,
        }
    }

    /// Seconds after which trying again makes sense.
    pub const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::StreamLimit | Self::Unavailable(_) => Some(5),
            Self::TooManyTries(_) => Some(60),
            _ => None,
        }
    }

    /// What happened, for the audit log only.
    pub fn cause(&self) -> String {
        match self {
            Self::BadRequest(rule) => (*rule).to_owned(),
            Self::Forbidden(reason) => reason.as_str().to_owned(),
            Self::InsufficientScope(way) => format!("{way}: {}", RejectReason::Scope.as_str()),
            Self::Mint(error) => error.to_string(),
            Self::StepUp(_, lacking) => lacking.to_string(),
            Self::TooManyTries(way) => format!("{way}: {}", RejectReason::TooMany.as_str()),
            Self::Unauthenticated(None) => "no credential".to_owned(),
            Self::InvalidRequest(way, reason) | Self::Unauthenticated(Some((way, reason))) => {
                format!("{way}: {}", reason.as_str())
            }
            Self::Unavailable(error) => format!("{error}: {}", error.cause),
            Self::Upstream(how) => (*how).to_owned(),
            Self::BodyTooLarge
            | Self::ExpectationFailed
            | Self::HeaderTooLarge
            | Self::Link
            | Self::MethodNotAllowed(_)
            | Self::Misdirected
            | Self::NotFound
            | Self::Origin
            | Self::OtherConnection
            | Self::StreamLimit
            | Self::UpstreamTimeout => self.code().to_owned(),
        }
    }
}
