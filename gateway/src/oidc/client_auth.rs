//! How we prove ourselves to a provider's token endpoint (RFC 6749 section 2.3, RFC 7523).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded::{self, Serializer};

use crate::base::{Entropy, Timestamp};
use crate::oidc::client_key::ASSERTION_TYPE;
use crate::oidc::discovery::Metadata;
use crate::oidc::fault::LoginFault;
use crate::oidc::settings::ProviderSettings;

/// Adds our proof to a form; gives the `Authorization` field where the proof is not in the form.
///
/// # Errors
/// `TokenRefused` where the provider takes no proof that we have, `ClientKey` where ours cannot sign.
pub(super) fn prove(
    settings: &ProviderSettings,
    metadata: &Metadata,
    form: &mut Serializer<'_, String>,
    (entropy, now): (&dyn Entropy, Timestamp),
) -> Result<Option<String>, LoginFault> {
    let methods = &metadata.token_endpoint_auth_methods_supported;
    let offers = |method: &str| methods.iter().any(|offered| offered == method);
    let refused = |cause: &str| Err(LoginFault::TokenRefused(cause.to_owned()));
    if let Some(key) = &settings.client_key {
        if !methods.is_empty() && !offers("private_key_jwt") {
            return refused("the provider does not take private_key_jwt");
        }
        let jti = entropy.token::<16>();
        let at = (settings.issuer.as_str(), metadata.token_endpoint.as_str());
        let proof = key.proof(&settings.client_id, at, (now, &jti));
        let proof = proof.map_err(|fault| LoginFault::ClientKey(fault.to_string()))?;
        form.append_pair("client_id", &settings.client_id)
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", proof.expose());
        return Ok(None);
    }
    match &settings.client_secret {
        None => {
            form.append_pair("client_id", &settings.client_id);
            Ok(None)
        }
        Some(secret) if methods.is_empty() || offers("client_secret_basic") => {
            Ok(Some(basic(&settings.client_id, secret.expose())))
        }
        Some(secret) if offers("client_secret_post") => {
            form.append_pair("client_id", &settings.client_id)
                .append_pair("client_secret", secret.expose());
            Ok(None)
        }
        Some(_) => refused("the provider takes neither client_secret_basic nor client_secret_post"),
    }
}

/// RFC 6749 section 2.3.1: both halves are form-encoded first, so that a `:` in them is no colon.
pub fn basic(client_id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret))))
}
