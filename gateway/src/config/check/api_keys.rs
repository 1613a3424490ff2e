//! Checks of `[api_keys]`, and of the routes that take keys.

use http::header::AUTHORIZATION;

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::root::Config;
use crate::config::routes::Route;

/// Fields that carry a message, a session or an address: no place for a key.
const OTHERS: [&str; 11] = [
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "origin",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-proto",
];

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let header = &config.api_keys.header;
    if OTHERS.contains(&header.name().as_str()) {
        problems.push(Problem::new(
            "api_keys.header",
            format!("`{header}` is for something else"),
            "leave it out for X-API-Key",
        ));
    }
}

/// What a route says of keys.
pub(super) fn route(path: &str, route: &Route, config: &Config, problems: &mut Vec<Problem>) {
    let place = |wanted: Auth| route.auth.iter().position(|way| *way == wanted);
    let Some(keys) = place(Auth::ApiKey) else { return };
    let header = &config.api_keys.header;
    if route.token_header().is_some_and(|it| it.name() == header.name()) {
        problems.push(Problem::new(
            format!("{path}.token.header"),
            format!("`{header}` carries API keys, see api_keys.header"),
            "name another field",
        ));
    }
    // `bearer` would take a key for a token that cannot be read, and stop there.
    if *header.name() == AUTHORIZATION && place(Auth::Bearer).is_some_and(|bearer| bearer < keys) {
        problems.push(Problem::new(
            format!("{path}.auth[{keys}]"),
            "`bearer` would refuse every API key: both look into `Authorization`",
            "put \"api_key\" before \"bearer\", or leave api_keys.header out",
        ));
    }
}
