//! Checks of `[[routes]]`.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::check::{
    allow, api_keys, apps, client_certificates, directories, forward_auth, issuers, signed_urls,
    step_up, streams, teams, trusted_headers,
};
use crate::config::duration::Duration;
use crate::config::names::FieldName;
use crate::config::root::Config;
use crate::config::routes::Route;
use crate::config::suggest::nearest;

/// Paths below it are the gateway's own; a route there would never be asked.
const RESERVED: &str = "/.portcullis";

/// Header fields that carry a message or the session: a token in one of them breaks the request.
pub(super) const NOT_FOR_TOKENS: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "origin",
];

/// The claims that the gateway itself can put into a token.
pub(super) const CLAIMS: [&str; 29] = [
    "acr",
    "act",
    "amr",
    "api_key",
    "aud",
    "auth_method",
    "auth_time",
    "display_name",
    "email",
    "email_verified",
    "exp",
    "groups",
    "iat",
    "idp",
    "iss",
    "jti",
    "name",
    "nbf",
    "preferred_username",
    "rctx",
    "req_wl",
    "roles",
    "scope",
    "sid",
    "sub",
    "tctx",
    "txn",
    "user",
    "groups_truncated",
];

/// The claims that a token for several requests cannot have.
const OF_ONE_REQUEST: [&str; 3] = ["rctx", "tctx", "txn"];

/// Whether only the gateway itself writes a claim of this name.
pub(super) fn is_ours(claim: &str) -> bool {
    CLAIMS.contains(&claim)
}

pub(super) fn check(
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    if config.routes.is_empty() {
        let remedy = "add [[routes]] with an upstream";
        problems.push(Problem::new("routes", "there is no route to serve", remedy));
    }
    let mut names = BTreeMap::new();
    let mut patterns = BTreeMap::new();
    for (index, route) in config.routes.iter().enumerate() {
        let path = format!("routes[{index}]");
        if let Some(other) = patterns.insert(route.pattern(), index) {
            let message =
                format!("this route has the pattern of routes[{other}], {}", route.pattern());
            let remedy = "make one of them more specific, or leave it out";
            problems.push(Problem::new(&path, message, remedy));
        } else if let Some(other) = names.insert(route.id(), index) {
            let message = format!("routes[{other}] is called `{}` too", route.id());
            let remedy = "give each route its own name: logs and metrics tell them apart by it";
            problems.push(Problem::new(format!("{path}.name"), message, remedy));
        }
        rule(&path, route, problems);
        ways_in(&path, route, problems);
        sign_in(&path, route, config, written, problems);
        client_certificates::route(&path, route, config, problems);
        allow::route(&path, route, config, written, (problems, warnings));
        step_up::route(&path, route, config, problems);
        streams::route(&path, route, written, (problems, warnings));
        forward_auth::route(&path, route, config, problems);
        directories::route(&path, route, config, written, problems);
        issuers::route(&path, route, config, written, problems);
        api_keys::route(&path, route, config, problems);
        signed_urls::route(&path, route, config, written, problems);
        trusted_headers::route(&path, route, config, written, problems);
        teams::route(&path, route, config, written, problems);
        reach(&path, route, config, written, problems);
        token(&path, route, config, problems);
        apps::route(&path, route, config, problems, warnings);
        reuse(&path, route, config, problems);
        if route.token.debug_header {
            warnings.push(Problem::new(
                format!("{path}.token.debug_header"),
                "clients of this route can read their identity token",
                "leave it out in production",
            ));
        }
    }
}

fn rule(path: &str, route: &Route, problems: &mut Vec<Problem>) {
    const REMEDY: &str = "say who may: access = \"authenticated\", access = \"public\", or \
        allow = { groups = [\"…\"] }";
    match (&route.access, &route.allow) {
        (None, None) => problems.push(Problem::new(path, "nothing says who may", REMEDY)),
        (Some(_), Some(_)) => {
            let message = "`access` and `allow` are both there";
            problems.push(Problem::new(format!("{path}.access"), message, "leave one out"));
        }
        (None, Some(list)) if list.is_empty() => {
            let remedy = "list users, groups or email_domains";
            let message = "an empty list lets nobody through";
            problems.push(Problem::new(format!("{path}.allow"), message, remedy));
        }
        _ => {}
    }
}

fn ways_in(path: &str, route: &Route, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String, remedy: String| {
        problems.push(Problem::new(format!("{path}{key}"), message, remedy));
    };
    if route.auth.is_empty() {
        let remedy = "use [\"session\"], or [\"anonymous\"] for everybody".to_owned();
        wrong(".auth", "without a way in nobody gets in".into(), remedy);
    }
    for (index, way) in route.auth.iter().enumerate() {
        if route.auth.iter().take(index).any(|other| other == way) {
            let remedy = "leave one out".to_owned();
            wrong(&format!(".auth[{index}]"), format!("`{way}` is there twice"), remedy);
        }
        if *way == Auth::Anonymous && index + 1 < route.auth.len() {
            let message = "ways in behind `anonymous` are never asked".into();
            wrong(&format!(".auth[{index}]"), message, "put `anonymous` last".to_owned());
        }
    }
}

