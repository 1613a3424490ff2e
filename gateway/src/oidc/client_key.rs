//! A client's own key, with which it proves itself at the token endpoint (RFC 7523 section 2.2).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::base::{Secret, Timestamp};
use crate::crypto::{SignFault, SigningKey};

/// A key, and what the provider wants to hear about it.
#[derive(Debug)]
pub struct ClientKey {
    /// The private key.
    pub key: SigningKey,
    /// Its name at the provider (`kid`), if not its thumbprint.
    pub id: Option<String>,
    /// The SHA-256 of its certificate in base64url (`x5t#S256`), for providers that know keys by that.
    pub certificate: Option<String>,
    /// Whether a proof is made out to the token endpoint, and not to the issuer.
    pub for_endpoint: bool,
}

/// What `client_assertion_type` says.
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// So long a proof is good: one exchange, and clocks that differ.
const LIFETIME: Duration = Duration::from_secs(60);

impl ClientKey {
    /// A proof of `client_id`, good for one exchange.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn proof(
        &self,
        client_id: &str,
        (issuer, token_endpoint): (&str, &str),
        (now, jti): (Timestamp, &str),
    ) -> Result<Secret<String>, SignFault> {
        let mut header = json!({ "alg": self.key.algorithm().as_str(), "typ": "JWT" });
        let name = match &self.certificate {
            Some(hash) => ("x5t#S256", hash.as_str()),
            None => ("kid", self.name()),
        };
        if let Some(members) = header.as_object_mut() {
            members.insert(name.0.to_owned(), name.1.into());
        }
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": if self.for_endpoint { token_endpoint } else { issuer },
            "jti": jti,
            "iat": now.as_secs(),
            "nbf": now.as_secs(),
            "exp": now.after(LIFETIME).as_secs(),
        });
        let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = self.key.sign(signed.as_bytes())?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))))
    }

    /// The public half as a JWKS (RFC 7517), to be registered with the provider.
    pub fn public(&self) -> Value {
        let mut key = serde_json::to_value(self.key.public_jwk()).unwrap_or_default();
        if let Some(members) = key.as_object_mut() {
            members.insert("kid".to_owned(), self.name().into());
        }
        json!({ "keys": [key] })
    }

    fn name(&self) -> &str {
        self.id.as_deref().unwrap_or_else(|| self.key.id().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Algorithm, KeySet, Unverified, VerifyAlgorithm};

    fn key(algorithm: Algorithm) -> ClientKey {
        let key = SigningKey::generate(algorithm).unwrap().0;
        ClientKey { key, id: Some("ours".to_owned()), certificate: None, for_endpoint: false }
    }

    fn proof(key: &ClientKey) -> Secret<String> {
        let at = ("https://id.test/", "https://id.test/token");
        key.proof("gw", at, (Timestamp::from_secs(1_000), "j1")).unwrap()
    }

    #[test]
    fn a_proof_says_who_to_whom_and_for_how_long_and_verifies_with_what_is_published() {
        for (algorithm, verify) in [
            (Algorithm::EdDsa, VerifyAlgorithm::EdDsa),
            (Algorithm::Es256, VerifyAlgorithm::Es256),
            (Algorithm::Rs256, VerifyAlgorithm::Rs256),
        ] {
            let key = key(algorithm);
            let keys = KeySet::admit(key.public().to_string().as_bytes()).unwrap();
            let proof = proof(&key);
            let token = Unverified::parse(proof.expose()).unwrap();
            assert_eq!((token.kid(), token.algorithm()), (Some("ours"), verify));
            let found = keys.find(Some("ours"), verify).unwrap();
            let claims = token.verify(found).unwrap().into_claims();
            let expected = json!({
                "iss": "gw", "sub": "gw", "aud": "https://id.test/", "jti": "j1",
                "iat": 1_000, "nbf": 1_000, "exp": 1_060,
            });
            assert_eq!(Value::Object(claims), expected);
        }
    }

    #[test]
    fn where_the_provider_wants_it_the_proof_is_for_the_endpoint_and_names_a_certificate() {
        let mut key = key(Algorithm::Rs256);
        key.for_endpoint = true;
        key.certificate = Some("hash".to_owned());
        let proof = proof(&key);
        let part = |place| {
            let text = proof.expose().split('.').nth(place).unwrap();
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        assert_eq!(part(0), json!({ "alg": "RS256", "typ": "JWT", "x5t#S256": "hash" }));
        assert_eq!(part(1)["aud"], "https://id.test/token");
    }
}
