//! Provider sections → relying parties.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use crate::app::build::BuildFault;
use crate::app::lasting::Lasting;
use crate::base::ProviderId;
use crate::config::{
    AllowList, Checked, ClaimNames, ClientKey as ClientKeySection, Config, Entra,
    FrontchannelLogout as FrontchannelSection, GithubProvider, Grant as GrantSection,
    GroupsOverage, OidcProvider, ProofAudience, Provider as Section,
};
use crate::crypto::private_key;
use crate::identity::ClaimMapping;
use crate::oidc::{
    AllowLists, ClientKey, FrontchannelLogout, GithubApi, Grant, LogoutPlace, Overage, Protocol,
    Provider, ProviderSettings, Tenants,
};
use crate::web::{AddressPolicy, FetchLimits, HttpClient};

/// Every provider, in the order of their names.
pub(super) fn providers(
    config: &Checked<Config>,
    lasting: &Lasting,
) -> Result<Vec<Arc<Provider>>, BuildFault> {
    let provider = |(id, section): (&ProviderId, &Section)| {
        let fault = |cause: String| BuildFault::Provider { id: id.clone(), cause };
        let (settings, client) = match section {
            Section::Github(own) => (github(id, own), github_client(own)),
            Section::Oidc(oidc) => (settings(id, oidc).map_err(fault)?, client(oidc)),
        };
        Ok(Arc::new(Provider::new(
            settings,
            Arc::new(client.map_err(fault)?),
            Arc::clone(&lasting.clock),
            Arc::clone(&lasting.entropy),
        )))
    };
    config.providers.iter().map(provider).collect()
}

/// What asks a provider.
pub(super) fn client(oidc: &OidcProvider) -> Result<HttpClient, String> {
    http_client(&oidc.issuer, oidc.insecure_http, oidc.ca.as_deref())
}

fn github_client(github: &GithubProvider) -> Result<HttpClient, String> {
    http_client(github.issuer(), github.insecure_http, github.ca.as_deref())
}

fn http_client(home: &str, insecure_http: bool, ca: Option<&Path>) -> Result<HttpClient, String> {
    let home = Url::parse(home).map_err(|cause| cause.to_string())?;
    let policy = AddressPolicy::for_home(&home, insecure_http);
    let authority = ca.map(std::fs::read).transpose().map_err(|cause| cause.to_string())?;
    HttpClient::new(policy, FetchLimits::default(), authority.as_deref())
        .map_err(|cause| cause.to_string())
}

fn github(id: &ProviderId, github: &GithubProvider) -> ProviderSettings {
    let api = GithubApi { url: github.api(), memberships: github.memberships };
    let secret = github.client_secret.secret().clone();
    ProviderSettings {
        display_name: github.display_name.clone().unwrap_or_else(|| id.to_string()),
        client_secret: Some(secret),
        scopes: api.scopes(),
        claims: mapping(&github.claims),
        grants: grants(&github.grants),
        require_verified_email: github.require_verified_email,
        allow: lists(github.allow.as_ref()),
        insecure_http: github.insecure_http,
        protocol: Protocol::Github(api),
        ..ProviderSettings::new(id.clone(), github.issuer(), github.client_id.as_str())
    }
}

fn settings(id: &ProviderId, oidc: &OidcProvider) -> Result<ProviderSettings, String> {
    let client_key = oidc.client_key.as_ref().map(client_key).transpose()?;
    let entra = oidc.entra.as_ref();
    Ok(ProviderSettings {
        id: id.clone(),
        display_name: oidc.display_name.clone().unwrap_or_else(|| id.to_string()),
        protocol: Protocol::OpenIdConnect,
        issuer: oidc.issuer.clone(),
        tenants: entra.filter(|entra| entra.is_shared()).map(tenants),
        discovery: oidc.discovery.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: oidc.client_secret.as_ref().map(|source| source.secret().clone()),
        client_key: client_key.map(Arc::new),
        authorization_params: oidc.authorization_params.clone().into_iter().collect(),
        scopes: oidc.scopes.clone(),
        leeway: oidc.leeway.std(),
        subject: oidc.subject.clone(),
        claims: mapping(&oidc.claims),
        required_claims: oidc.required_claims.clone().into_iter().collect(),
        overage: entra.map(|entra| match entra.groups_overage {
            GroupsOverage::Graph => Overage::Graph(entra.graph().to_owned()),
            GroupsOverage::Refuse => Overage::Refuse,
        }),
        grants: grants(&oidc.grants),
        require_verified_email: oidc.require_verified_email,
        allow: lists(oidc.allow.as_ref()),
        acr_values: oidc.acr_values.clone(),
        max_age: oidc.max_age.map(crate::config::Duration::std),
        logout: oidc.logout.as_ref().map(|place| LogoutPlace {
            url: place.url.clone(),
            return_parameter: place.return_parameter.clone(),
        }),
        frontchannel_logout: match oidc.frontchannel_logout {
            FrontchannelSection::Cookie => FrontchannelLogout::Cookie,
            FrontchannelSection::Off => FrontchannelLogout::Off,
            FrontchannelSection::Sid => FrontchannelLogout::Sid,
        },
        revoke_tokens: oidc.revoke_tokens,
        insecure_http: oidc.insecure_http,
    })
}

fn tenants(entra: &Entra) -> Tenants {
    match entra.tenants.iter().any(|tenant| tenant == Entra::ANY) {
        true => Tenants::Any,
        false => Tenants::Only(entra.tenants.clone()),
    }
}

fn client_key(section: &ClientKeySection) -> Result<ClientKey, String> {
    let key = private_key(section.key.secret()).map_err(|fault| fault.to_string())?;
    let hash = |path: &PathBuf| {
        let certificate = CertificateDer::from_pem_file(path);
        let certificate = certificate.map_err(|cause| format!("`{}`: {cause}", path.display()))?;
        Ok::<_, String>(URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate)))
    };
    Ok(ClientKey {
        key,
        id: section.id.clone(),
        certificate: section.certificate.as_ref().map(hash).transpose()?,
        for_endpoint: section.audience == ProofAudience::TokenEndpoint,
    })
}

fn grants(grants: &[GrantSection]) -> Vec<Grant> {
    let grant = |section: &GrantSection| Grant {
        role: section.role.clone(),
        to: section.to.as_ref().map(|list| lists(Some(list))),
    };
    grants.iter().map(grant).collect()
}

fn lists(list: Option<&AllowList>) -> AllowLists {
    let list = list.cloned().unwrap_or_default();
    AllowLists { groups: list.groups, email_domains: list.email_domains, users: list.users }
}

/// Which claims hold what, for every way in that reads claims.
pub(super) fn mapping(claims: &ClaimNames) -> ClaimMapping {
    ClaimMapping {
        name: claims.name.clone(),
        preferred_username: claims.preferred_username.clone(),
        email: claims.email.clone(),
        groups: claims.groups.clone(),
        roles: claims.roles.clone(),
        email_verified: claims.email_verified.clone(),
        keep: claims.keep.clone(),
        rename: claims.rename.clone().into_iter().collect(),
        add: claims.add.clone().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
