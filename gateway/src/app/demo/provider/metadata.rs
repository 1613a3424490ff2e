//! What the provider says of itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::url::ParseError;
use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, IssuerUrl, JsonWebKeySetUrl, PrivateSigningKey,
    ProviderMetadata, ResponseTypes, Scope, TokenUrl, UserInfoUrl,
};
use serde::{Deserialize, Serialize};

use crate::app::demo::provider::server::Shared;

/// The discovery document.
pub(super) type DemoMetadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Members that the core metadata lack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct More {
    end_session_endpoint: String,
    authorization_response_iss_parameter_supported: bool,
    code_challenge_methods_supported: Vec<String>,
}

impl AdditionalProviderMetadata for More {}

/// The document of the provider at `issuer`.
pub(super) fn document(issuer: &str) -> Result<DemoMetadata, ParseError> {
    let more = More {
        end_session_endpoint: format!("{issuer}/logout"),
        authorization_response_iss_parameter_supported: true,
        code_challenge_methods_supported: vec!["S256".to_owned()],
    };
    let scopes = ["openid", "profile", "email", "groups"];
    Ok(ProviderMetadata::new(
        IssuerUrl::new(issuer.to_owned())?,
        AuthUrl::new(format!("{issuer}/authorize"))?,
        JsonWebKeySetUrl::new(format!("{issuer}/jwks"))?,
        vec![ResponseTypes::new(vec![CoreResponseType::Code])],
        vec![CoreSubjectIdentifierType::Public],
        vec![CoreJwsSigningAlgorithm::EcdsaP256Sha256],
        more,
    )
    .set_token_endpoint(Some(TokenUrl::new(format!("{issuer}/token"))?))
    .set_userinfo_endpoint(Some(UserInfoUrl::new(format!("{issuer}/userinfo"))?))
    .set_scopes_supported(Some(scopes.map(|scope| Scope::new(scope.to_owned())).to_vec()))
    .set_grant_types_supported(Some(vec![CoreGrantType::AuthorizationCode]))
    .set_token_endpoint_auth_methods_supported(Some(vec![
        CoreClientAuthMethod::ClientSecretBasic,
        CoreClientAuthMethod::ClientSecretPost,
    ])))
}

/// `GET /.well-known/openid-configuration`
pub(super) async fn discovery(State(shared): State<Arc<Shared>>) -> Json<DemoMetadata> {
    Json(shared.metadata.clone())
}

/// `GET /jwks`
pub(super) async fn jwks(State(shared): State<Arc<Shared>>) -> Json<CoreJsonWebKeySet> {
    Json(CoreJsonWebKeySet::new(vec![shared.key.as_verification_key()]))
}
