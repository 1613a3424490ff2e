//! Checks of `[forward_auth.<id>]`, and of the routes that ask for one.

use std::time::Duration;

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::check::providers::identifier;
use crate::config::check::routes::name_one;
use crate::config::forward_auth::ForwardAuth;
use crate::config::origin::is_loopback;
use crate::config::root::Config;
use crate::config::routes::Route;

/// Fields that make up the message, are written by us, or hold our own cookie.
const NOT_TO_SEND: [&str; 11] = [
    "accept",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-portcullis-hops",
];
/// So long may somebody be let in whom the service would refuse.
const LONGEST_CACHE: Duration = Duration::from_secs(300);
/// Clients wait for it.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    for (id, service) in &config.forward_auth {
        let path = format!("forward_auth.{id}");
        identifier(&path, id, problems);
        each(&path, service, problems);
    }
}

fn each(path: &str, service: &ForwardAuth, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: &str, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    let url = &service.url;
    let host = url.host_str().unwrap_or_default();
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        wrong("url", "it may have no user name, password or fragment", "leave them out");
    }
    match url.scheme() {
        "https" => {}
        "http" if service.insecure_http && is_loopback(host) => {}
        "http" if is_loopback(host) => {
            wrong("url", "it is not https", "use https, or set insecure_http = true");
        }
        _ => wrong("url", "it is not https", "whoever can listen in could say yes; use https"),
    }
    if service.headers.is_empty() && service.cookies.is_empty() && !service.always {
        let remedy = "add headers = [\"Authorization\"] or cookies, or always = true";
        wrong("headers", "nothing of a request would make it be asked", remedy);
    }
    for (index, field) in service.headers.iter().enumerate() {
        let name = field.name().as_str();
        if NOT_TO_SEND.contains(&name) || name.starts_with("x-original-") {
            let remedy = "leave it out; cookies are named in `cookies`";
            wrong(&format!("headers[{index}]"), "this field cannot be passed on", remedy);
        }
    }
    for (index, cookie) in service.cookies.iter().enumerate() {
        let ours = ["portcullis", "__Host-portcullis", "__Secure-portcullis"];
        let legal = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
        if ours.iter().any(|own| cookie.starts_with(own)) {
            let message = "this cookie is the gateway's own: it would be a password to the service";
            wrong(&format!("cookies[{index}]"), message, "leave it out");
        } else if cookie.is_empty() || !cookie.bytes().all(legal) {
            wrong(&format!("cookies[{index}]"), "no cookie can be called so", "write its name");
        }
    }
    if service.jwt.is_some() && (!service.claims.is_empty() || service.email_verified) {
        let message = "`claims` and `email_verified` are not read where `jwt` is there";
        wrong("jwt", message, "leave one out; a JWT's own claims are named in jwt.claims");
    } else if !service.claims.is_empty() && !service.claims.contains_key("sub") {
        wrong("claims", "nothing names the person", "add sub = \"X-Auth-Request-User\"");
    }
    if service.timeout.is_zero() || service.timeout.std() > LONGEST_TIMEOUT {
        wrong("timeout", "it is not between 1ms and 30s", "leave it out for the default, 2s");
    }
    if service.cache.std() > LONGEST_CACHE {
        wrong("cache", "so long could nobody be locked out", "use at most \"5m\"");
    }
}

/// What a route says of it.
pub(super) fn route(path: &str, route: &Route, config: &Config, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String, remedy: String| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    let known = || config.forward_auth.keys().map(String::as_str);
    if !route.auth.contains(&Auth::ForwardAuth) {
        if route.forward_auth.is_some() {
            let message = "`forward_auth` is for routes with that way in".to_owned();
            wrong("forward_auth", message, "add \"forward_auth\" to `auth`".to_owned());
        }
        return;
    }
    let service = match (&route.forward_auth, config.forward_auth.len()) {
        (Some(id), _) if !config.forward_auth.contains_key(id) => {
            let remedy = name_one("forward_auth", id, known().collect::<Vec<_>>().into_iter());
            wrong("forward_auth", format!("there is no forward_auth `{id}`"), remedy);
            return;
        }
        (None, 0) => {
            let remedy = "add [forward_auth.<id>] with `url`".to_owned();
            wrong("auth", "there is no service to ask".to_owned(), remedy);
            return;
        }
        (None, 2..) => {
            let ids: Vec<_> = known().collect();
            let remedy = format!("add forward_auth = with one of {}", ids.join(", "));
            wrong("auth", "there are several services to ask".to_owned(), remedy);
            return;
        }
        _ => config.service_of(route),
    };
    let passed = service.iter().flat_map(|service| &service.pass);
    for field in passed {
        let token = route.token_header().filter(|_| !route.token.off);
        if token.is_some_and(|token| token.name() == field.name()) {
            let message = format!("the service's own `{field}` and ours would be one");
            let remedy = "set token = { off = true }, or give our token another header".to_owned();
            wrong("token.header", message, remedy);
        }
        if NOT_TO_SEND.contains(&field.name().as_str()) || field.name().as_str() == "content-type" {
            let remedy = "leave it out of `pass`".to_owned();
            wrong("forward_auth", format!("`{field}` cannot be passed on"), remedy);
        }
    }
}
