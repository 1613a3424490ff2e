//! Checks of `[issuers.<id>]`, and of the routes that ask for one.

use std::path::Path;

use url::Url;

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::check::providers::{LARGEST_LEEWAY, identifier};
use crate::config::check::routes::name_one;
use crate::config::check::server::certificates;
use crate::config::issuers::Issuer;
use crate::config::origin::is_loopback;
use crate::config::root::Config;
use crate::config::routes::Route;
use crate::crypto::{KeySet, VerifyAlgorithm};

/// More would hold gigabytes.
const LARGEST_CACHE: u32 = 1_000_000;

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    for (id, issuer) in &config.issuers {
        let path = format!("issuers.{id}");
        identifier(&path, id.as_str(), problems);
        addresses(&path, issuer, problems);
        keys(&path, issuer, problems);
        shared(&path, issuer, problems);
        details(&path, issuer, problems);
        let mut before = config.issuers.iter().filter(|(other, _)| *other < id);
        if let Some((other, _)) = before.find(|(_, other)| other.issuer == issuer.issuer) {
            problems.push(Problem::new(
                format!("{path}.issuer"),
                format!("issuers.{other} has the same issuer"),
                "join the two: a token says its issuer only, not which section it is for",
            ));
        }
    }
}

fn addresses(path: &str, issuer: &Issuer, problems: &mut Vec<Problem>) {
    if issuer.issuer.is_empty() {
        let remedy = "copy the tokens' `iss`";
        problems.push(Problem::new(format!("{path}.issuer"), "the issuer is empty", remedy));
    }
    let discovered =
        issuer.jwks_file.is_none() && issuer.jwks_url.is_none() && issuer.introspection.is_none();
    let discovered = discovered && issuer.secret.is_none();
    let url = issuer.url();
    if discovered && url.is_none() && !issuer.issuer.is_empty() {
        problems.push(Problem::new(
            format!("{path}.issuer"),
            format!("`{}` is not a URL, and its keys cannot be looked for there", issuer.issuer),
            "add jwks_url or jwks_file",
        ));
    }
    let mut reachable = |key: &str, url: &Url| {
        if let Some(message) = plain(url, issuer.insecure_http) {
            problems.push(Problem::new(
                format!("{path}.{key}"),
                message,
                "use https; for a loopback host only, insecure_http = true takes plain http",
            ));
        }
    };
    if let Some(url) = url.filter(|_| discovered) {
        reachable("issuer", &url);
    }
    if let Some(url) = &issuer.jwks_url {
        reachable("jwks_url", url);
    }
    if let Some(introspection) = &issuer.introspection {
        reachable("introspection.url", &introspection.url);
    }
}

pub(super) fn plain(url: &Url, insecure_http: bool) -> Option<String> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some("an address has no user name or password here".to_owned());
    }
    let loopback = url.host_str().is_some_and(is_loopback);
    let good = url.scheme() == "https" || (url.scheme() == "http" && loopback && insecure_http);
    (!good).then(|| format!("`{url}` is not https"))
}

fn keys(path: &str, issuer: &Issuer, problems: &mut Vec<Problem>) {
    let places = [
        ("jwks_file", issuer.jwks_file.is_some()),
        ("jwks_url", issuer.jwks_url.is_some()),
        ("introspection", issuer.introspection.is_some()),
        ("secret", issuer.secret.is_some()),
    ];
    let written: Vec<_> = places.into_iter().filter(|(_, there)| *there).collect();
    if let [_, (second, _), ..] = written.as_slice() {
        problems.push(Problem::new(
            format!("{path}.{second}"),
            "more than one of jwks_file, jwks_url, introspection and secret is there",
            "keep the one that the issuer's tokens need",
        ));
    }
    if let Some(file) = &issuer.jwks_file
        && let Some(fault) = unusable(file)
    {
        problems.push(Problem::new(
            format!("{path}.jwks_file"),
            format!("`{}`: {fault}", file.display()),
            "name a JWKS file with the issuer's public keys",
        ));
    }
    if issuer.stale_keys.is_zero() {
        problems.push(Problem::new(
            format!("{path}.stale_keys"),
            "keys would be too old as soon as they are there",
            "leave it out for the default, \"24h\"",
        ));
    }
}

/// A public key and a secret never share an issuer: what is known to all must not sign.
fn shared(path: &str, issuer: &Issuer, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    let algorithms = issuer.algorithms();
    let Some(secret) = &issuer.secret else {
        if let Some(shared) = algorithms.iter().find(|algorithm| algorithm.is_shared()) {
            let message =
                format!("{shared} needs a secret: whoever can verify it can also forge it");
            wrong("algorithms", message, "use an algorithm with public keys, or add `secret`");
        }
        return;
    };
    if let Some(other) = algorithms.iter().find(|algorithm| !algorithm.is_shared()) {
        let message = format!("{other} has public keys, and no secret");
        wrong("algorithms", message, "list HS256, HS384 or HS512 only, or leave `secret` out");
        return;
    }
    let wanted = algorithms.iter().map(|algorithm| match algorithm {
        VerifyAlgorithm::Hs512 => 64,
        VerifyAlgorithm::Hs384 => 48,
        _ => 32,
    });
    let wanted = wanted.max().unwrap_or(32);
    let bytes = secret.secret().expose().len();
    // One that is not there was told already.
    if bytes > 0 && bytes < wanted {
        let message = format!("the secret has {bytes} bytes; these algorithms need {wanted}");
        wrong("secret", message, "make a longer one: openssl rand -base64 64");
    }
}

