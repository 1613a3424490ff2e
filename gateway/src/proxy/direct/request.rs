//! One request on a client's connection.

use bytes::Bytes;
use http::Method;
use http::header::EXPECT;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::http1::{Body, Filled, HeadFault, HeadScan, RequestHead};
use crate::proxy::context::Context;
use crate::proxy::direct::client::{After, Client};
use crate::proxy::direct::compose;
use crate::proxy::direct::exchange::{Ended, exchange, note};
use crate::proxy::direct::fault::Fault;
use crate::proxy::direct::serve::Direct;
use crate::proxy::direct::tunnel::Tunnel;
use crate::proxy::inbound::{self, Inbound};
use crate::proxy::judge::{self, Answer, FORM_BYTES, Verdict, judge};

/// What comes behind a request.
pub(super) enum Next {
    /// This happens to the connection.
    After(After),
    /// pingora's path must serve it; nothing of it has been used up.
    HandOver,
    /// The connection is a tunnel from now on.
    Tunnel(Box<(Tunnel, Context)>),
}

/// What a client that is too slow with its request head is told.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Serves the request whose first bytes have arrived. `last` closes the connection behind it.
pub(super) async fn request<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    client: &mut Client<S>,
    last: bool,
) -> Next {
    let mut ctx = direct.gateway.context();
    ctx.record.peer = Some(client.connection.peer.ip());
    let limits = ctx.snapshot.head;
    let raw = match raw_head(direct, client, limits.bytes).await {
        Ok(Some(raw)) => raw,
        Ok(None) => return Next::After(After::Close),
        Err(fault) => return Box::pin(malformed(direct, client, &mut ctx, fault)).await,
    };
    let used = raw.len();
    let head = match RequestHead::parse(raw, limits) {
        Ok(head) => head,
        Err(fault) => return Box::pin(malformed(direct, client, &mut ctx, fault)).await,
    };
    let inbound = Inbound::of(&head, &client.connection, &ctx.snapshot.trusted);
    if inbound.as_ref().is_ok_and(|inbound| ctx.snapshot.needs_pingora(inbound)) {
        return Next::HandOver;
    }
    client.inlet.consume(used);
    ctx.record.method = Some(head.method.clone());
    ctx.record.protocol = if head.http11 { "http/1.1" } else { "http/1.0" };
    // What is rare is boxed: otherwise each request would be as large as the rarest.
    match judge(&direct.gateway, &mut ctx, &client.connection, inbound, &head.headers).await {
        Verdict::Answer(answer) => Box::pin(reply(client, &mut ctx, &head, (*answer, last))).await,
        Verdict::Own => Box::pin(own(direct, client, &mut ctx, &head, last)).await,
        Verdict::Forward => match exchange(direct, client, &mut ctx, &head, last).await {
            Ended::Answered(after) => Next::After(after),
            Ended::Upgraded(tunnel) => Next::Tunnel(Box::new((*tunnel, ctx))),
            Ended::Failed(fault) => Box::pin(failed(direct, client, &mut ctx, &head, fault)).await,
        },
    }
}

/// Answers with a page of our own.
async fn own<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    client: &mut Client<S>,
    ctx: &mut Context,
    head: &RequestHead,
    last: bool,
) -> Next {
    let Ok(form) = form(client, ctx, head).await else { return Next::After(After::Abort) };
    let answer = judge::own(&direct.gateway, ctx, &head.headers, form).await;
    // The form, if there was one, has been read.
    let close = answer.close || last || !head.persists();
    let answer = Answer { close, ..answer };
    if !write(client, ctx, Some(&head.method), &answer).await {
        return Next::After(After::Abort);
    }
    Next::After(if close { After::Linger } else { After::Reuse })
}

/// Answers for an exchange that failed, if anybody is there to read it.
async fn failed<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    client: &mut Client<S>,
    ctx: &mut Context,
    head: &RequestHead,
    fault: Fault,
) -> Next {
    note(direct, ctx, &fault);
    let Some(refusal) = fault.refusal() else { return Next::After(After::Abort) };
    let answer = judge::failed(&direct.gateway, ctx, &head.headers, refusal);
    write(client, ctx, Some(&head.method), &answer).await;
    Next::After(After::Linger)
}

