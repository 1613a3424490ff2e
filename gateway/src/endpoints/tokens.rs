//! A provider's tokens, as sessions keep them.

use std::time::Duration;

use crate::base::Timestamp;
use crate::oidc;
use crate::session::ProviderTokens;

/// What a session keeps of what a provider handed out at `now`.
pub fn to_keep(tokens: oidc::ProviderTokens, now: Timestamp) -> ProviderTokens {
    ProviderTokens {
        id_token: tokens.id_token,
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        provider_sid: tokens.provider_sid,
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
