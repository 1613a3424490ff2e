//! From pingora's errors to a refusal: the only mapping.

use pingora_error::{Error, ErrorSource, ErrorType};

use crate::gate::Refusal;
use crate::proxy::context::Context;

/// What to answer for an error; `None` where the client is gone and nobody is left to answer.
pub(super) fn refusal(error: &Error, context: &Context) -> Option<Refusal> {
    if context.too_large {
        return Some(Refusal::BodyTooLarge);
    }
    if context.ticket.as_ref().is_some_and(|ticket| ticket.over().is_some()) {
        return Some(Refusal::Unauthenticated(None));
    }
    match error.esource() {
        ErrorSource::Upstream => Some(upstream(error.etype())),
        ErrorSource::Downstream => match error.etype() {
            ErrorType::ReadError
            | ErrorType::ReadTimedout
            | ErrorType::WriteError
            | ErrorType::WriteTimedout
            | ErrorType::ConnectionClosed => None,
            _ => Some(Refusal::BadRequest("pingora refused it")),
        },
        ErrorSource::Internal | ErrorSource::Unset => Some(Refusal::Upstream("internal error")),
    }
}

/// The word for an upstream's failure, in the metrics.
pub(super) fn kind(error: &Error) -> Option<&'static str> {
    (*error.esource() == ErrorSource::Upstream).then(|| match error.etype() {
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => "connect_timeout",
        ErrorType::ConnectError
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectRefused
        | ErrorType::SocketError => "connect",
        ErrorType::InvalidCert | ErrorType::TLSHandshakeFailure => "tls",
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => "timeout",
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::InvalidH2 => "malformed",
        _ => "broken_off",
    })
}

fn upstream(kind: &ErrorType) -> Refusal {
    match kind {
        ErrorType::ConnectTimedout | ErrorType::ReadTimedout | ErrorType::WriteTimedout => {
            Refusal::UpstreamTimeout
        }
        ErrorType::ConnectError
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectRefused
        | ErrorType::SocketError => Refusal::Upstream("no connection"),
        ErrorType::InvalidCert | ErrorType::TLSHandshakeFailure => Refusal::Upstream("tls"),
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::InvalidH2 => {
            Refusal::Upstream("a malformed answer")
        }
        _ => Refusal::Upstream("broken off"),
    }
}
