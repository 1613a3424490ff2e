//! What the decision may know of a request: a view without a socket.

use std::net::IpAddr;

use http::{HeaderMap, Method};

use crate::base::RequestId;
use crate::web::mtls::ClientCertificate;

const EVENT_STREAM: &str = "text/event-stream";

/// A request as the gate sees it. Everything in it has been checked by the proxy: one host, one
/// canonical path, a client address from trusted hops only.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// This request's id.
    pub id: RequestId,
    /// The method.
    pub method: &'a Method,
    /// How the client reached the edge: of our listener, or of a trusted hop before it.
    pub scheme: Scheme,
    /// Host without port: lower case, no trailing dot.
    pub host: &'a str,
    /// Host with the port as the client wrote it, lower case: what `Origin` is compared with.
    pub authority: &'a str,
    /// The canonical path: the bytes that are matched are the bytes that are forwarded.
    pub path: &'a str,
    /// The query without `?`, byte for byte as sent.
    pub query: Option<&'a str>,
    /// The header fields as sent. Identity headers in it are the client's word only.
    pub headers: &'a HeaderMap,
    /// The client: the peer, or the right-most hop that no trusted proxy vouches for.
    pub client: IpAddr,
    /// The other end of the connection: the client, or the last proxy before us. What only some networks
    /// may say is judged by it, never by `client`, which is that proxy's word.
    pub peer: IpAddr,
    /// The client's certificate, verified for the host that is asked for; where a proxy asks about
    /// somebody's request, that is not known.
    pub certificate: Option<&'a ClientCertificate>,
    /// Whether this is a strict WebSocket handshake (RFC 6455 section 4.2.1).
    pub websocket: bool,
}

/// The scheme a client used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// Which shape of "no" a caller can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// A call by gRPC: status in trailers.
    Grpc,
    /// A navigation inside a frame: never a redirect to a login page, which refuses to be framed.
    IframeNavigation,
    /// A call of the Model Context Protocol: wants an error of JSON-RPC.
    Mcp,
    /// A top-level navigation: can be redirected.
    Navigation,
    /// A script's call, an event stream, or a program: wants a status code and JSON.
    Programmatic,
    /// A WebSocket handshake: wants a plain status before the upgrade.
    WebSocket,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

#[cfg(test)]
impl<'a> Request<'a> {
    /// A `GET` of `https://app.test/` from this machine, with these fields: what a test changes stands
    /// beside it.
    pub(crate) fn sample(headers: &'a HeaderMap) -> Self {
        Self {
            id: RequestId::random(&crate::base::SeededEntropy::new(1)),
            method: &Method::GET,
            scheme: Scheme::Https,
            host: "app.test",
            authority: "app.test",
            path: "/",
            query: None,
            headers,
            client: [127, 0, 0, 1].into(),
            peer: [127, 0, 0, 1].into(),
            certificate: None,
            websocket: false,
        }
    }
}

impl Request<'_> {
    /// The one value of a header that may occur once only; `None` when it is absent, repeated or
    /// not visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        first.to_str().ok()
    }

    /// Whether the caller takes an event stream: the answer may then stay open.
    pub fn takes_events(&self) -> bool {
        let named = |accept: &str| {
            memchr::memmem::find(accept.as_bytes(), EVENT_STREAM.as_bytes()).is_some()
        };
        self.header("accept")
            .is_some_and(|accept| accept.len() >= EVENT_STREAM.len() && named(accept))
    }

    /// The path with its query: what `return_to` remembers.
    pub fn path_and_query(&self) -> String {
        match self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_owned(),
        }
    }

    /// Who is asking, by the signals of Fetch Metadata, or by `Accept` where a client sends none.
    pub fn caller_kind(&self) -> CallerKind {
        if self.websocket {
            return CallerKind::WebSocket;
        }
        let content_type = self.header("content-type").unwrap_or_default();
        if content_type.starts_with("application/grpc") {
            return CallerKind::Grpc;
        }
        if self.is_mcp() {
            return CallerKind::Mcp;
        }
        if *self.method != Method::GET && *self.method != Method::HEAD {
            // A form post is a navigation too, but a redirect would lose what was posted.
            return CallerKind::Programmatic;
        }
        match (self.header("sec-fetch-mode"), self.header("sec-fetch-dest")) {
            (Some("navigate"), Some("document")) => CallerKind::Navigation,
            (Some("navigate"), Some("iframe" | "frame" | "object" | "embed")) => {
                CallerKind::IframeNavigation
            }
            (Some(_), _) => CallerKind::Programmatic,
            (None, _) if self.accepts_html() => CallerKind::Navigation,
            (None, _) => CallerKind::Programmatic,
        }
    }

    /// Whether a client of MCP is asking: newer ones say so, and all of them take an answer in both of
    /// these forms.
    fn is_mcp(&self) -> bool {
        let says = |name| self.headers.contains_key(name);
        if says("mcp-protocol-version") || says("mcp-method") {
            return true;
        }
        let takes_json =
            || self.header("accept").is_some_and(|accept| accept.contains("application/json"));
        *self.method == Method::POST && self.takes_events() && takes_json()
    }

    fn accepts_html(&self) -> bool {
        self.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()).any(|value| {
            value.split(',').any(|range| {
                range.split(';').next().is_some_and(|kind| {
                    let kind = kind.trim();
                    kind.eq_ignore_ascii_case("text/html")
                        || kind.eq_ignore_ascii_case("application/xhtml+xml")
                })
            })
        })
    }
}
