//! Where an issuer of access tokens keeps its keys. Less is asked of it than of a provider: many
//! issuers of tokens (CI systems, Kubernetes) let nobody sign in.

use serde_json::Value;
use url::Url;

use crate::crypto::strict_json;
use crate::oidc::discovery::get_json;
use crate::web::Fetch;
use crate::web::fetch::is_loopback_host;

/// The metadata document of one issuer (OpenID Connect Discovery, or RFC 8414).
#[derive(Clone, Debug)]
pub struct IssuerMetadata {
    /// The issuer as an address.
    pub issuer: Url,
    /// The same byte for byte as tokens and document write it.
    pub written: String,
    /// Whether plain HTTP is taken, for a loopback host only.
    pub insecure_http: bool,
}

impl IssuerMetadata {
    /// The `jwks_uri` of the document. Asked for anew each time, as rarely as the keys are.
    ///
    /// # Errors
    /// The cause, for the log.
    pub(super) async fn jwks_uri(&self, fetch: &dyn Fetch) -> Result<Url, String> {
        let [first, second] = self.places();
        match self.at(fetch, &first).await {
            Ok(url) => Ok(url),
            // The cause that counts is that of the usual place.
            Err(cause) => self.at(fetch, &second).await.map_err(|_| cause),
        }
    }

    /// OpenID Connect Discovery section 4 appends to the issuer's path, RFC 8414 section 3.1 puts
    /// itself before it.
    fn places(&self) -> [String; 2] {
        let base = self.written.trim_end_matches('/');
        let mut other = self.issuer.clone();
        let path = self.issuer.path().trim_end_matches('/');
        other.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        [format!("{base}/.well-known/openid-configuration"), other.to_string()]
    }

    async fn at(&self, fetch: &dyn Fetch, place: &str) -> Result<Url, String> {
        let document = strict_json::object(&get_json(fetch, place).await?)
            .map_err(|cause| format!("{place} did not answer with a JSON object: {cause}"))?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer") != Some(&self.written) {
            return Err(format!(
                "{place} is of another issuer than {:?}; configure the issuer exactly as it says",
                self.written
            ));
        }
        let keys = text("jwks_uri").and_then(|url| Url::parse(url).ok());
        let keys = keys.ok_or_else(|| format!("{place} names no jwks_uri; set jwks_url"))?;
        let plain = keys.scheme() == "http" && self.insecure_http && is_loopback_host(&keys);
        if keys.scheme() != "https" && !plain {
            return Err(format!("{place} names {keys}, which is not https"));
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::ScriptedFetch;

    fn metadata(issuer: &str) -> IssuerMetadata {
        let url = Url::parse(issuer).unwrap();
        IssuerMetadata { issuer: url, written: issuer.to_owned(), insecure_http: false }
    }

    #[tokio::test]
    async fn both_places_of_the_standards_are_asked() {
        let document = r#"{"issuer":"https://ci.test/a","jwks_uri":"https://keys.test/k"}"#;
        for place in [
            "https://ci.test/a/.well-known/openid-configuration",
            "https://ci.test/.well-known/oauth-authorization-server/a",
        ] {
            let fetch = ScriptedFetch::default();
            fetch.answer(place, 200, document);
            let found = metadata("https://ci.test/a").jwks_uri(&fetch).await.unwrap();
            assert_eq!(found.as_str(), "https://keys.test/k");
        }
    }

    #[tokio::test]
    async fn a_document_of_another_issuer_names_no_keys() {
        let place = "https://ci.test/.well-known/openid-configuration";
        for (document, told) in [
            (r#"{"issuer":"https://ci.test/","jwks_uri":"https://k.test"}"#, "another issuer"),
            (r#"{"issuer":"https://ci.test"}"#, "no jwks_uri"),
            (r#"{"issuer":"https://ci.test","jwks_uri":"http://k.test"}"#, "not https"),
            (r#"{"issuer":"https://ci.test","jwks_uri":"file:///k"}"#, "not https"),
            ("[]", "JSON object"),
        ] {
            let fetch = ScriptedFetch::default();
            fetch.answer(place, 200, document);
            let cause = metadata("https://ci.test").jwks_uri(&fetch).await.unwrap_err();
            assert!(cause.contains(told), "{cause}");
        }
    }
}
