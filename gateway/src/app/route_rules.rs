//! What a route lets requests in by, as something that two configurations can be compared by.

use serde::Serialize;

use crate::config::{Auth, Config, Route};
use crate::gate::RouteRules;

/// The rules of a route: what it says itself, and the sections that its ways in are made of. Secrets
/// are in it by where they are kept.
pub(super) fn rules(config: &Config, route: &Route) -> RouteRules {
    let sections: Vec<_> = route.auth.iter().map(|auth| section(config, *auth, route)).collect();
    let own = (&route.auth, &route.login, &route.issuers, &route.scopes, &route.signed_urls);
    RouteRules {
        ways: text(&(own, &route.forward_auth, sections)),
        access: text(&(&route.access, &route.allow, &issuers(config, route), step_up(route))),
    }
}

/// Whom an `allow` with `from` means.
fn issuers(config: &Config, route: &Route) -> Vec<String> {
    let from = route.allow.iter().flat_map(|list| &list.from);
    from.flat_map(|id| config.issuers_called(id)).collect()
}

fn step_up(route: &Route) -> impl Serialize + use<> {
    (route.acr_values.clone(), route.max_age)
}

/// What the whole file says of a way in, beside the route. What a session was begun by is judged anew
/// in any case.
fn section(config: &Config, auth: Auth, route: &Route) -> String {
    match auth {
        Auth::Anonymous | Auth::Session | Auth::SignedUrl | Auth::Teams => String::new(),
        Auth::ApiKey => text(&config.api_keys),
        Auth::Bearer => text(&config.issuers_of(route).collect::<Vec<_>>()),
        Auth::ClientCertificate => text(&config.client_certificates),
        Auth::ForwardAuth => text(&config.service_of(route)),
        Auth::Password => text(&(&config.directories, config.providers.keys().collect::<Vec<_>>())),
        Auth::TrustedHeaders => text(&config.trusted_headers),
    }
}

/// Only types of ours, none of which can fail.
fn text(rules: &impl Serialize) -> String {
    serde_json::to_string(rules).unwrap_or_default()
}
