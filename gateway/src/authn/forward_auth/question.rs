//! What the service is told of a request: what the operator names, and nothing else of the client.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::header::{ACCEPT, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::authn::authenticator::RejectReason;
use crate::authn::forward_auth::settings::ForwardAuthSettings;
use crate::web::Request;
use crate::web::cookie::{self, CookieValue};

/// How many gateways have asked each other about one request.
static HOPS: HeaderName = HeaderName::from_static("x-portcullis-hops");
/// Services that ask a gateway that asks services: more than this is a circle.
const MOST_HOPS: u8 = 3;

/// One question.
#[derive(Debug)]
pub(super) struct Question {
    /// Whether a credential that the operator names is in it.
    pub(super) presented: bool,
    headers: HeaderMap,
}

/// Why a question cannot be put.
#[derive(Debug)]
pub(super) enum Unasked {
    /// The credential decides already.
    Reject(RejectReason),
    /// This request has been asked about too often; in words, for the log.
    Circle,
}

impl Question {
    /// The question about a request.
    ///
    /// # Errors
    /// Why it is not put.
    pub(super) fn about(
        request: &Request<'_>,
        settings: &ForwardAuthSettings,
    ) -> Result<Self, Unasked> {
        let mut headers = HeaderMap::new();
        for name in &settings.headers {
            let mut values = request.headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (None, _) => {}
                (Some(value), None) => {
                    headers.insert(name.clone(), value.clone());
                }
                // The service may read the one, and whoever is behind us the other.
                (Some(_), Some(_)) => return Err(Unasked::Reject(RejectReason::Repeated)),
            }
        }
        if let Some(cookies) = cookies(request, settings)? {
            headers.insert(COOKIE, cookies);
        }
        let presented = !headers.is_empty();
        for (name, text) in [
            ("x-original-uri", request.path_and_query().as_str()),
            ("x-original-host", request.authority),
            ("x-original-method", request.method.as_str()),
            ("x-original-proto", request.scheme.as_str()),
            ("x-original-remote-addr", &request.client.to_string()),
        ] {
            let value = HeaderValue::from_str(text);
            let value = value.map_err(|_| Unasked::Reject(RejectReason::Malformed))?;
            headers.insert(name, value);
        }
        let hops = hops(request.headers).filter(|hops| *hops < MOST_HOPS).ok_or(Unasked::Circle)?;
        headers.insert(HOPS.clone(), HeaderValue::from(u16::from(hops) + 1));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        Ok(Self { presented, headers })
    }

    /// The same question has the same fingerprint; a question that differs in anything has another.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Context::new(&SHA256);
        let mut names: Vec<_> = self.headers.iter().collect();
        names.sort_unstable_by_key(|(name, _)| name.as_str());
        for (name, value) in names {
            // With their lengths, so that no two questions are written alike.
            for part in [name.as_str().as_bytes(), value.as_bytes()] {
                hash.update(&(part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(hash.finish().as_ref());
        fingerprint
    }

    /// The request to send: a GET without a body, whatever the original is.
    pub(super) fn request(self, url: &Url) -> Result<http::Request<Bytes>, String> {
        let request = http::Request::get(url.as_str()).body(Bytes::new());
        let mut request = request.map_err(|cause| cause.to_string())?;
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

fn cookies(
    request: &Request<'_>,
    settings: &ForwardAuthSettings,
) -> Result<Option<HeaderValue>, Unasked> {
    let mut pairs = Vec::new();
    for name in &settings.cookies {
        match cookie::find(request.headers, name) {
            CookieValue::Absent => {}
            CookieValue::One(value) => pairs.push(format!("{name}={value}")),
            CookieValue::Repeated => return Err(Unasked::Reject(RejectReason::Repeated)),
        }
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    let value = HeaderValue::from_str(&pairs.join("; "));
    value.map(Some).map_err(|_| Unasked::Reject(RejectReason::Malformed))
}

/// How often it was asked before; `None` for what is no small number, or there twice.
fn hops(headers: &HeaderMap) -> Option<u8> {
    let mut values = headers.get_all(&HOPS).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(0),
        (Some(value), None) => value.to_str().ok()?.parse().ok(),
        (Some(_), Some(_)) => None,
    }
}
