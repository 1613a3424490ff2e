//! The token endpoint: a code becomes tokens.

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::base::{Entropy, Secret, Timestamp};
use crate::crypto::strict_json;
use crate::oidc::client_auth::prove;
use crate::oidc::discovery::Metadata;
use crate::oidc::fault::LoginFault;
use crate::oidc::settings::{Protocol, ProviderSettings};
use crate::oidc::transaction::Transaction;
use crate::web::Fetch;

/// What the provider handed out.
#[derive(Clone, Debug, Default)]
pub struct ProviderTokens {
    /// The `id_token`, kept as the hint for signing out.
    pub id_token: Option<Secret<String>>,
    /// The access token.
    pub access_token: Option<Secret<String>>,
    /// The refresh token.
    pub refresh_token: Option<Secret<String>>,
    /// Seconds that the access token lives, as the provider says.
    pub expires_in: Option<u64>,
    /// The provider's own session (`sid`).
    pub provider_sid: Option<String>,
    /// The provider's own name for the person (`sub`), whichever claim names the principal.
    pub provider_sub: Option<String>,
}

/// Redeems a code.
///
/// # Errors
/// `ClientKey`, `CodeRejected`, `TokenRefused`, `TokenAnswerMalformed`, `IdTokenMissing`,
/// `Unavailable`.
pub(super) async fn exchange(
    fetch: &dyn Fetch,
    settings: &ProviderSettings,
    metadata: &Metadata,
    (code, transaction): (&Secret<String>, &Transaction),
    chance: (&dyn Entropy, Timestamp),
) -> Result<ProviderTokens, LoginFault> {
    let request = request(settings, metadata, (code, transaction), chance)?;
    let answer =
        fetch.send(request).await.map_err(|error| LoginFault::Unavailable(error.to_string()))?;
    let document = strict_json::object(answer.body()).ok();
    let error = document.as_ref().and_then(|document| document.get("error")?.as_str());
    match (answer.status(), &document, error) {
        (StatusCode::OK, Some(document), None) => tokens(document, &settings.protocol),
        (StatusCode::OK, None, _) => Err(LoginFault::TokenAnswerMalformed("it is no JSON object")),
        (status, ..) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(LoginFault::Unavailable(format!("the token endpoint answered with {status}")))
        }
        // GitHub says so with a status of 200.
        (status, _, error) => {
            let name: String = error.unwrap_or(status.as_str()).chars().take(64).collect();
            Err(match error {
                Some("invalid_grant" | "bad_verification_code") => LoginFault::CodeRejected(name),
                Some("temporarily_unavailable" | "server_error") => LoginFault::Unavailable(name),
                _ => LoginFault::TokenRefused(name),
            })
        }
    }
}

fn request(
    settings: &ProviderSettings,
    metadata: &Metadata,
    (code, transaction): (&Secret<String>, &Transaction),
    chance: (&dyn Entropy, Timestamp),
) -> Result<http::Request<Bytes>, LoginFault> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code.expose())
        .append_pair("redirect_uri", &transaction.redirect_uri)
        .append_pair("code_verifier", transaction.verifier.expose());
    let mut request = http::Request::post(metadata.token_endpoint.as_str())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(proof) = prove(settings, metadata, &mut form, chance)? {
        request = request.header(AUTHORIZATION, proof);
    }
    request
        .body(form.finish().into())
        .map_err(|_| LoginFault::TokenAnswerMalformed("the token endpoint is no URL"))
}

fn tokens(
    document: &Map<String, Value>,
    protocol: &Protocol,
) -> Result<ProviderTokens, LoginFault> {
    let secret = |name: &str| document.get(name).and_then(Value::as_str).map(Secret::from);
    let bearer = match document.get("token_type") {
        None => true,
        Some(kind) => kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")),
    };
    if !bearer {
        return Err(LoginFault::TokenAnswerMalformed("token_type is not Bearer"));
    }
    let tokens = ProviderTokens {
        id_token: secret("id_token"),
        access_token: secret("access_token"),
        refresh_token: secret("refresh_token"),
        expires_in: document.get("expires_in").and_then(Value::as_u64),
        provider_sid: None,
        provider_sub: None,
    };
    match protocol {
        Protocol::OpenIdConnect if tokens.id_token.is_none() => Err(LoginFault::IdTokenMissing),
        Protocol::Github(_) if tokens.access_token.is_none() => {
            Err(LoginFault::TokenAnswerMalformed("it has no access_token"))
        }
        _ => Ok(tokens),
    }
}
