//! The token endpoint: a code becomes tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::base::Secret;
use crate::crypto::strict_json;
use crate::oidc::discovery::Metadata;
use crate::oidc::fault::LoginFault;
use crate::oidc::settings::ProviderSettings;
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
}

/// Redeems a code.
///
/// # Errors
/// `CodeRejected`, `TokenRefused`, `TokenAnswerMalformed`, `IdTokenMissing`, `Unavailable`.
pub(super) async fn exchange(
    fetch: &dyn Fetch,
    settings: &ProviderSettings,
    metadata: &Metadata,
    code: &Secret<String>,
    transaction: &Transaction,
) -> Result<ProviderTokens, LoginFault> {
    let request = request(settings, metadata, code, transaction)?;
    let answer =
        fetch.send(request).await.map_err(|error| LoginFault::Unavailable(error.to_string()))?;
    let document = strict_json::object(answer.body()).ok();
    match (answer.status(), document) {
        (StatusCode::OK, Some(document)) => tokens(&document),
        (StatusCode::OK, None) => Err(LoginFault::TokenAnswerMalformed("it is no JSON object")),
        (status, _) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(LoginFault::Unavailable(format!("the token endpoint answered with {status}")))
        }
        (status, document) => {
            let error = document.as_ref().and_then(|document| document.get("error")?.as_str());
            let name: String = error.unwrap_or(status.as_str()).chars().take(64).collect();
            Err(match error {
                Some("invalid_grant") => LoginFault::CodeRejected(name),
                Some("temporarily_unavailable" | "server_error") => LoginFault::Unavailable(name),
                _ => LoginFault::TokenRefused(name),
            })
        }
    }
}

fn request(
    settings: &ProviderSettings,
    metadata: &Metadata,
    code: &Secret<String>,
    transaction: &Transaction,
) -> Result<http::Request<Bytes>, LoginFault> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code.expose())
        .append_pair("redirect_uri", &transaction.redirect_uri)
        .append_pair("code_verifier", transaction.verifier.expose());
    let mut request = http::Request::post(metadata.token_endpoint.as_str())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let methods = &metadata.token_endpoint_auth_methods_supported;
    let offers = |method: &str| methods.iter().any(|offered| offered == method);
    match &settings.client_secret {
        None => {
            form.append_pair("client_id", &settings.client_id);
        }
        Some(secret) if methods.is_empty() || offers("client_secret_basic") => {
            request = request.header(AUTHORIZATION, basic(&settings.client_id, secret.expose()));
        }
        Some(secret) if offers("client_secret_post") => {
            form.append_pair("client_id", &settings.client_id)
                .append_pair("client_secret", secret.expose());
        }
        Some(_) => {
            let cause = "the provider takes neither client_secret_basic nor client_secret_post";
            return Err(LoginFault::TokenRefused(cause.to_owned()));
        }
    }
    request
        .body(form.finish().into())
        .map_err(|_| LoginFault::TokenAnswerMalformed("the token endpoint is no URL"))
}

/// RFC 6749 section 2.3.1: both halves are form-encoded first, so that a `:` in them is no colon.
pub fn basic(client_id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret))))
}

fn tokens(document: &Map<String, Value>) -> Result<ProviderTokens, LoginFault> {
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
    };
    if tokens.id_token.is_none() {
        return Err(LoginFault::IdTokenMissing);
    }
    Ok(tokens)
}
