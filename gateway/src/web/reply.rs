//! An answer of our own, before anything knows how it is written to a socket.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

/// A complete answer: status, header fields, body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: StatusCode,
    /// The header fields; `Content-Length` is set by whoever writes the reply.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Fields behind the body, over HTTP/2. Over HTTP/1.1 they join the header fields.
    pub trailers: HeaderMap,
}

impl Reply {
    /// An answer without a body. Nothing of ours is cached unless a page says so.
    pub fn new(status: StatusCode) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self { status, headers, body: Bytes::new(), trailers: HeaderMap::new() }
    }

    /// A JSON document.
    pub fn json(status: StatusCode, document: &impl Serialize) -> Self {
        // Only types of ours are serialised here; none of them can fail.
        let body = serde_json::to_vec(document).unwrap_or_default();
        Self::new(status).with_body("application/json", body)
    }

    /// An HTML page under the strict policy of every page of ours: no script but our own files, no
    /// framing, no referrer.
    pub fn html(status: StatusCode, page: String) -> Self {
        const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; \
            script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
            frame-ancestors 'none'";
        Self::new(status)
            .with_body("text/html; charset=utf-8", page)
            .with("content-security-policy", POLICY)
            .with("x-content-type-options", "nosniff")
            .with("referrer-policy", "no-referrer")
    }

    /// Plain text.
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self::new(status).with_body("text/plain; charset=utf-8", text)
    }

    /// A redirect. `location` must be ours or a provider's, proven by whoever calls.
    ///
    /// 303 after a POST (RFC 9700 section 4.12: a 307 would post the form again, elsewhere).
    pub fn redirect(status: StatusCode, location: &str) -> Self {
        Self::new(status).with(LOCATION.as_str(), location)
    }

    /// Sets a header field. A value that is not a legal field value is left out: it came from data,
    /// and an answer without the field is better than a split one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds a header field beside those of the same name; like [`Self::with`].
    #[must_use]
    pub fn with_more(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    /// Sets a trailer field; like [`Self::with`].
    #[must_use]
    pub fn with_trailer(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.trailers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds a `Set-Cookie` field, unless the cookie is empty.
    #[must_use]
    pub fn with_cookie(mut self, cookie: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(cookie)
            && !value.is_empty()
        {
            self.headers.append(SET_COOKIE, value);
        }
        self
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn with_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }
}
