//! Checks of `[providers.<id>]`.

use url::Url;

use crate::config::check::findings::Problem;
use crate::config::check::issuers::plain;
use crate::config::check::server::certificates;
use crate::config::check::{client_key, entra, github, people};
use crate::config::origin::is_loopback;
use crate::config::providers::{OidcProvider, Provider};
use crate::config::root::Config;

/// The largest leeway: RFC 7519 section 4.1.4 speaks of "no more than a few minutes"; a minute is
/// what a machine with a time server can be off at worst.
pub(super) const LARGEST_LEEWAY: u64 = 60;

/// Parameters of an authorization request that the protocol itself fills in.
const OWN_PARAMS: [&str; 15] = [
    "acr_values",
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "id_token_hint",
    "max_age",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// Google's issuer: everybody has an account there.
const GOOGLE: &str = "https://accounts.google.com";

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    for (id, provider) in &config.providers {
        let path = format!("providers.{id}");
        identifier(&path, id.as_str(), problems);
        people::check(&path, provider, problems);
        if let Some(Err(message)) = provider.ca().map(|ca| certificates(ca)) {
            let remedy = "name a PEM file with the authority's certificate";
            problems.push(Problem::new(format!("{path}.ca"), message, remedy));
        }
        match provider {
            Provider::Github(own) => github::check(&path, own, problems, warnings),
            Provider::Oidc(oidc) => {
                issuer(&path, oidc, problems);
                details(&path, oidc, problems);
                addresses(&path, oidc, problems);
                client_key::check(&path, oidc, problems);
                entra::check(&path, oidc, problems);
                if oidc.issuer == GOOGLE && oidc.allow.is_none() && oidc.required_claims.is_empty()
                {
                    let message = "whoever has a Google account can sign in";
                    let remedy = "set hosted_domains or allow, unless the routes decide who may";
                    warnings.push(Problem::new(&path, message, remedy));
                }
            }
        }
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
    if oidc.scopes.iter().any(|scope| scope.is_empty() || scope.contains(char::is_whitespace)) {
        wrong("scopes", "a scope is one word".into(), "write each scope as its own entry");
    }
    for name in oidc.authorization_params.keys() {
        let key = format!("authorization_params.{name}");
        match name.as_str() {
            "acr_values" | "max_age" | "scope" => {
                wrong(
                    &key,
                    format!("`{name}` is not set here"),
                    "use the provider's key of that name",
                );
            }
            own if OWN_PARAMS.contains(&own) => {
                wrong(&key, format!("`{name}` belongs to the protocol"), "leave it out");
            }
            _ => {}
        }
    }
}

fn addresses(path: &str, oidc: &OidcProvider, problems: &mut Vec<Problem>) {
    let mut https = |key: &str, url: &Url| {
        if let Some(message) = plain(url, oidc.insecure_http) {
            let remedy = "use https: whoever can listen in could replace the provider";
            problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
        }
    };
    if let Some(url) = &oidc.discovery {
        https("discovery", url);
    }
    if let Some(place) = &oidc.logout {
        if let Some(url) = &place.url {
            https("logout.url", url);
        }
        if place.return_parameter.is_empty() {
            let remedy = "write what the provider calls it, such as \"logout_uri\"";
            let path = format!("{path}.logout.return_parameter");
            problems.push(Problem::new(path, "the parameter's name is empty", remedy));
        }
    }
}
