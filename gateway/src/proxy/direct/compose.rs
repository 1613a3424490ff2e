//! The heads that the direct path writes: strip, then set.

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
use crate::web::{Reply, cookie, framing};

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
        let dropped = is_hop_by_hop(name.as_bytes())
            || name.eq_ignore_ascii_case("host")
            || name.eq_ignore_ascii_case("cookie")
            || named.has(name.as_bytes())
            || is_ours(name, plan);
        if !dropped {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
    // The handle is a password: it must not reach an application, nor an application's log.
    if let Some(told) = admitted.told() {
        if let Some(cookie) = &told.cookie {
            field(out, "Cookie", cookie.as_bytes());
        }
    } else if head.headers.contains_key(COOKIE)
        && let Some(rest) = cookie::strip(&head.headers, |name| snapshot.cookies.is_ours(name))
    {
        field(out, "Cookie", rest.as_bytes());
    }
    forwarded(out, inbound.client, inbound.scheme.as_str(), authority);
    field(out, "X-Request-Id", id.as_str().as_bytes());
    for (name, value) in admitted.permit().authenticated().passed() {
        field(out, name.as_str(), value.as_bytes());
    }
    for (name, value) in admitted.told().iter().flat_map(|told| &told.fields) {
        field(out, name.as_str(), value.as_bytes());
    }
    if let (Some(token), Some(wanted)) = (admitted.token(), &plan.token)
        && let Some(header) = &wanted.header
    {
        for part in [header.as_str(), ": ", wanted.scheme()] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(token.value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if head.body == Body::CHUNKED {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if inbound.websocket {
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

const CSP: &[u8] = b"content-security-policy";

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
    let tab = admitted.plan().tab.as_ref();
    relayed_fields(out, answer, snapshot, (tab.is_some(), admitted));
    if let Some(tab) = tab {
        let policy = |field: &(&[u8], &[u8])| field.0.eq_ignore_ascii_case(CSP);
        let sent = answer.fields.iter().filter(policy);
        let sent: Vec<_> =
            sent.filter_map(|(_, value)| HeaderValue::from_bytes(value).ok()).collect();
        for policy in framing::policies(&sent, &tab.ancestors) {
            field(out, "Content-Security-Policy", policy.as_bytes());
        }
    }
    for cookie in admitted.told().iter().flat_map(|told| &told.set_cookies) {
        field(out, "Set-Cookie", cookie.as_bytes());
    }
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
pub(super) fn interim(
    out: &mut Vec<u8>,
    answer: &AnswerHead<'_>,
    admitted: &Admitted,
    snapshot: &Snapshot,
) {
    status_line(out, answer.status, answer.reason);
    relayed_fields(out, answer, snapshot, (false, admitted));
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
        out.extend_from_slice(b"content-length: ");
        decimal(out, reply.body.len());
        out.extend_from_slice(b"\r\n");
    }
    leave(out, Leaves { coding: Coding::Raw, close });
    out.extend_from_slice(b"\r\n");
    if bodiless || method == Some(&Method::HEAD) {
        return 0;
    }
    out.extend_from_slice(&reply.body);
    reply.body.len() as u64
}

/// The fields that pass. Of a page that is `framed` in Teams, who may frame it is said anew; cookies are
/// those of an admitted request's application.
fn relayed_fields(
    out: &mut Vec<u8>,
    answer: &AnswerHead<'_>,
    snapshot: &Snapshot,
    (framed, admitted): (bool, &Admitted),
) {
    let connection = |field: &(&[u8], &[u8])| field.0.eq_ignore_ascii_case(b"connection");
    let named = answer
        .names_fields
        .then(|| Named::of(answer.fields.iter().filter(connection).map(|(_, value)| value)));
    for (name, value) in answer.fields.iter() {
        let sets_cookie = name.eq_ignore_ascii_case(b"set-cookie");
        let dropped = is_hop_by_hop(name)
            || name.eq_ignore_ascii_case(REQUEST_ID.as_str().as_bytes())
            || name.eq_ignore_ascii_case(DEBUG_TOKEN.as_str().as_bytes())
            || named.as_ref().is_some_and(|named| named.has(name))
            || (framed
                && (name.eq_ignore_ascii_case(CSP)
                    || name.eq_ignore_ascii_case(b"x-frame-options")))
            || (sets_cookie && is_planted(value, snapshot));
        if dropped {
            continue;
        }
        let value = if sets_cookie { admitted.relayed(value) } else { Some(value.into()) };
        if let Some(value) = value {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(&value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn status_line(out: &mut Vec<u8>, status: u16, reason: &str) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, usize::from(status));
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
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

/// A number without the machinery of `write!`, which costs more than the rest of a field.
fn decimal(out: &mut Vec<u8>, number: usize) {
    if number >= 10 {
        decimal(out, number / 10);
    }
    out.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
}

/// What the upstream is told of the client: ours alone, nothing of what the client sent.
fn forwarded(out: &mut Vec<u8>, client: IpAddr, scheme: &str, host: &str) {
    out.extend_from_slice(b"X-Forwarded-For: ");
    let start = out.len();
    let client = client.to_canonical();
    address(out, client);
    let end = out.len();
    out.extend_from_slice(b"\r\n");
    field(out, "X-Forwarded-Proto", scheme.as_bytes());
    field(out, "X-Forwarded-Host", host.as_bytes());
    let (open, close) = if client.is_ipv6() { ("\"[", "]\"") } else { ("", "") };
    out.extend_from_slice(b"Forwarded: for=");
    out.extend_from_slice(open.as_bytes());
    out.extend_from_within(start..end);
    for part in [close, ";host=\"", host, "\";proto=", scheme, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (at, octet) in v4.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                decimal(out, usize::from(octet));
            }
        }
        IpAddr::V6(v6) => {
            // Writing to a vector does not fail.
            let _ = write!(out, "{v6}");
        }
    }
}

/// Fields that are about one connection and end with it (RFC 9110 section 7.6.1).
fn is_hop_by_hop(name: &[u8]) -> bool {
    // By length first, since this is asked of every field of every message.
    let named = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    match name.len() {
        2 => named("te"),
        7 => named("trailer") || named("upgrade"),
        10 => named("connection") || named("keep-alive"),
        14 => named("http2-settings"),
        16 => named("proxy-connection"),
        17 => named("transfer-encoding"),
        18 => named("proxy-authenticate"),
        19 => named("proxy-authorization"),
        _ => false,
    }
}

/// The fields that `Connection` names, beyond the options that everybody sends.
#[derive(Debug)]
struct Named<'a>(Vec<&'a [u8]>);

impl<'a> Named<'a> {
    fn of(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let usual = |option: &[u8]| {
            // Where a body ends is not about one connection, whoever says so.
            let mut all = [
                &b"close"[..],
                b"keep-alive",
                b"upgrade",
                b"",
                b"content-length",
                b"transfer-encoding",
            ]
            .into_iter();
            all.any(|usual| option.eq_ignore_ascii_case(usual))
        };
        let options =
            lines.flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        Self(options.filter(|option| !usual(option)).collect())
    }

    fn has(&self, name: &[u8]) -> bool {
        self.0.iter().any(|option| option.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests;