/// Why no token could be verified with the keys of a file.
fn unusable(file: &Path) -> Option<String> {
    let document = match std::fs::read(file) {
        Ok(document) => document,
        Err(error) => return Some(format!("it cannot be read: {error}")),
    };
    match KeySet::admit(&document) {
        Err(fault) => Some(fault.to_string()),
        Ok(keys) if keys.is_empty() => Some(match keys.refused().first() {
            Some((key, fault)) => format!("{key}: {fault}"),
            None => "it holds no key".to_owned(),
        }),
        Ok(_) => None,
    }
}

fn details(path: &str, issuer: &Issuer, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    if issuer.audiences.iter().any(String::is_empty) {
        wrong("audiences", "an audience is empty".into(), "write what the tokens' `aud` says");
    } else if issuer.audiences.is_empty() && issuer.introspection.is_none() {
        let message = "tokens for any application of the issuer would be taken".into();
        wrong("audiences", message, "list what the tokens for this gateway have as `aud`");
    }
    if issuer.algorithms().is_empty() {
        let remedy = "list the issuer's algorithm, or leave it out";
        wrong("algorithms", "without an algorithm no token is taken".into(), remedy);
    }
    if issuer.leeway.std().as_secs() > LARGEST_LEEWAY {
        let message = format!("a leeway of {} lets expired tokens in", issuer.leeway);
        wrong("leeway", message, "use at most \"60s\", and a time server");
    }
    if issuer.subject.is_empty() {
        wrong("subject", "the claim's name is empty".into(), "leave it out for `sub`");
    }
    scopes(&format!("{path}.scopes"), &issuer.scopes, &mut |path, message, remedy| {
        problems.push(Problem::new(path, message, remedy));
    });
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    if issuer.verified_cache > LARGEST_CACHE {
        let message = format!("{} verified tokens take gigabytes", issuer.verified_cache);
        wrong("verified_cache", message, "use at most 1000000");
    }
    if let Some(Err(message)) = issuer.ca.as_deref().map(certificates) {
        wrong("ca", message, "name a PEM file with the authority's certificate");
    }
    if let Some(introspection) = &issuer.introspection {
        if introspection.client_id.is_empty() {
            let message = "the client id is empty".into();
            wrong("introspection.client_id", message, "copy it from the issuer");
        }
        if introspection.timeout.is_zero() {
            let message = "no answer comes in no time".into();
            wrong("introspection.timeout", message, "leave it out for the default, \"3s\"");
        }
    }
}

/// A scope is one word of RFC 6749 section 3.3.
fn scopes(path: &str, scopes: &[String], wrong: &mut dyn FnMut(String, String, &'static str)) {
    let legal = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    for (index, scope) in scopes.iter().enumerate() {
        if scope.is_empty() || !scope.bytes().all(legal) {
            let message = format!("`{scope}` is not a scope");
            wrong(format!("{path}[{index}]"), message, "write each scope as its own entry");
        }
    }
}

/// What a route says of issuers.
pub(super) fn route(
    path: &str,
    route: &Route,
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    for (index, id) in route.issuers.iter().enumerate() {
        if !written(&format!("issuers.{id}")) {
            let known = config.issuers.keys().map(|id| id.as_str());
            let remedy = name_one("issuers", id.as_str(), known);
            let path = format!("{path}.issuers[{index}]");
            problems.push(Problem::new(path, format!("there is no issuer `{id}`"), remedy));
        }
    }
    let mut wrong = |key: &str, message: &str, remedy: &str| {
        problems.push(Problem::new(format!("{path}{key}"), message, remedy));
    };
    if !route.auth.contains(&Auth::Bearer) {
        for (key, there) in [
            ("issuers", !route.issuers.is_empty()),
            ("scopes", !route.scopes.is_empty() && !route.auth.contains(&Auth::ApiKey)),
            (
                "forward_authorization",
                route.forward_authorization
                    && !route.asks_a_service()
                    && !route.auth.contains(&Auth::Password),
            ),
        ] {
            if there {
                let message = format!("`{key}` is for routes with the way in `bearer`");
                wrong(&format!(".{key}"), &message, "add \"bearer\" to `auth`, or leave it out");
            }
        }
        return;
    }
    if config.issuers.is_empty() && !written("issuers") {
        let remedy = "add [issuers.<id>] with `issuer` and `audiences`";
        wrong(".auth", "no token can be good: there is no issuer", remedy);
    }
    let asked: Vec<_> = config
        .issuers_of(route)
        .filter(|(_, issuer)| issuer.introspection.is_some())
        .map(|(id, _)| id.as_str())
        .collect();
    if asked.len() > 1 {
        let message = format!("opaque tokens would be shown to {}", asked.join(" and "));
        wrong(".auth", &message, "name one of them in `issuers`: each sees the other's tokens");
    }
    scopes(&format!("{path}.scopes"), &route.scopes, &mut |path, message, remedy| {
        problems.push(Problem::new(path, message, remedy));
    });
}
