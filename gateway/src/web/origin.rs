//! Which page a request comes from, as far as browsers tell.

use std::fmt;

use http::header::ORIGIN;
use http::{HeaderMap, Method};

use crate::web::host::Host;
use crate::web::request::{Request, Scheme};

/// A web origin: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    https: bool,
    host: String,
    port: u16,
}

/// Why a request is not taken from where it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginFault {
    /// `Sec-Fetch-Site` says that another site sent it.
    #[error("request was sent by another site")]
    CrossSite,
    /// An origin that is neither this one nor listed.
    #[error("request has a foreign origin")]
    Foreign,
    /// Not an origin, or more than one.
    #[error("request has a malformed origin")]
    Malformed,
    /// `null`: a sandboxed frame, a local file, a redirect across sites.
    #[error("request has an opaque origin")]
    Opaque,
}

impl Origin {
    /// Reads `https://host[:port]`, as in `Origin` and in the configured list.
    pub fn parse(raw: &str) -> Option<Self> {
        let (scheme, authority) = raw.split_once("://")?;
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        Self::of(scheme, authority)
    }

    /// The origin of a request to `authority`.
    pub fn of(scheme: Scheme, authority: &str) -> Option<Self> {
        let host = Host::parse(authority).ok()?;
        let https = scheme == Scheme::Https;
        let port = host.port().unwrap_or(if https { 443 } else { 80 });
        Some(Self { https, host: host.name().to_owned(), port })
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host in lower case, without port; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none was written.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// The one spelling of an origin, as browsers write it: lower case, without a default port.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.https { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Whether a WebSocket may be opened. Browsers always say where a handshake comes from and send
/// cookies with it, whatever the page; so a foreign origin is a hijack. Programs send none.
///
/// # Errors
///
/// Why the handshake is refused: answer 403.
pub fn check_websocket(
    headers: &HeaderMap,
    scheme: Scheme,
    authority: &str,
    allowed: &[Origin],
) -> Result<(), OriginFault> {
    match claim(headers)? {
        Claim::Absent => Ok(()),
        Claim::Opaque => Err(OriginFault::Opaque),
        Claim::Page(origin) => known(&origin, scheme, authority, allowed),
    }
}

/// Whether a request may change state: a post to an endpoint of ours that trusts a cookie.
///
/// A page under `Referrer-Policy: no-referrer` sends `Origin: null` with its own forms, so the
/// opaque origin is taken where `Sec-Fetch-Site`, which no script can set, says `same-origin`.
///
/// # Errors
///
/// Why the request is refused: answer 403.
pub fn check_state_change(
    headers: &HeaderMap,
    scheme: Scheme,
    authority: &str,
    allowed: &[Origin],
) -> Result<(), OriginFault> {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let site = sites.next().map(|site| site.as_bytes());
    if sites.next().is_some() {
        return Err(OriginFault::Malformed);
    }
    match (claim(headers)?, site) {
        // A listed page is another site by intent; its name counts for more than the site.
        (Claim::Page(origin), _) => known(&origin, scheme, authority, allowed),
        (Claim::Absent | Claim::Opaque, Some(b"same-origin")) => Ok(()),
        // No page sent it: typed, or not a browser. A browser names the page with every post.
        (Claim::Absent, Some(b"none") | None) => Ok(()),
        (Claim::Absent, Some(_)) => Err(OriginFault::CrossSite),
        (Claim::Opaque, _) => Err(OriginFault::Opaque),
    }
}

/// Whether a request would change something, and a page of another site has made it: a credential that
/// a browser adds by itself does not count then.
pub fn changes_across_sites(request: &Request<'_>) -> bool {
    // The methods that change nothing (RFC 9110 section 9.2.1).
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
    !reads.contains(request.method)
        && check_state_change(request.headers, request.scheme, request.authority, &[]).is_err()
}

enum Claim {
    Absent,
    Opaque,
    Page(Origin),
}

fn claim(headers: &HeaderMap) -> Result<Claim, OriginFault> {
    let mut values = headers.get_all(ORIGIN).iter();
    let Some(value) = values.next() else {
        return Ok(Claim::Absent);
    };
    if values.next().is_some() {
        return Err(OriginFault::Malformed);
    }
    if value.as_bytes() == b"null" {
        return Ok(Claim::Opaque);
    }
    let origin = value.to_str().ok().and_then(Origin::parse);
    origin.map(Claim::Page).ok_or(OriginFault::Malformed)
}

fn known(
    origin: &Origin,
    scheme: Scheme,
    authority: &str,
    allowed: &[Origin],
) -> Result<(), OriginFault> {
    if Origin::of(scheme, authority).as_ref() == Some(origin) || allowed.contains(origin) {
        return Ok(());
    }
    Err(OriginFault::Foreign)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn request(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn websocket(fields: &[(&'static str, &'static str)]) -> Result<(), OriginFault> {
        let listed = [Origin::parse("https://portal.example.com").unwrap()];
        check_websocket(&request(fields), Scheme::Https, "app.example.com", &listed)
    }

    fn post(fields: &[(&'static str, &'static str)]) -> Result<(), OriginFault> {
        let listed = [Origin::parse("https://portal.example.com").unwrap()];
        check_state_change(&request(fields), Scheme::Https, "app.example.com:443", &listed)
    }

    #[test]
    fn a_websocket_opens_from_this_origin_a_listed_one_or_none() {
        assert_eq!(websocket(&[]), Ok(()));
        for own in ["https://app.example.com", "https://app.example.com:443"] {
            assert_eq!(websocket(&[("origin", own)]), Ok(()));
        }
        assert_eq!(websocket(&[("origin", "https://portal.example.com")]), Ok(()));
    }

    #[test]
    fn a_websocket_from_anywhere_else_is_refused() {
        use OriginFault as F;
        let cases = [
            ("null", F::Opaque),
            ("https://evil.example", F::Foreign),
            ("http://app.example.com", F::Foreign),
            ("https://app.example.com:8443", F::Foreign),
            ("https://app.example.com.evil.example", F::Foreign),
            ("https://evilapp.example.com", F::Foreign),
            ("https://app.example.com/", F::Malformed),
            ("https://app.example.com@evil.example", F::Malformed),
            ("https://app.example.com, https://evil.example", F::Malformed),
            ("app.example.com", F::Malformed),
            ("", F::Malformed),
        ];
        for (origin, fault) in cases {
            assert_eq!(websocket(&[("origin", origin)]), Err(fault), "{origin}");
        }
        let twice = [("origin", "https://app.example.com"), ("origin", "https://app.example.com")];
        assert_eq!(websocket(&twice), Err(F::Malformed));
    }

    #[test]
    fn a_post_from_another_site_is_refused() {
        use OriginFault as F;
        assert_eq!(post(&[("origin", "https://evil.example")]), Err(F::Foreign));
        assert_eq!(post(&[("sec-fetch-site", "cross-site")]), Err(F::CrossSite));
        assert_eq!(post(&[("sec-fetch-site", "same-site")]), Err(F::CrossSite));
        assert_eq!(post(&[("origin", "null")]), Err(F::Opaque));
        for site in ["cross-site", "same-site", "none"] {
            assert_eq!(post(&[("origin", "null"), ("sec-fetch-site", site)]), Err(F::Opaque));
        }
        let twice = [("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")];
        assert_eq!(post(&twice), Err(F::Malformed));
    }

    #[test]
    fn a_post_of_our_own_page_or_of_a_program_passes() {
        assert_eq!(post(&[]), Ok(()));
        assert_eq!(post(&[("origin", "https://app.example.com")]), Ok(()));
        assert_eq!(post(&[("origin", "null"), ("sec-fetch-site", "same-origin")]), Ok(()));
        let listed = [("origin", "https://portal.example.com"), ("sec-fetch-site", "cross-site")];
        assert_eq!(post(&listed), Ok(()));
        assert_eq!(post(&[("sec-fetch-site", "none")]), Ok(()));
    }
}