fn sign_in(
    path: &str,
    route: &Route,
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    let mut wrong = |key: &str, message: String, remedy: String| {
        problems.push(Problem::new(format!("{path}{key}"), message, remedy));
    };
    for (index, id) in route.login.iter().enumerate() {
        if !written(&format!("providers.{id}")) && !written(&format!("directories.{id}")) {
            let known = config.providers.keys().chain(config.directories.keys());
            let known = known.map(|id| id.as_str());
            let remedy = name_one("providers", id.as_str(), known);
            wrong(&format!(".login[{index}]"), format!("there is no provider `{id}`"), remedy);
        }
    }
    if !route.takes_sessions() {
        if !route.login.is_empty() && !route.auth.contains(&Auth::Password) {
            let remedy = "add \"session\" to `auth`, or leave `login` out".to_owned();
            wrong(".login", "`login` is for routes with the way in `session`".into(), remedy);
        }
        return;
    }
    let by_link = route.auth.contains(&Auth::SignedUrl);
    let otherwise = written("providers") || written("directories") || by_link;
    if config.providers.is_empty() && !otherwise {
        let remedy = "add [providers.<id>], or use auth = [\"anonymous\"]".to_owned();
        wrong(".auth", "nobody can sign in: there is no provider".into(), remedy);
    }
    let mut ours = std::iter::once(&config.server.public_url).chain(&config.server.origins);
    if !ours.any(|origin| route.host.covers(origin.get().host())) {
        let message = format!("a login on `{}` could not come back to it", route.host);
        let remedy = format!("add \"https://{}\" to server.origins", route.host);
        wrong(".host", message, remedy);
    }
}

fn reach(
    path: &str,
    route: &Route,
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    let id = &route.upstream;
    if !written(&format!("upstreams.{id}")) {
        let known = config.upstreams.keys().map(|id| id.as_str());
        let remedy = name_one("upstreams", id.as_str(), known);
        let message = format!("there is no upstream `{id}`");
        problems.push(Problem::new(format!("{path}.upstream"), message, remedy));
    }
    let below = route.path.as_str().strip_prefix(RESERVED);
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        problems.push(Problem::new(
            format!("{path}.path"),
            format!("paths below {RESERVED}/ are the gateway's own"),
            "choose another path",
        ));
    }
    for (index, verb) in route.methods.iter().enumerate() {
        if route.methods.iter().take(index).any(|other| other == verb) {
            let message = format!("`{verb}` is there twice");
            let path = format!("{path}.methods[{index}]");
            problems.push(Problem::new(path, message, "leave one out"));
        }
    }
}

fn token(path: &str, route: &Route, config: &Config, problems: &mut Vec<Problem>) {
    let token = &route.token;
    let mut wrong = |key: &str, message: String, remedy: String| {
        problems.push(Problem::new(format!("{path}.token.{key}"), message, remedy));
    };
    let unfit = |header: &&FieldName| NOT_FOR_TOKENS.contains(&header.name().as_str());
    if let Some(header) = token.header.as_ref().filter(unfit) {
        let message = format!("`{header}` cannot carry a token");
        wrong("header", message, "leave it out for X-User-JWT".to_owned());
    }
    if token.audience.as_ref().is_some_and(String::is_empty) {
        let remedy = "leave it out for the upstream's id".to_owned();
        wrong("audience", "the audience is empty".into(), remedy);
    }
    if !(1 << 10..=64 << 10).contains(&token.max_bytes.bytes()) {
        let message = format!("{} is not between 1KiB and 64KiB", token.max_bytes);
        wrong("max_bytes", message, "leave it out for the default, 6KiB".to_owned());
    }
    if token.off && token.debug_header {
        let remedy = "leave one out".to_owned();
        wrong("debug_header", "there is no token to show: `off` is set".into(), remedy);
    }
    for (index, claim) in token.claims.iter().flatten().enumerate() {
        if let Some(remedy) = unknown_claim(claim, config) {
            wrong(&format!("claims[{index}]"), format!("no token has a claim `{claim}`"), remedy);
        }
    }
}

/// What to do about a claim that nobody has; `None` where somebody may have it.
pub(super) fn unknown_claim(claim: &str, config: &Config) -> Option<String> {
    let kept = config.providers.values().flat_map(|provider| provider.claims().further());
    let kept = kept.chain(config.issuers.values().flat_map(|issuer| issuer.claims.further()));
    let kept = kept.chain(config.signed_urls.values().flat_map(|links| links.claims.further()));
    let kept = kept.chain(config.client_certificates.values().flat_map(|it| it.claims.further()));
    let known: BTreeSet<&str> = CLAIMS.into_iter().chain(kept.map(String::as_str)).collect();
    if known.contains(claim) {
        return None;
    }
    match nearest(claim, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        // Its people may have claims of any name.
        None if !config.directories.is_empty() => None,
        None => {
            Some("a provider's or issuer's own claims must be named in its claims.keep".to_owned())
        }
    }
}

fn reuse(path: &str, route: &Route, config: &Config, problems: &mut Vec<Problem>) {
    let (token, lifetime) = (&route.token, config.token.lifetime);
    let Some(reuse) = token.reuse else { return };
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.token.{key}"), message, remedy));
    };
    if token.off {
        wrong("reuse", "there is no token to share: `off` is set".into(), "leave one out");
    }
    if reuse < Duration::from_secs(1) {
        let message = format!("tokens cannot be shared for {reuse}");
        wrong("reuse", message, "leave it out for a token of its own for each request");
    } else if reuse >= lifetime {
        let message = format!("{reuse} is not shorter than token.lifetime, {lifetime}");
        wrong("reuse", message, "use at most half of token.lifetime: longer has no effect");
    }
    for (index, claim) in token.claims.iter().flatten().enumerate() {
        if OF_ONE_REQUEST.contains(&claim.as_str()) {
            let message = format!("a shared token has no `{claim}`: it is of one request");
            wrong(&format!("claims[{index}]"), message, "leave it or `reuse` out");
        }
    }
}

pub(super) fn name_one<'a>(
    section: &str,
    id: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    match nearest(id, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let known: Vec<_> = known.collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!("add [{section}.{id}], or use a known one: {known}")
        }
    }
}
