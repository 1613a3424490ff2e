//! From a reply of ours to pingora's answer.

use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::proxy::context::Context;
use crate::proxy::outbound::REQUEST_ID;
use crate::web::Reply;

/// Writes a complete answer. The connection lives on, unless `close`: pingora's own error answers
/// always close it, which would cost each client that must sign in a new handshake.
pub(super) async fn reply(
    session: &mut Session,
    context: &mut Context,
    reply: Reply,
    close: bool,
) -> Result<()> {
    if close {
        session.as_downstream_mut().set_keepalive(None);
    }
    let mut head = ResponseHeader::build(reply.status, Some(reply.headers.len() + 2))?;
    let trails = session.as_downstream().is_http2() && !reply.trailers.is_empty();
    let early = (!trails).then_some(&reply.trailers);
    for (name, value) in reply.headers.iter().chain(early.into_iter().flatten()) {
        head.append_header(name, value)?;
    }
    head.insert_header(REQUEST_ID, context.id.as_str())?;
    if !bodiless(reply.status) && !trails {
        head.insert_header(CONTENT_LENGTH, reply.body.len())?;
    }
    if trails {
        context.answered.status = reply.status.as_u16();
        session.write_response_header(Box::new(head), false).await?;
        return session.as_downstream_mut().write_response_trailers(reply.trailers).await;
    }
    let silent = session.req_header().method == Method::HEAD || reply.body.is_empty();
    context.answered.status = reply.status.as_u16();
    context.answered.bytes = if silent { 0 } else { reply.body.len() as u64 };
    session.write_response_header(Box::new(head), silent).await?;
    if !silent {
        session.write_response_body(Some(reply.body), true).await?;
    }
    Ok(())
}

fn bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}
