//! Checks of what a route does for its app: preset, identity headers, cookies, pages.

use std::collections::BTreeSet;

use crate::base::ProviderId;
use crate::config::check::findings::Problem;
use crate::config::check::routes::{CLAIMS, NOT_FOR_TOKENS, unknown_claim};
use crate::config::check::token::SHORTEST_SECRET;
use crate::config::patterns::PathPattern;
use crate::config::presets::{self, Preset};
use crate::config::providers::Provider;
use crate::config::root::Config;
use crate::config::routes::Route;
use crate::config::{FieldName, TokenForm};
use crate::crypto::Algorithm;
use crate::identity::Fact;

/// Fields that say what the gateway has seen of the way: an app must be able to rely on them.
const OURS: [&str; 6] = [
    "authorization",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// What one route says of its app.
pub(super) fn route(
    path: &str,
    route: &Route,
    config: &Config,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let mut wrong = |key: &str, message: String, remedy: String| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    preset(route, config, &mut wrong);
    token(route, config, &mut wrong);
    headers(route, config, &mut wrong);
    cookies(route, &mut wrong);
    pages("logout_paths", &route.logout_paths, &mut wrong);
    pages("login_pages", &route.login_pages, &mut wrong);
    if !route.logout_paths.is_empty() && !route.takes_sessions() && !route.takes_teams() {
        let message = "there is no session that could be ended".to_owned();
        if route.preset.is_none() {
            wrong("logout_paths", message, "add \"session\" to `auth`, or leave it out".to_owned());
        }
    }
    if let Some(key) = shared_name(route)
        && sources(route, config) > 1
    {
        let message = "people come from several providers or issuers, and two of them may call two \
            people alike: to the app they would be one";
        let remedy = "name one in `login` or `issuers`, or send `idp` too";
        warnings.push(Problem::new(format!("{path}.{key}"), message, remedy));
    }
    if let Some(key) = passing_name(route).filter(|_| takes_github(route, config)) {
        let message = "at GitHub people rename themselves, and others take the names they leave: to the \
            app these would be one";
        let remedy = "send `sub`, which stays, or `email`";
        warnings.push(Problem::new(format!("{path}.{key}"), message, remedy));
    }
}

/// The key that names people by what they call themselves.
fn passing_name(route: &Route) -> Option<String> {
    let passes = |fact: &Fact| matches!(fact, Fact::PreferredUsername | Fact::User);
    if route.token.form == TokenForm::Chainlit && passes(route.token.identifier.fact()) {
        return Some("token.identifier".to_owned());
    }
    let name = route.identity_headers.iter().find(|(_, claim)| passes(claim.fact()));
    name.map(|(field, _)| format!("identity_headers.{field}"))
}

fn takes_github(route: &Route, config: &Config) -> bool {
    let listed = |id: &ProviderId| route.login.is_empty() || route.login.contains(id);
    let mut all = config.providers.iter();
    route.takes_sessions()
        && all.any(|(id, provider)| listed(id) && matches!(provider, Provider::Github(_)))
}

fn preset(route: &Route, config: &Config, wrong: &mut dyn FnMut(&str, String, String)) {
    let Some(name) = &route.preset else { return };
    let Some(preset) = Preset::named(name) else {
        wrong("preset", format!("there is no preset `{name}`"), presets::remedy(name));
        return;
    };
    let signs = algorithm(route, config);
    let taken = preset.algorithms();
    if !route.token.off && !taken.is_empty() && !taken.contains(&signs) {
        let names: Vec<_> = taken.iter().map(|it| it.as_str()).collect();
        let message = format!("the app verifies {} only, not {signs}", names.join(" or "));
        let remedy = if taken == [Algorithm::Hs256] {
            "add token.secret to the route: { file = \"…\" } with the secret that the app has"
                .into()
        } else {
            format!("set algorithm = \"{}\" in [token]", names.first().unwrap_or(&"ES256"))
        };
        wrong("preset", message, remedy);
    }
}

/// What the route's tokens are signed with.
fn algorithm(route: &Route, config: &Config) -> Algorithm {
    if route.token.secret.is_some() { Algorithm::Hs256 } else { config.token.algorithm }
}

fn token(route: &Route, config: &Config, wrong: &mut dyn FnMut(&str, String, String)) {
    let token = &route.token;
    if token.bearer && token.header.is_none() {
        let remedy = "add header = \"Authorization\", or leave `bearer` out".to_owned();
        wrong("token.bearer", "no header field is named that could say it".into(), remedy);
    }
    if token.cookie.as_ref().is_some_and(|cookie| !cookie.is_exact()) {
        let remedy = "write one name; `strip_cookies` takes patterns".to_owned();
        wrong("token.cookie", "a token is in one cookie".into(), remedy);
    }
    if token.form == TokenForm::Chainlit && algorithm(route, config) != Algorithm::Hs256 {
        let remedy =
            "add token.secret to the route, with the app's CHAINLIT_AUTH_SECRET".to_owned();
        wrong("token.form", "Chainlit verifies HS256 only".into(), remedy);
    }
    if token.form != TokenForm::Chainlit && *token.identifier.fact() != Fact::Subject {
        let remedy = "leave it out, or set form = \"chainlit\"".to_owned();
        wrong("token.identifier", "only Chainlit's tokens have one".into(), remedy);
    }
    if let Fact::Groups | Fact::Roles = token.identifier.fact() {
        let remedy = "use \"sub\", \"user\" or \"email\"".to_owned();
        wrong("token.identifier", "a list names nobody".into(), remedy);
    }
    if let Some(remedy) = unknown_claim(&token.identifier.to_string(), config) {
        let message = format!("nobody has a claim `{}`", token.identifier);
        wrong("token.identifier", message, remedy);
    }
    let length = token.secret.as_ref().map(|source| source.secret().expose().len());
    if let Some(length @ 1..SHORTEST_SECRET) = length {
        let message = format!("the secret has {length} bytes; one shorter than 32 can be guessed");
        wrong("token.secret", message, "make one with: openssl rand -base64 48".to_owned());
    }
}

fn headers(route: &Route, config: &Config, wrong: &mut dyn FnMut(&str, String, String)) {
    let token = route.token_header().filter(|_| !route.token.off);
    let service = route.asks_a_service().then(|| config.service_of(route)).flatten();
    let passed = |field: &FieldName| {
        service.is_some_and(|it| it.pass.iter().any(|other| other.name() == field.name()))
    };
    let mut seen = BTreeSet::new();
    for (field, claim) in &route.identity_headers {
        let (key, name) = (format!("identity_headers.{field}"), field.name().as_str());
        if NOT_FOR_TOKENS.contains(&name) || OURS.contains(&name) {
            wrong(&key, format!("`{field}` has another meaning"), "choose another name".into());
        }
        if !seen.insert(name) {
            let remedy = "leave one out: case does not tell names apart".to_owned();
            wrong(&key, format!("`{field}` is there twice"), remedy);
        }
        if token.as_ref().is_some_and(|token| token.name() == field.name()) {
            let remedy = "choose another name, or set token.off".to_owned();
            wrong(&key, format!("`{field}` carries the token"), remedy);
        }
        if passed(field) {
            let remedy = "leave it out here, or in the service's `pass`".to_owned();
            wrong(&key, format!("`{field}` is what the external service says"), remedy);
        }
        if let Fact::Claim(name) = claim.fact()
            && CLAIMS.contains(&name.as_str())
        {
            let remedy = "send the token too: it says so".to_owned();
            wrong(&key, format!("`{name}` is about the token, not about the person"), remedy);
        }
        if let Some(remedy) = unknown_claim(&claim.to_string(), config) {
            wrong(&key, format!("nobody has a claim `{claim}`"), remedy);
        }
    }
}

fn cookies(route: &Route, wrong: &mut dyn FnMut(&str, String, String)) {
    let lists = [("strip_cookies", &route.strip_cookies), ("app_cookies", &route.app_cookies)];
    for (key, list) in lists {
        for (index, pattern) in list.iter().enumerate() {
            let ours = ["portcullis", "__Host-portcullis"];
            if ours.iter().any(|name| pattern.covers(name)) {
                let message = format!("`{pattern}` would take in the gateway's own cookies");
                wrong(&format!("{key}[{index}]"), message, "choose another name".to_owned());
            }
        }
    }
    for (index, pattern) in route.app_cookies.iter().enumerate() {
        let stripped = route.strip_cookies.iter().chain(&route.token.cookie);
        if stripped.clone().any(|other| other == pattern) {
            let message =
                format!("`{pattern}` never reaches the app, so that it cannot be its own");
            let remedy = "leave it out here, or in `strip_cookies`".to_owned();
            wrong(&format!("app_cookies[{index}]"), message, remedy);
        }
    }
}

fn pages(key: &str, paths: &[PathPattern], wrong: &mut dyn FnMut(&str, String, String)) {
    for (index, path) in paths.iter().enumerate() {
        if path.as_str().contains('*') {
            let message = format!("`{path}` is not one page");
            wrong(&format!("{key}[{index}]"), message, "write it without `*`".to_owned());
        }
    }
}

/// The key that names people by something that is unique for one issuer only.
fn shared_name(route: &Route) -> Option<String> {
    let names = || route.identity_headers.iter();
    if route.token.form == TokenForm::Chainlit && route.token.identifier.fact().may_be_shared() {
        return Some("token.identifier".to_owned());
    }
    if !route.token.off || names().any(|(_, claim)| *claim.fact() == Fact::Issuer) {
        // The token tells them apart.
        return None;
    }
    let name = names().find(|(_, claim)| matches!(claim.fact(), Fact::Subject | Fact::User));
    name.map(|(field, _)| format!("identity_headers.{field}"))
}

/// How many providers, directories and issuers the route's people may come from.
fn sources(route: &Route, config: &Config) -> usize {
    let people = match (route.takes_sessions(), route.login.is_empty()) {
        (false, _) => 0,
        (true, false) => route.login.len(),
        (true, true) => config.providers.len() + config.directories.len(),
    };
    let bearer = route.auth.contains(&crate::config::Auth::Bearer);
    let named = config.providers.values().map(Provider::issuer);
    let named: Vec<_> = named.collect();
    let issuers = config.issuers_of(route).filter(|(_, it)| !named.contains(&it.issuer.as_str()));
    people + if bearer { issuers.count() } else { 0 }
}
