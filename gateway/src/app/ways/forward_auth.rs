//! `forward_auth`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::providers::mapping;
use crate::app::ways::chain::Ways;
use crate::authn::Authenticator;
use crate::authn::forward_auth::{ForwardAuth, ForwardAuthSettings, Names};
use crate::config::{ForwardAuth as Section, Route};
use crate::web::{AddressPolicy, FetchLimits, HttpClient};

/// An answer's body is not read for anything: so much of it is borne.
const ANSWER: usize = 64 * 1024;

/// The way in of one route: by the word of its service.
pub(super) fn way(ways: &Ways<'_>, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let fault = |cause: String| BuildFault::Route(route.id(), cause);
    let section = ways.config.service_of(route);
    let section = section.ok_or_else(|| fault("no such forward_auth".to_owned()))?;
    let policy = AddressPolicy::for_home(&section.url, section.insecure_http);
    let limits = FetchLimits { time: section.timeout.std(), answer: ANSWER };
    let fetch = HttpClient::new(policy, limits, None).map_err(|cause| fault(cause.to_string()))?;
    let clock = Arc::clone(&ways.lasting.clock);
    Ok(Arc::new(ForwardAuth::new(settings(section), Arc::new(fetch), clock)))
}

fn settings(section: &Section) -> ForwardAuthSettings {
    let names = match &section.jwt {
        Some(token) => Names::Jwt {
            header: token.header.name().clone(),
            subject: token.subject.clone(),
            claims: Box::new(mapping(&token.claims)),
        },
        None => Names::Headers { fields: section.fields(), email_verified: section.email_verified },
    };
    ForwardAuthSettings {
        url: section.url.clone(),
        issuer: section.issuer(),
        headers: section.headers.iter().map(|field| field.name().clone()).collect(),
        cookies: section.cookies.clone(),
        always: section.always,
        names,
        pass: section.pass.iter().map(|field| field.name().clone()).collect(),
        timeout: section.timeout.std(),
        cache: section.cache.std(),
    }
}
