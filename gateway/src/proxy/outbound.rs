//! What the upstream is told: strip, then set.

use std::borrow::Cow;

use http::header::{
    CONTENT_SECURITY_POLICY, COOKIE, FORWARDED, HOST, SET_COOKIE, TE, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use pingora_error::{Error, ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};

use crate::base::RequestId;
use crate::gate::{Admitted, RoutePlan};
use crate::proxy::inbound::Inbound;
use crate::proxy::service::Snapshot;
use crate::web::{cookie, forwarded, framing, names, set_name};

/// The header that carries the request's id to the upstream, and back to the client.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Shows the minted token to whoever debugs a route; off by default.
pub(super) const DEBUG_TOKEN: HeaderName = HeaderName::from_static("x-debug-user-jwt");

/// Hop-by-hop fields of an answer that pingora passes on from one HTTP/1 connection to another.
const HOP_BY_HOP: [HeaderName; 3] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    http::header::PROXY_AUTHENTICATE,
];

/// Makes the upstream's request out of the client's. pingora has removed hop-by-hop fields, and
/// fields that `Connection` names, before; so a client cannot have ours removed. Runs once for
/// each try of a request, and gives the same result each time.
///
/// A client's `Authorization` goes through where no way in reads it: applications have their own use
/// for it. Elsewhere it is on the route's list of what to strip.
pub(super) fn prepare(
    upstream: &mut RequestHeader,
    client: &HeaderMap,
    inbound: &Inbound,
    admitted: &Admitted,
    snapshot: &Snapshot,
    id: RequestId,
) -> Result<()> {
    let plan = admitted.plan();
    strip(upstream, plan);
    // The handle is a password: it must not reach an application, nor an application's log.
    if let Some(told) = admitted.told() {
        upstream.remove_header(&COOKIE);
        if let Some(cookie) = &told.cookie {
            upstream.insert_header(COOKIE, cookie.clone())?;
        }
    } else if upstream.headers.contains_key(COOKIE) {
        upstream.remove_header(&COOKIE);
        if let Some(rest) = cookie::strip(client, |name| snapshot.cookies.is_ours(name)) {
            upstream.insert_header(COOKIE, rest)?;
        }
    }
    let target: Uri =
        inbound.target().parse().or_err(ErrorType::InternalError, "a canonical path is a URI")?;
    upstream.set_uri(target);
    let authority = inbound.host.authority();
    upstream.insert_header(HOST, &*host(plan, authority))?;
    let ours = forwarded::outgoing(inbound.client, inbound.scheme, authority);
    for (name, value) in ours.fields() {
        upstream.insert_header(name, value)?;
    }
    upstream.insert_header(REQUEST_ID, id.as_str())?;
    for (name, value) in admitted.permit().authenticated().passed() {
        upstream.insert_header(name.clone(), value.clone())?;
    }
    for (name, value) in admitted.told().iter().flat_map(|told| &told.fields) {
        upstream.insert_header(name.clone(), value.clone())?;
    }
    if let (Some(token), Some(wanted)) = (admitted.token(), &plan.token)
        && let Some(header) = &wanted.header
    {
        upstream.insert_header(header.clone(), wanted.header_value(token))?;
    }
    // gRPC servers insist on it; pingora strips it with the other hop-by-hop fields.
    if client.get(TE).is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers")) {
        upstream.insert_header(TE, "trailers")?;
    }
    Ok(())
}

/// Removes what only we may say, in every spelling.
fn strip(upstream: &mut RequestHeader, plan: &RoutePlan) {
    let ours = |name: &&HeaderName| is_ours(name.as_str(), plan);
    let doomed: Vec<_> = upstream.headers.keys().filter(ours).cloned().collect();
    for name in doomed {
        upstream.remove_header(&name);
    }
}

/// Whether a header field is one that only we may send to the upstream, whatever its spelling.
pub(super) fn is_ours(name: &str, plan: &RoutePlan) -> bool {
    let own = |own: &HeaderName| names::is_identity_header(name, std::slice::from_ref(own));
    names::is_identity_header(name, &plan.strip)
        || names::has_underscore(name)
        || name.eq_ignore_ascii_case(FORWARDED.as_str())
        || own(&REQUEST_ID)
        || plan.token.as_ref().and_then(|token| token.header.as_ref()).is_some_and(own)
}

/// Whether an application tries to set a cookie of ours, which could put its visitor into somebody
/// else's session.
pub(super) fn is_planted(set_cookie: &[u8], snapshot: &Snapshot) -> bool {
    set_name(set_cookie).is_some_and(|name| snapshot.cookies.is_ours(name))
}

/// What the upstream sees as `Host`.
pub(super) fn host<'a>(plan: &RoutePlan, authority: &'a str) -> Cow<'a, str> {
    match plan.pool.settings().servers.first() {
        Some(server) if !plan.preserve_host => format!("{}:{}", server.host, server.port).into(),
        _ => authority.into(),
    }
}

/// Makes the client's answer out of the upstream's.
pub(super) fn finish(
    answer: &mut ResponseHeader,
    admitted: &Admitted,
    snapshot: &Snapshot,
    id: RequestId,
) -> Result<()> {
    for name in &HOP_BY_HOP {
        answer.remove_header(name);
    }
    answer.remove_header(&DEBUG_TOKEN);
    cookies(answer, admitted, snapshot)?;
    if let Some(tab) = &admitted.plan().tab {
        let sent = answer.headers.get_all(CONTENT_SECURITY_POLICY).iter();
        let policies = framing::policies(sent, &tab.ancestors);
        answer.remove_header(&X_FRAME_OPTIONS);
        answer.remove_header(&CONTENT_SECURITY_POLICY);
        for policy in policies {
            answer.append_header(CONTENT_SECURITY_POLICY, policy)?;
        }
    }
    answer.insert_header(REQUEST_ID, id.as_str())?;
    if let (Some(token), Some(wanted)) = (admitted.token(), &admitted.plan().token)
        && wanted.debug_header
    {
        answer.insert_header(DEBUG_TOKEN, token.value.clone())?;
    }
    Ok(())
}

/// The application's cookies as they may pass, and ours.
fn cookies(answer: &mut ResponseHeader, admitted: &Admitted, snapshot: &Snapshot) -> Result<()> {
    let planted = |value: &HeaderValue| is_planted(value.as_bytes(), snapshot);
    let told = admitted.told();
    let sent = answer.headers.get_all(SET_COOKIE);
    if told.is_none() && !sent.iter().any(planted) {
        return Ok(());
    }
    let kept = sent.iter().filter(|value| !planted(value));
    let kept =
        kept.filter_map(|value| HeaderValue::from_bytes(&admitted.relayed(value.as_bytes())?).ok());
    let kept: Vec<_> = kept.collect();
    answer.remove_header(&SET_COOKIE);
    for value in kept {
        answer.append_header(SET_COOKIE, value)?;
    }
    // An interim answer is not where a browser looks for them.
    if answer.status.is_informational() {
        return Ok(());
    }
    for value in told.iter().flat_map(|told| &told.set_cookies) {
        answer.append_header(SET_COOKIE, value.clone())?;
    }
    Ok(())
}

/// pingora reached for an upstream without an admitted request. Nothing is forwarded.
pub(super) fn not_admitted() -> Box<Error> {
    Error::explain(ErrorType::InternalError, "no permit for this request")
}

#[cfg(test)]
pub(super) mod tests;
