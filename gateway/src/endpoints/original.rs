//! What another proxy says of the request that it asks about.

use std::net::IpAddr;

use http::Method;

use crate::endpoints::verify::VERIFY;
use crate::web::forwarded::Trusted;
use crate::web::{CanonicalPath, Host, Request, Scheme, query_fault};

/// How a proxy speaks of the original request. Fields of another dialect are the client's own, and
/// never read: whoever could choose the path that is judged would choose a public one.
#[derive(Clone, Copy, Debug)]
pub enum Dialect {
    /// The original method, and the original target behind our path.
    Envoy,
    /// `X-Forwarded-*`, all five.
    Forwarded,
    /// `X-Original-*`, as far as the proxy sets them.
    Nginx(Said),
}

/// Which `X-Original-*` fields an nginx sets beside `X-Original-URI`.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// `X-Original-Host`; without it the `Host` of the question counts.
    pub host: bool,
    /// `X-Original-Method`; without it the method is unknown.
    pub method: bool,
    /// `X-Original-Proto`; without it the scheme of the public URL counts.
    pub scheme: bool,
    /// `X-Original-Remote-Addr`; without it the client of the question counts.
    pub client: bool,
}

/// The request that a proxy asks about, under the same rules as one of our own.
#[derive(Debug)]
pub(super) struct Original {
    /// `None` where the proxy does not say.
    pub(super) method: Option<Method>,
    scheme: Scheme,
    host: Host,
    path: String,
    query: Option<String>,
    client: IpAddr,
}

impl Original {
    /// Reads what the proxy says. `scheme` counts where it says none.
    ///
    /// # Errors
    /// What is missing, there twice, or malformed.
    pub(super) fn read(
        dialect: Dialect,
        question: &Request<'_>,
        peers: &Trusted,
        scheme: Scheme,
    ) -> Result<Self, &'static str> {
        match dialect {
            Dialect::Envoy => Self::envoy(question, peers, scheme),
            Dialect::Forwarded => Self::forwarded(question, peers),
            Dialect::Nginx(said) => Self::nginx(question, said, scheme),
        }
    }

    fn nginx(question: &Request<'_>, said: Said, scheme: Scheme) -> Result<Self, &'static str> {
        let (path, query) = target(field(question, "x-original-uri", "no `X-Original-URI`")?)?;
        let host = match said.host {
            true => field(question, "x-original-host", "no `X-Original-Host`")?,
            false => question.authority,
        };
        let method = match said.method {
            true => Some(method(field(question, "x-original-method", "no `X-Original-Method`")?)?),
            false => None,
        };
        let scheme = match said.scheme {
            true => named_scheme(field(question, "x-original-proto", "no `X-Original-Proto`")?)?,
            false => scheme,
        };
        let client = match said.client {
            true => {
                let text =
                    field(question, "x-original-remote-addr", "no `X-Original-Remote-Addr`")?;
                text.parse().map_err(|_| "a bad `X-Original-Remote-Addr`")?
            }
            false => question.client,
        };
        Ok(Self { method, scheme, host: named_host(host)?, path, query, client })
    }

    fn forwarded(question: &Request<'_>, peers: &Trusted) -> Result<Self, &'static str> {
        let (path, query) = target(field(question, "x-forwarded-uri", "no `X-Forwarded-Uri`")?)?;
        let said = field(question, "x-forwarded-method", "no `X-Forwarded-Method`")?;
        let proto = field(question, "x-forwarded-proto", "no `X-Forwarded-Proto`")?;
        let host = field(question, "x-forwarded-host", "no `X-Forwarded-Host`")?;
        Ok(Self {
            method: Some(method(said)?),
            scheme: named_scheme(proto)?,
            host: named_host(host)?,
            path,
            query,
            client: peers.resolve(question.peer, question.headers).client,
        })
    }

    fn envoy(
        question: &Request<'_>,
        peers: &Trusted,
        scheme: Scheme,
    ) -> Result<Self, &'static str> {
        let path = question.path.strip_prefix(VERIFY).filter(|path| path.starts_with('/'));
        Ok(Self {
            method: Some(question.method.clone()),
            scheme,
            host: named_host(question.authority)?,
            path: path.ok_or("no original path behind the page's own")?.to_owned(),
            query: question.query.map(str::to_owned),
            client: peers.resolve(question.peer, question.headers).client,
        })
    }

    /// The original request as the gate sees it, with the header fields that came with the question.
    pub(super) fn request<'a>(&'a self, question: &'a Request<'_>) -> Request<'a> {
        Request {
            id: question.id,
            method: self.method.as_ref().unwrap_or(&Method::GET),
            scheme: self.scheme,
            host: self.host.name(),
            authority: self.host.authority(),
            path: &self.path,
            query: self.query.as_deref(),
            headers: question.headers,
            client: self.client.to_canonical(),
            // The proxy asks; the fields are the client's: who may say who people are is not decided
            // by who asks.
            peer: self.client.to_canonical(),
            // That on the connection is the proxy's own.
            certificate: None,
            // A proxy does not pass `Upgrade` on to us; browsers let no page leave these out or add
            // them. Without this a page of another site could open a WebSocket behind that proxy.
            websocket: ["sec-websocket-key", "sec-websocket-version"]
                .iter()
                .any(|name| question.headers.contains_key(*name)),
        }
    }
}

/// A field that must be there once.
fn field<'a>(
    question: &'a Request<'_>,
    name: &str,
    missing: &'static str,
) -> Result<&'a str, &'static str> {
    question.header(name).ok_or(missing)
}

fn target(text: &str) -> Result<(String, Option<String>), &'static str> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let path = CanonicalPath::parse(path).map_err(|_| "an ambiguous original path")?;
    if query.is_some_and(|query| query_fault(query).is_some()) {
        return Err("a bad original query");
    }
    Ok((path.into_cow().into_owned(), query.map(str::to_owned)))
}

fn method(text: &str) -> Result<Method, &'static str> {
    Method::from_bytes(text.as_bytes()).map_err(|_| "a bad original method")
}

fn named_host(text: &str) -> Result<Host, &'static str> {
    Host::parse(text).map_err(|_| "a bad original host")
}

fn named_scheme(text: &str) -> Result<Scheme, &'static str> {
    // Caddy and Traefik say `ws` and `wss` of a handshake.
    match text {
        "http" | "ws" => Ok(Scheme::Http),
        "https" | "wss" => Ok(Scheme::Https),
        _ => Err("a bad original scheme"),
    }
}
