//! Signing out at the provider (RP-initiated logout).

use url::Url;

use crate::base::Secret;
use crate::oidc::settings::ProviderSettings;

/// Where to send the browser.
pub(super) fn logout_url(
    settings: &ProviderSettings,
    end_session_endpoint: &Url,
    id_token_hint: Option<&Secret<String>>,
    return_to: &str,
    state: &str,
) -> String {
    let mut url = end_session_endpoint.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(hint) = id_token_hint {
            // The specification puts it into the query; providers that do not get one ask the
            // person whether to sign out, or do not send them back.
            query.append_pair("id_token_hint", hint.expose());
        }
        query
            .append_pair("client_id", &settings.client_id)
            .append_pair("post_logout_redirect_uri", return_to)
            .append_pair("state", state);
    }
    url.into()
}

/// Where to send the browser at a provider that has its own way of signing out.
pub(super) fn own_way(
    settings: &ProviderSettings,
    endpoint: &Url,
    (parameter, return_to): (&str, &str),
) -> String {
    let mut url = endpoint.clone();
    url.query_pairs_mut()
        .append_pair("client_id", &settings.client_id)
        .append_pair(parameter, return_to);
    url.into()
}
