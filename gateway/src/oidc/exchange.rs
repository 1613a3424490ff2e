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
    /// The provider's own name for the person (`sub`), whatever the settings take as their subject.
    pub provider_sub: Option<String>,
}

/// Why the token endpoint gave no tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenFault {
    /// Its answer is none.
    Malformed(&'static str),
    /// It said no, by this name.
    Refused(String),
    /// It did not answer, or not to the question.
    Unavailable(String),
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
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", &transaction.redirect_uri),
        ("code_verifier", transaction.verifier.expose()),
    ];
    let request = request(settings, metadata, &form, chance)?;
    let tokens = ask(fetch, request).await.map_err(|fault| match fault {
        TokenFault::Malformed(what) => LoginFault::TokenAnswerMalformed(what),
        TokenFault::Refused(name) => match name.as_str() {
            "invalid_grant" | "bad_verification_code" => LoginFault::CodeRejected(name),
            _ => LoginFault::TokenRefused(name),
        },
        TokenFault::Unavailable(cause) => LoginFault::Unavailable(cause),
    })?;
    match &settings.protocol {
        Protocol::OpenIdConnect if tokens.id_token.is_none() => Err(LoginFault::IdTokenMissing),
        Protocol::Github(_) if tokens.access_token.is_none() => {
            Err(LoginFault::TokenAnswerMalformed("it has no access_token"))
        }
        _ => Ok(tokens),
    }
}

/// Puts a question to the token endpoint.
pub(super) async fn ask(
    fetch: &dyn Fetch,
    request: http::Request<Bytes>,
) -> Result<ProviderTokens, TokenFault> {
    let answer =
        fetch.send(request).await.map_err(|error| TokenFault::Unavailable(error.to_string()))?;
    let document = strict_json::object(answer.body()).ok();
    let error = document.as_ref().and_then(|document| document.get("error")?.as_str());
    match (answer.status(), &document, error) {
        (StatusCode::OK, Some(document), None) => tokens(document),
        (StatusCode::OK, None, _) => Err(TokenFault::Malformed("it is no JSON object")),
        (status, ..) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            let cause = format!("the token endpoint answered with {status}");
            Err(TokenFault::Unavailable(cause))
        }
        // GitHub says so with a status of 200.
        (status, _, error) => {
            let name: String = error.unwrap_or(status.as_str()).chars().take(64).collect();
            Err(match error {
                Some("temporarily_unavailable" | "server_error") => TokenFault::Unavailable(name),
                _ => TokenFault::Refused(name),
            })
        }
    }
}

/// A form as a request to the token endpoint, with our proof.
///
/// # Errors
/// `TokenRefused`, `ClientKey`, `TokenAnswerMalformed`.
pub(super) fn request(
    settings: &ProviderSettings,
    metadata: &Metadata,
    form: &[(&str, &str)],
    chance: (&dyn Entropy, Timestamp),
) -> Result<http::Request<Bytes>, LoginFault> {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(form);
    let mut request = http::Request::post(metadata.token_endpoint.as_str())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(proof) = prove(settings, metadata, &mut text, chance)? {
        request = request.header(AUTHORIZATION, proof);
    }
    request
        .body(text.finish().into())
        .map_err(|_| LoginFault::TokenAnswerMalformed("the token endpoint is no URL"))
}

fn tokens(document: &Map<String, Value>) -> Result<ProviderTokens, TokenFault> {
    let secret = |name: &str| document.get(name).and_then(Value::as_str).map(Secret::from);
    let bearer = match document.get("token_type") {
        None => true,
        Some(kind) => kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")),
    };
    if !bearer {
        return Err(TokenFault::Malformed("token_type is not Bearer"));
    }
    Ok(ProviderTokens {
        id_token: secret("id_token"),
        access_token: secret("access_token"),
        refresh_token: secret("refresh_token"),
        expires_in: document.get("expires_in").and_then(Value::as_u64),
        provider_sid: None,
        provider_sub: None,
    })
}
