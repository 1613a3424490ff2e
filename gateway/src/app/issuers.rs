//! Issuer sections → what judges their tokens.

use std::sync::Arc;
use std::time::Duration;

use crate::app::build::BuildFault;
use crate::app::lasting::Lasting;
use crate::app::providers::mapping;
use crate::authn::bearer::{Introspection, Issuer, IssuerSettings, SharedSecret, TokenSource};
use crate::base::{IssuerId, Secret};
use crate::config::{Checked, Config, Issuer as Section};
use crate::crypto::KeySet;
use crate::oidc::{IssuerMetadata, JwksLocation, RemoteKeys};
use crate::web::{AddressPolicy, FetchLimits, HttpClient};

/// Every issuer, in the order of their names.
pub(super) fn issuers(
    config: &Checked<Config>,
    lasting: &Lasting,
) -> Result<Vec<Arc<Issuer>>, BuildFault> {
    let issuer = |(id, section): (&IssuerId, &Section)| {
        let source = source(section, lasting)
            .map_err(|cause| BuildFault::Issuer { id: id.clone(), cause })?;
        let clock = Arc::clone(&lasting.clock);
        Ok(Arc::new(Issuer::new(settings(id, section), source, clock)))
    };
    config.issuers.iter().map(issuer).collect()
}

fn source(section: &Section, lasting: &Lasting) -> Result<TokenSource, String> {
    if let Some(secret) = &section.secret {
        let secret = Secret::new(secret.secret().expose().clone().into_bytes());
        let shared = SharedSecret::new(&secret, &section.algorithms());
        return shared.map(TokenSource::Shared).map_err(|cause| cause.to_string());
    }
    if let Some(file) = &section.jwks_file {
        let named = |cause: String| format!("`{}`: {cause}", file.display());
        let document = std::fs::read(file).map_err(|cause| named(cause.to_string()))?;
        let keys = KeySet::admit(&document).map_err(|cause| named(cause.to_string()))?;
        if keys.is_empty() {
            let refused = keys.refused().first().map(|(key, why)| format!(" ({key}: {why})"));
            return Err(named(format!("no key can be used{}", refused.unwrap_or_default())));
        }
        return Ok(TokenSource::Keys(keys));
    }
    let authority = section.ca.as_ref().map(std::fs::read).transpose();
    let authority = authority.map_err(|cause| cause.to_string())?;
    let fetch = Arc::new(client(section, authority.as_deref())?);
    if let Some(asked) = &section.introspection {
        let client = (asked.client_id.as_str(), asked.client_secret.secret());
        let times = (asked.cache.std(), asked.timeout.std());
        return Introspection::new(asked.url.clone(), client, fetch, times)
            .map(|asked| TokenSource::Introspection(Box::new(asked)));
    }
    let location = match &section.jwks_url {
        Some(url) => JwksLocation::Fixed(url.clone()),
        None => JwksLocation::OfIssuer(IssuerMetadata {
            issuer: section.url().ok_or("the issuer is not a URL; set jwks_url")?,
            written: section.issuer.clone(),
            insecure_http: section.insecure_http,
        }),
    };
    // All that decides which keys are believed, and for how long.
    let origin = (&section.issuer, &section.jwks_url, section.insecure_http, section.stale_keys);
    let keys = lasting.issuer_keys.of(&format!("{origin:?} {authority:?}"), || {
        let keys = RemoteKeys::new(location, fetch, Arc::clone(&lasting.clock));
        keys.stale_for(section.stale_keys.std())
    });
    Ok(TokenSource::Remote(keys))
}

fn client(section: &Section, authority: Option<&[u8]>) -> Result<HttpClient, String> {
    let home = section.home().ok_or("the issuer is not a URL; set jwks_url")?;
    let policy = AddressPolicy::for_home(&home, section.insecure_http);
    // Requests wait for it.
    let limits = FetchLimits { time: Duration::from_secs(5), ..FetchLimits::default() };
    HttpClient::new(policy, limits, authority).map_err(|cause| cause.to_string())
}

fn settings(id: &IssuerId, section: &Section) -> IssuerSettings {
    let required = section.required_claims.iter();
    IssuerSettings {
        id: id.clone(),
        issuer: section.issuer.clone(),
        audiences: section.audiences.clone(),
        algorithms: section.algorithms(),
        typ: section.typ.clone(),
        required_claims: required.map(|(name, values)| (name.clone(), values.clone())).collect(),
        scopes: section.scopes.clone(),
        leeway: section.leeway.std(),
        subject: section.subject.clone(),
        claims: mapping(&section.claims),
        verified_cache: usize::try_from(section.verified_cache).unwrap_or(usize::MAX),
    }
}
