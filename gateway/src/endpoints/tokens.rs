//! A provider's tokens, as sessions keep them.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{ProviderId, Timestamp};
use crate::identity::Principal;
use crate::oidc::{self, Provider};
use crate::session::ProviderTokens;

/// Why what a provider gave is shown to nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTheirs {
    /// No provider has that id.
    #[error("there is no provider `{0}` in the configuration any more")]
    Gone(ProviderId),
    /// The id is another provider's since.
    #[error(
        "the provider `{0}` has another issuer than at the sign-in, or not that tenant any more"
    )]
    Another(ProviderId),
}

/// The provider by whom somebody signed in. All that it gave is shown to it through here only: after a
/// change of the configuration the same id can be somebody else's, who could use the tokens as their
/// own.
///
/// # Errors
/// When it is not there any more.
pub fn provider_of<'a>(
    providers: &'a [Arc<Provider>],
    id: &ProviderId,
    who: &Principal,
) -> Result<&'a Arc<Provider>, NotTheirs> {
    let mut providers = providers.iter();
    let provider = providers.find(|provider| provider.id() == id);
    let provider = provider.ok_or_else(|| NotTheirs::Gone(id.clone()))?;
    match provider.settings().vouches_for(&who.issuer) {
        true => Ok(provider),
        false => Err(NotTheirs::Another(id.clone())),
    }
}

/// What a session keeps of what a provider handed out at `now`.
pub fn to_keep(tokens: oidc::ProviderTokens, now: Timestamp) -> ProviderTokens {
    ProviderTokens {
        id_token: tokens.id_token,
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        provider_sid: tokens.provider_sid,
        first_sid: None,
        provider_sub: tokens.provider_sub,
        access_expires: tokens.expires_in.map(|secs| now.after(Duration::from_secs(secs))),
    }
}

/// What a session keeps, in its provider's words.
pub fn kept(tokens: &ProviderTokens) -> oidc::ProviderTokens {
    oidc::ProviderTokens {
        id_token: tokens.id_token.clone(),
        access_token: tokens.access_token.clone(),
        refresh_token: tokens.refresh_token.clone(),
        expires_in: None,
        provider_sid: tokens.provider_sid.clone(),
        provider_sub: tokens.provider_sub.clone(),
    }
}
