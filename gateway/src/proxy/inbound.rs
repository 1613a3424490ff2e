//! From pingora's session to the request that the gate decides on.

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, Method, Version};
use pingora_proxy::Session;

use crate::base::RequestId;
use crate::gate::Refusal;
use crate::http1::{HeadFault, HeadLimits, RequestHead, check_http1, check_length};
use crate::proxy::connection::Connection;
use crate::web::forwarded::Trusted;
use crate::web::handshake::{Upgrade, upgrade};
use crate::web::mtls::ClientCertificate;
use crate::web::{CanonicalPath, Host, Request, Scheme, cookie, query_fault};

/// A request whose head keeps all rules. Owns what the decision borrows.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) method: Method,
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) client: IpAddr,
    pub(super) peer: IpAddr,
    /// Set when the connection was found to be one for this host.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
    pub(super) websocket: bool,
}

/// A request head in the spelling of either HTTP version.
struct Head<'a> {
    method: &'a Method,
    version: Version,
    /// `:authority`, or that of a target in absolute form.
    authority: Option<&'a str>,
    target: &'a str,
    headers: &'a HeaderMap,
}

impl Inbound {
    /// Reads and checks a request head of pingora's.
    ///
    /// # Errors
    /// The refusal to answer with; the connection is closed behind it, since nobody can say where
    /// a malformed request ends.
    pub(super) fn read(
        session: &Session,
        connection: &Connection,
        trusted: &Trusted,
        limits: HeadLimits,
    ) -> Result<Self, Refusal> {
        let head = session.req_header();
        let raw = session.as_downstream().as_http1().map(|http1| http1.get_headers_raw_bytes());
        let target = match &raw {
            Some(raw) => check_http1(raw, limits).map_err(refusal)?,
            None => {
                check_http2(&head.headers, limits)?;
                head.uri.path_and_query().map_or("", |target| target.as_str())
            }
        };
        let head = Head {
            method: &head.method,
            version: head.version,
            authority: head.uri.authority().map(Authority::as_str),
            target,
            headers: &head.headers,
        };
        Self::check(&head, connection, trusted)
    }

    /// Checks a request head of our own codec's, which has compared the authority of its target
    /// with `Host`.
    ///
    /// # Errors
    /// Like [`Self::read`].
    pub(super) fn of(
        head: &RequestHead,
        connection: &Connection,
        trusted: &Trusted,
    ) -> Result<Self, Refusal> {
        let head = Head {
            method: &head.method,
            version: if head.http11 { Version::HTTP_11 } else { Version::HTTP_10 },
            authority: None,
            target: head.target(),
            headers: &head.headers,
        };
        Self::check(&head, connection, trusted)
    }

    fn check(head: &Head<'_>, connection: &Connection, trusted: &Trusted) -> Result<Self, Refusal> {
        if *head.method == Method::TRACE || *head.method == Method::CONNECT {
            return Err(Refusal::MethodNotAllowed(Vec::new()));
        }
        check_expectation(head.headers)?;
        let (path, query) = split_target(head.target)?;
        let authority = match head.authority {
            Some(authority) => authority,
            None => host_field(head.headers)?,
        };
        let host = Host::parse(authority).map_err(|_| Refusal::BadRequest("a bad `Host`"))?;
        // `X-Forwarded-Host` is not asked, even of a trusted hop: load balancers that set the other
        // two pass it on as the client wrote it, and hosts are what routes are chosen by.
        let from = trusted.resolve(connection.peer.ip(), head.headers);
        let own = if connection.tls.is_some() { Scheme::Https } else { Scheme::Http };
        let websocket = match upgrade(head.method, head.version, head.headers) {
            Upgrade::WebSocket => true,
            Upgrade::None | Upgrade::Other => false,
            Upgrade::Refused(_) => return Err(Refusal::BadRequest("a bad WebSocket handshake")),
        };
        Ok(Self {
            method: head.method.clone(),
            scheme: from.scheme.unwrap_or(own),
            host,
            path,
            query,
            client: from.client,
            peer: connection.peer.ip().to_canonical(),
            certificate: None,
            websocket,
        })
    }

    /// The request as the gate sees it.
    pub(super) fn request<'a>(&'a self, id: RequestId, headers: &'a HeaderMap) -> Request<'a> {
        Request {
            id,
            method: &self.method,
            scheme: self.scheme,
            host: self.host.name(),
            authority: self.host.authority(),
            path: &self.path,
            query: self.query.as_deref(),
            headers,
            client: self.client,
            peer: self.peer,
            certificate: self.certificate.as_deref(),
            websocket: self.websocket,
        }
    }

    /// The same without its query, in which credentials may be.
    pub(super) fn bare(&self) -> Self {
        Self {
            method: self.method.clone(),
            scheme: self.scheme,
            host: self.host.clone(),
            path: self.path.clone(),
            query: None,
            client: self.client,
            peer: self.peer,
            certificate: self.certificate.clone(),
            websocket: self.websocket,
        }
    }

    /// Path and query as they are forwarded: the bytes that were decided on.
    pub(super) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// The connection that a request came on, put there by the edge.
pub(super) fn connection(session: &Session) -> Option<&Arc<Connection>> {
    let digest = session.as_downstream().digest()?;
    digest.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
}

/// A short name of the HTTP version, for logs.
pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "h2",
        Version::HTTP_10 => "http/1.0",
        _ => "http/1.1",
    }
}

/// What to answer for a fault of the head.
pub(super) fn refusal(fault: HeadFault) -> Refusal {
    match fault {
        HeadFault::Bad(rule) => Refusal::BadRequest(rule),
        HeadFault::TooLarge => Refusal::HeaderTooLarge,
    }
}

/// HTTP/2 frames what HTTP/1 spells, so that fewer rules are left; pingora's codec bounds the size.
fn check_http2(headers: &HeaderMap, limits: HeadLimits) -> Result<(), Refusal> {
    if headers.len() > limits.fields {
        return Err(Refusal::HeaderTooLarge);
    }
    let size: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > limits.bytes {
        return Err(Refusal::HeaderTooLarge);
    }
    let mut lengths = headers.get_all(http::header::CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (Some(_), Some(_)) => Err(Refusal::BadRequest("more than one `content-length`")),
        (Some(length), None) => check_length(length.as_bytes()).map(|_| ()).map_err(refusal),
        _ => Ok(()),
    }
}

fn check_expectation(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut expectations = headers.get_all(http::header::EXPECT).iter();
    match (expectations.next(), expectations.next()) {
        (None, _) => {}
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"100-continue") => {}
        _ => return Err(Refusal::ExpectationFailed),
    }
    if cookie::too_many(headers) {
        return Err(Refusal::HeaderTooLarge);
    }
    Ok(())
}

/// Path and query of a request target in origin form, or of one in absolute form, whose authority has
/// been compared with `Host`.
fn split_target(target: &str) -> Result<(String, Option<String>), Refusal> {
    let absolute = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let origin = match absolute {
        None => target,
        Some(rest) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
    };
    if origin.contains('#') {
        return Err(Refusal::BadRequest("a fragment in the request target"));
    }
    let (path, query) = match origin.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin, None),
    };
    let path = CanonicalPath::parse(path).map_err(|_| Refusal::BadRequest("an ambiguous path"))?;
    if query.is_some_and(|query| query_fault(query).is_some()) {
        return Err(Refusal::BadRequest("a bad query"));
    }
    Ok((path.into_cow().into_owned(), query.map(str::to_owned)))
}

fn host_field(headers: &HeaderMap) -> Result<&str, Refusal> {
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    host.ok_or(Refusal::BadRequest("no `Host`"))
}
