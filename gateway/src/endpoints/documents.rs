//! What verifiers of our tokens read: the key set and the discovery document.

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::endpoints::answer::{Notice, reads, wrong_method};
use crate::endpoints::service::Endpoints;
use crate::gate::ProtectedResource;
use crate::token::Document;
use crate::web::{Reply, Request};

/// How long a document may be kept, in seconds. A new key is published long before it signs.
const FRESH: u64 = 300;

impl Endpoints {
    /// `GET /.well-known/jwks.json`.
    pub(super) fn jwks(&self, request: &Request<'_>) -> Reply {
        // A shared secret has no public half.
        let Some(keyring) = &self.parts.jwks else { return Notice::NOT_FOUND.reply(request) };
        let keep_for = keyring.rotation().keep_for().as_secs();
        publish(request, &keyring.jwks(), FRESH.min(keep_for))
    }

    /// `GET /.well-known/openid-configuration`.
    pub(super) fn discovery(&self, request: &Request<'_>) -> Reply {
        publish(request, &self.parts.discovery, FRESH)
    }

    /// `GET /.portcullis/client-keys/<provider>`: what the provider is to verify our proofs with.
    pub(super) fn client_keys(&self, name: &str, request: &Request<'_>) -> Reply {
        let key = self.provider(name).and_then(|provider| provider.settings().client_key.as_ref());
        match key.and_then(|key| Document::of(&key.public()).ok()) {
            Some(document) => publish(request, &document, FRESH),
            None => Notice::NOT_FOUND.reply(request),
        }
    }
}

/// `GET /.well-known/oauth-protected-resource…` (RFC 9728). For every page to read, also for those that
/// ask first whether they may send their own fields.
pub(super) fn describe(resource: &ProtectedResource, path: &str, request: &Request<'_>) -> Reply {
    const METHODS: &str = "GET, HEAD, OPTIONS";
    if *request.method == Method::OPTIONS {
        return Reply::new(StatusCode::NO_CONTENT)
            .with("allow", METHODS)
            .with("access-control-allow-origin", "*")
            .with("access-control-allow-methods", METHODS)
            .with("access-control-allow-headers", "*")
            .with("access-control-max-age", "3600");
    }
    if !reads(request) {
        return wrong_method(request, METHODS);
    }
    Reply::json(StatusCode::OK, &resource.description(request, path))
        .with("cache-control", &format!("public, max-age={FRESH}"))
        .with("access-control-allow-origin", "*")
        .with("x-content-type-options", "nosniff")
}

fn publish(request: &Request<'_>, document: &Document, max_age: u64) -> Reply {
    if !reads(request) {
        return wrong_method(request, "GET, HEAD");
    }
    let reply = if is_known(request.headers, &document.etag) {
        Reply::new(StatusCode::NOT_MODIFIED)
    } else {
        Reply::new(StatusCode::OK).with_body("application/json", document.bytes.clone())
    };
    reply
        .with("cache-control", &format!("public, max-age={max_age}"))
        .with("etag", document.etag.to_str().unwrap_or_default())
        .with("access-control-allow-origin", "*")
        .with("x-content-type-options", "nosniff")
}

/// Whether the client has this very text (RFC 9110 section 13.1.2: compared weakly).
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let etag = etag.to_str().unwrap_or_default();
    headers
        .get_all("if-none-match")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
