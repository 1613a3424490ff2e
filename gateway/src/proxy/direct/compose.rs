//! The heads that the direct path writes: strip, then set.

use std::fmt::Display;
use std::io::Write as _;
use std::net::IpAddr;

use http::header::{CONNECTION, COOKIE};
use http::{HeaderValue, Method, StatusCode};

use crate::base::RequestId;
use crate::gate::Admitted;
use crate::http1::{AnswerHead, Body, Coding, RequestHead};
use crate::proxy::inbound::Inbound;
use crate::proxy::outbound::{DEBUG_TOKEN, REQUEST_ID, host, is_ours, is_planted};
use crate::proxy::service::Snapshot;
use crate::web::{Reply, cookie};

/// Fields that are about one connection and end with it (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Writes the upstream's request out of the client's.
///
/// Fields are taken as the client spelt them, one line each. What `Connection` names is dropped
/// before ours are set, so that a client cannot have ours removed.
pub(super) fn request(
    out: &mut Vec<u8>,
    head: &RequestHead,
    inbound: &Inbound,
    admitted: &Admitted,
    (snapshot, id): (&Snapshot, RequestId),
) {
    let plan = admitted.plan();
    for part in [head.method.as_str(), " ", &inbound.path] {
        out.extend_from_slice(part.as_bytes());
    }
    if let Some(query) = &inbound.query {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let authority = inbound.host.authority();
    field(out, "Host", host(plan, authority).as_bytes());
    let named = Named::of(head.headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes));
    for (name, line) in head.lines() {
        let dropped = is_hop_by_hop(name)
            || name.eq_ignore_ascii_case("host")
            || name.eq_ignore_ascii_case("cookie")
            || named.has(name)
            || is_ours(name, plan);
        if !dropped {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
    // The handle is a password: it must not reach an application, nor an application's log.
    if head.headers.contains_key(COOKIE)
        && let Some(rest) = cookie::strip(&head.headers, |name| snapshot.cookies.is_ours(name))
    {
        field(out, "Cookie", rest.as_bytes());
    }
    forwarded(out, inbound.client, inbound.scheme.as_str(), authority);
    field(out, "X-Request-Id", id.as_str().as_bytes());
    if let (Some(token), Some(wanted)) = (admitted.token(), &plan.token) {
        field(out, wanted.header.as_str(), token.value.as_bytes());
    }
    if head.body == Body::CHUNKED {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if inbound.websocket {
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// How an answer leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaves {
    pub(super) coding: Coding,
    /// The connection ends behind it.
    pub(super) close: bool,
}

/// Writes the client's answer out of the upstream's.
pub(super) fn answer(
    out: &mut Vec<u8>,
    answer: &AnswerHead<'_>,
    leaves: Leaves,
    admitted: &Admitted,
    (snapshot, id): (&Snapshot, RequestId),
) {
    status_line(out, answer.status, answer.reason);
    relayed_fields(out, answer, snapshot);
    field(out, "X-Request-Id", id.as_str().as_bytes());
    if let (Some(token), Some(wanted)) = (admitted.token(), &admitted.plan().token)
        && wanted.debug_header
    {
        field(out, "X-Debug-User-JWT", token.value.as_bytes());
    }
    if answer.status == StatusCode::SWITCHING_PROTOCOLS.as_u16() {
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
    } else {
        leave(out, leaves);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes an interim answer (RFC 9110 section 15.2).
pub(super) fn interim(out: &mut Vec<u8>, answer: &AnswerHead<'_>, snapshot: &Snapshot) {
    status_line(out, answer.status, answer.reason);
    relayed_fields(out, answer, snapshot);
    out.extend_from_slice(b"\r\n");
}

/// Writes an answer of our own, and how many bytes of body it has.
pub(super) fn reply(
    out: &mut Vec<u8>,
    reply: &Reply,
    method: Option<&Method>,
    (id, close): (RequestId, bool),
) -> u64 {
    status_line(out, reply.status.as_u16(), reply.status.canonical_reason().unwrap_or_default());
    for (name, value) in reply.headers.iter().chain(&reply.trailers) {
        field(out, name.as_str(), value.as_bytes());
    }
    field(out, "x-request-id", id.as_str().as_bytes());
    let bodiless = matches!(reply.status.as_u16(), 100..=199 | 204 | 304);
    if !bodiless {
        number(out, "content-length", reply.body.len());
    }
    leave(out, Leaves { coding: Coding::Raw, close });
    out.extend_from_slice(b"\r\n");
    if bodiless || method == Some(&Method::HEAD) {
        return 0;
    }
    out.extend_from_slice(&reply.body);
    reply.body.len() as u64
}

fn relayed_fields(out: &mut Vec<u8>, answer: &AnswerHead<'_>, snapshot: &Snapshot) {
    let connection = |field: &(&str, &[u8])| field.0.eq_ignore_ascii_case("connection");
    let named = Named::of(answer.fields.iter().filter(connection).map(|field| field.1));
    for (name, value) in answer.fields.iter() {
        let dropped = is_hop_by_hop(name)
            || name.eq_ignore_ascii_case(REQUEST_ID.as_str())
            || name.eq_ignore_ascii_case(DEBUG_TOKEN.as_str())
            || named.has(name)
            || (name.eq_ignore_ascii_case("set-cookie") && is_planted(value, snapshot));
        if !dropped {
            field(out, name, value);
        }
    }
}

fn status_line(out: &mut Vec<u8>, status: u16, reason: &str) {
    // Writing to a vector does not fail.
    let _ = write!(out, "HTTP/1.1 {status} {reason}\r\n");
}

fn leave(out: &mut Vec<u8>, leaves: Leaves) {
    if leaves.coding == Coding::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if leaves.close {
        out.extend_from_slice(b"Connection: close\r\n");
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn number(out: &mut Vec<u8>, name: &str, value: impl Display) {
    let _ = write!(out, "{name}: {value}\r\n");
}

/// What the upstream is told of the client: ours alone, nothing of what the client sent.
fn forwarded(out: &mut Vec<u8>, client: IpAddr, scheme: &str, host: &str) {
    let client = client.to_canonical();
    let _ = write!(out, "X-Forwarded-For: {client}\r\n");
    field(out, "X-Forwarded-Proto", scheme.as_bytes());
    field(out, "X-Forwarded-Host", host.as_bytes());
    let _ = match client {
        IpAddr::V4(v4) => write!(out, "Forwarded: for={v4};host=\"{host}\";proto={scheme}\r\n"),
        IpAddr::V6(v6) => {
            write!(out, "Forwarded: for=\"[{v6}]\";host=\"{host}\";proto={scheme}\r\n")
        }
    };
}

fn is_hop_by_hop(name: &str) -> bool {
    (2..=19).contains(&name.len()) && HOP_BY_HOP.iter().any(|hop| hop.eq_ignore_ascii_case(name))
}

/// The fields that `Connection` names, beyond the options that everybody sends.
#[derive(Debug)]
struct Named<'a>(Vec<&'a [u8]>);

impl<'a> Named<'a> {
    fn of(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let usual = |option: &[u8]| {
            let mut all = [&b"close"[..], b"keep-alive", b"upgrade", b""].into_iter();
            all.any(|usual| option.eq_ignore_ascii_case(usual))
        };
        let options =
            lines.flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        Self(options.filter(|option| !usual(option)).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
