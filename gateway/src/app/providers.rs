//! Provider sections → relying parties.

use std::sync::Arc;

use url::Url;

use crate::app::build::BuildFault;
use crate::app::lasting::Lasting;
use crate::base::ProviderId;
use crate::config::{Checked, ClaimNames, Config, OidcProvider, Provider as Section};
use crate::identity::ClaimMapping;
use crate::oidc::{AllowLists, Provider, ProviderSettings};
use crate::web::{AddressPolicy, FetchLimits, HttpClient};

/// Every provider, in the order of their names.
pub(super) fn providers(
    config: &Checked<Config>,
    lasting: &Lasting,
) -> Result<Vec<Arc<Provider>>, BuildFault> {
    let provider = |(id, section): (&ProviderId, &Section)| {
        let Section::Oidc(oidc) = section;
        Ok(Arc::new(Provider::new(
            settings(id, oidc),
            Arc::new(client(oidc).map_err(|cause| BuildFault::Provider { id: id.clone(), cause })?),
            Arc::clone(&lasting.clock),
            Arc::clone(&lasting.entropy),
        )))
    };
    config.providers.iter().map(provider).collect()
}

/// What asks a provider.
pub(super) fn client(oidc: &OidcProvider) -> Result<HttpClient, String> {
    let issuer = Url::parse(&oidc.issuer).map_err(|cause| cause.to_string())?;
    let policy = AddressPolicy::for_home(&issuer, oidc.insecure_http);
    let authority = oidc.ca.as_ref().map(std::fs::read).transpose();
    let authority = authority.map_err(|cause| cause.to_string())?;
    HttpClient::new(policy, FetchLimits::default(), authority.as_deref())
        .map_err(|cause| cause.to_string())
}

fn settings(id: &ProviderId, oidc: &OidcProvider) -> ProviderSettings {
    let allow = oidc.allow.clone().unwrap_or_default();
    ProviderSettings {
        id: id.clone(),
        display_name: oidc.display_name.clone().unwrap_or_else(|| id.to_string()),
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: oidc.client_secret.as_ref().map(|source| source.secret().clone()),
        scopes: oidc.scopes.clone(),
        leeway: oidc.leeway.std(),
        subject: oidc.subject.clone(),
        claims: mapping(&oidc.claims),
        require_verified_email: oidc.require_verified_email,
        allow: AllowLists {
            groups: allow.groups,
            email_domains: allow.email_domains,
            users: allow.users,
        },
        acr_values: oidc.acr_values.clone(),
        max_age: oidc.max_age.map(crate::config::Duration::std),
        insecure_http: oidc.insecure_http,
    }
}

/// Which claims hold what, for every way in that reads claims.
pub(super) fn mapping(claims: &ClaimNames) -> ClaimMapping {
    ClaimMapping {
        name: claims.name.clone(),
        preferred_username: claims.preferred_username.clone(),
        email: claims.email.clone(),
        groups: claims.groups.clone(),
        roles: claims.roles.clone(),
        keep: claims.keep.clone(),
        ..ClaimMapping::default()
    }
}