/// The head as it came, not yet used up; `None` when the client will not send it whole.
async fn raw_head<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    client: &mut Client<S>,
    limit: usize,
) -> Result<Option<Bytes>, HeadFault> {
    let mut scan = HeadScan::default();
    let mut deadline = None;
    loop {
        if let Some(length) = scan.find(client.inlet.bytes())? {
            let head = client.inlet.bytes().get(..length).unwrap_or_default();
            return Ok(Some(Bytes::copy_from_slice(head)));
        }
        if client.inlet.len() > limit {
            return Err(HeadFault::TooLarge);
        }
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + direct.limits.head);
        // One byte more than the limit, so that a head of exactly the limit is not too large.
        match client.fill(limit.saturating_add(1), deadline).await {
            Ok(Some(Filled::Some)) => {}
            Ok(Some(Filled::Full)) => return Err(HeadFault::TooLarge),
            Ok(Some(Filled::End)) | Err(_) => return Ok(None),
            Ok(None) => {
                // Best effort: the client is not worth waiting for.
                let _ = client.write(REQUEST_TIMEOUT.to_vec(), direct.limits.head).await;
                return Ok(None);
            }
        }
    }
}

async fn malformed<S: AsyncRead + AsyncWrite + Unpin>(
    direct: &Direct,
    client: &mut Client<S>,
    ctx: &mut Context,
    fault: HeadFault,
) -> Next {
    let first = client.inlet.bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
    ctx.record.method = Some(Method::from_bytes(first).unwrap_or_default());
    ctx.record.protocol = "http/1.1";
    let answer = judge::malformed(&direct.gateway, ctx, inbound::refusal(fault));
    write(client, ctx, None, &answer).await;
    Next::After(After::Linger)
}

/// Answers a request whose body nobody has read.
async fn reply<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    ctx: &mut Context,
    head: &RequestHead,
    (mut answer, last): (Answer, bool),
) -> Next {
    // Who asked first whether to send a body will not send it now: what comes next may be either.
    let unsure = head.headers.contains_key(EXPECT) && head.body != Body::EMPTY;
    answer.close |= last || unsure || !head.persists();
    if !write(client, ctx, Some(&head.method), &answer).await {
        return Next::After(After::Abort);
    }
    if answer.close || !client.skip(head.body).await {
        return Next::After(After::Linger);
    }
    Next::After(After::Reuse)
}

/// Writes an answer of ours. False when the client is gone.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    ctx: &mut Context,
    method: Option<&Method>,
    answer: &Answer,
) -> bool {
    let mut out = Vec::with_capacity(1024 + answer.reply.body.len());
    let bytes = compose::reply(&mut out, &answer.reply, method, (ctx.id, answer.close));
    ctx.answered.status = answer.reply.status.as_u16();
    ctx.answered.bytes = bytes;
    client.write(out, ctx.snapshot.client_time).await.is_ok()
}

/// The body of a request for a page of ours; `None` when it is too large for one.
async fn form<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    ctx: &Context,
    head: &RequestHead,
) -> std::io::Result<Option<Bytes>> {
    if head.body.is_done() {
        return Ok(Some(Bytes::new()));
    }
    if let Body::Length(length) = head.body
        && length > FORM_BYTES as u64
    {
        return Ok(None);
    }
    if head.headers.contains_key(EXPECT) {
        let go_on = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
        client.write(go_on, ctx.snapshot.client_time).await?;
    }
    client.collect(head.body, FORM_BYTES, ctx.snapshot.body_time).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is boxed by mistake costs an allocation; what is not, a copy of it with each request.
    #[test]
    fn a_request_is_not_as_large_as_the_rarest_one() {
        fn size<F, Fut>(_: F) -> usize
        where
            F: FnOnce(&'static Direct, &'static mut Client<tokio::net::TcpStream>, bool) -> Fut,
        {
            size_of::<Fut>()
        }
        let size = size(request::<tokio::net::TcpStream>);
        assert!(size < 6 * 1024, "{size} bytes");
    }
}
