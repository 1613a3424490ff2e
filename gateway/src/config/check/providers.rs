//! Checks of `[providers.<id>]`.

use crate::config::check::findings::Problem;
use crate::config::check::server::certificates;
use crate::config::origin::is_loopback;
use crate::config::providers::{OidcProvider, Provider};
use crate::config::root::Config;

/// The largest leeway: RFC 7519 section 4.1.4 speaks of "no more than a few minutes"; a minute is
/// what a machine with a time server can be off at worst.
pub(super) const LARGEST_LEEWAY: u64 = 60;

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    for (id, Provider::Oidc(oidc)) in &config.providers {
        let path = format!("providers.{id}");
        identifier(&path, id.as_str(), problems);
        issuer(&path, oidc, problems);
        details(&path, oidc, problems);
    }
}

/// Ids stand in URLs, cookie names, logs and metrics.
pub(super) fn identifier(path: &str, id: &str, problems: &mut Vec<Problem>) {
    let legal =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if id.is_empty() || id.len() > 64 || !id.bytes().all(legal) {
        problems.push(Problem::new(
            path,
            format!("`{id}` cannot be an id"),
            "use 1 to 64 lower-case letters, digits, `-` and `_`",
        ));
    }
}

fn issuer(path: &str, oidc: &OidcProvider, problems: &mut Vec<Problem>) {
    let mut wrong = |message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.issuer"), message, remedy));
    };
    let Some(url) = oidc.issuer_url() else {
        let remedy = "write it as the provider does: \"https://login.example.com\"";
        return wrong(format!("`{}` is not a URL", oidc.issuer), remedy);
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        let remedy = "leave them out; a client's secret goes into client_secret";
        return wrong("an issuer has no user name, password, query or fragment".into(), remedy);
    }
    let loopback = url.host_str().is_some_and(is_loopback);
    match url.scheme() {
        "https" => {}
        "http" if loopback && oidc.insecure_http => {}
        "http" if loopback => {
            wrong("the issuer is plain http".into(), "use https, or set insecure_http = true");
        }
        _ => wrong(
            "the issuer is not https".into(),
            "use https: whoever can listen in could replace the provider",
        ),
    }
}

fn details(path: &str, oidc: &OidcProvider, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    if oidc.client_id.is_empty() {
        wrong("client_id", "the client id is empty".into(), "copy it from the provider");
    }
    if oidc.subject.is_empty() {
        wrong("subject", "the claim's name is empty".into(), "leave it out for `sub`");
    }
    if oidc.leeway.std().as_secs() > LARGEST_LEEWAY {
        let message = format!("a leeway of {} lets expired tokens in", oidc.leeway);
        wrong("leeway", message, "use at most \"60s\", and a time server");
    }
    if oidc.allow.as_ref().is_some_and(|list| list.is_empty()) {
        let remedy = "list users, groups or email_domains, or leave `allow` out";
        wrong("allow", "an empty list lets nobody sign in".into(), remedy);
    }
    if oidc.scopes.iter().any(|scope| scope.is_empty() || scope.contains(char::is_whitespace)) {
        wrong("scopes", "a scope is one word".into(), "write each scope as its own entry");
    }
    if let Some(Err(message)) = oidc.ca.as_deref().map(certificates) {
        wrong("ca", message, "name a PEM file with the authority's certificate");
    }
}
