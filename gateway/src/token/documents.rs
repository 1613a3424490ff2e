//! What we publish so that any JOSE library can verify our tokens without glue.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;

use crate::crypto::{Algorithm, JwkSet};
use crate::token::claims::WRITTEN;

/// A document, serialised once, with its strong entity tag.
#[derive(Clone, Debug)]
pub struct Document {
    /// The JSON text.
    pub bytes: Bytes,
    /// The `ETag`: changes with the text.
    pub etag: HeaderValue,
}

/// The part of OpenID Connect Discovery 1.0 that a verifier of our tokens reads. There is no
/// authorization endpoint: nobody signs in *through* the gateway's own issuer.
#[derive(Debug, Serialize)]
struct Discovery<'a> {
    issuer: &'a str,
    jwks_uri: &'a str,
    id_token_signing_alg_values_supported: Vec<Algorithm>,
    subject_types_supported: [&'static str; 1],
    response_types_supported: [&'static str; 1],
    claims_supported: &'static [&'static str],
}

impl Document {
    /// Serialises a document.
    ///
    /// # Errors
    /// When it cannot be written as JSON; no document of ours is such a one.
    pub fn of(content: &impl Serialize) -> Result<Self, serde_json::Error> {
        let bytes = Bytes::from(serde_json::to_vec(content)?);
        let tag = URL_SAFE_NO_PAD.encode(digest(&SHA256, &bytes));
        let etag =
            HeaderValue::from_str(&format!("\"{tag}\"")).map_err(serde::ser::Error::custom)?;
        Ok(Self { bytes, etag })
    }

    /// `/.well-known/jwks.json`.
    ///
    /// # Errors
    /// As [`Document::of`].
    pub fn jwks(keys: &JwkSet) -> Result<Self, serde_json::Error> {
        Self::of(keys)
    }

    /// `/.well-known/openid-configuration`. `algorithms` are those of the published keys: a shared
    /// secret's is nobody's business.
    ///
    /// # Errors
    /// As [`Document::of`].
    pub fn discovery(
        issuer: &str,
        jwks_uri: &str,
        algorithms: &[Algorithm],
    ) -> Result<Self, serde_json::Error> {
        let mut published: Vec<_> =
            algorithms.iter().copied().filter(|alg| *alg != Algorithm::Hs256).collect();
        published.sort_unstable();
        published.dedup();
        Self::of(&Discovery {
            issuer,
            jwks_uri,
            id_token_signing_alg_values_supported: published,
            subject_types_supported: ["public"],
            response_types_supported: ["id_token"],
            claims_supported: WRITTEN,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_names_what_a_verifier_needs_and_no_shared_secret() {
        let algorithms = [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Es256];
        let document = Document::discovery(
            "https://gw.test",
            "https://gw.test/.well-known/jwks.json",
            &algorithms,
        );
        let json: serde_json::Value = serde_json::from_slice(&document.unwrap().bytes).unwrap();
        assert_eq!(json["issuer"], "https://gw.test");
        assert_eq!(json["jwks_uri"], "https://gw.test/.well-known/jwks.json");
        let listed = &json["id_token_signing_alg_values_supported"];
        assert_eq!(*listed, serde_json::json!(["EdDSA", "ES256"]));
        assert_eq!(json["subject_types_supported"], serde_json::json!(["public"]));
    }

    #[test]
    fn the_tag_changes_with_the_text() {
        let (one, two) = (Document::of(&[1]).unwrap(), Document::of(&[2]).unwrap());
        assert_ne!(one.etag, two.etag);
        assert_eq!(one.etag, Document::of(&[1]).unwrap().etag);
        assert!(one.etag.to_str().unwrap().starts_with('"'));
    }
}
