//! Checks of `[signed_urls.<id>]`, and of the routes that take links.

use std::collections::BTreeSet;

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::check::providers::identifier;
use crate::config::check::routes::name_one;
use crate::config::root::Config;
use crate::config::routes::Route;
use crate::crypto::ed25519_public;

/// Whoever finds a link in a mailbox a day later should not get in with it.
const LONGEST: u64 = 24 * 60 * 60;

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    for (id, section) in &config.signed_urls {
        let path = format!("signed_urls.{id}");
        identifier(&path, id.as_str(), problems);
        let mut wrong = |key: &str, message: String, remedy: &str| {
            problems.push(Problem::new(format!("{path}{key}"), message, remedy));
        };
        if config.providers.contains_key(id) {
            let remedy = "use another id: sessions tell by it who let somebody in";
            wrong("", format!("providers.{id} has this id too"), remedy);
        }
        if section.public_keys.is_empty() {
            let remedy = "make a pair: portcullis keys generate --ed25519 link";
            wrong(".public_keys", "without a key no link is good".into(), remedy);
        }
        let mut seen = BTreeSet::new();
        for (index, key) in section.public_keys.iter().enumerate() {
            let place = format!(".public_keys[{index}]");
            match ed25519_public(key) {
                Ok((id, _)) if !seen.insert(id.clone()) => {
                    wrong(&place, "this key is there twice".into(), "leave one out");
                }
                Ok(_) => {}
                // Whatever it is, it may be the private one: it is not shown.
                Err(_) => wrong(
                    &place,
                    "this is not an Ed25519 public key".into(),
                    "copy the .pub file that `portcullis keys generate --ed25519` makes",
                ),
            }
        }
        if section.forms.is_empty() {
            let remedy = "leave it out for [\"bound\"]";
            wrong(".forms", "without a form no link is good".into(), remedy);
        }
        if section.audience.as_ref().is_some_and(String::is_empty) {
            let remedy = "leave it out for server.public_url";
            wrong(".audience", "the audience is empty".into(), remedy);
        }
        if section.max_age.is_zero() || section.max_age.std().as_secs() > LONGEST {
            let message = format!("{} is not between 1s and 24h", section.max_age);
            wrong(".max_age", message, "leave it out for the default, \"1h\"");
        }
        if section.max_uses == 0 {
            let remedy = "leave it out for 1";
            wrong(".max_uses", "a link could never be used".into(), remedy);
        }
    }
}

/// What a route says of signed links.
pub(super) fn route(
    path: &str,
    route: &Route,
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    for (index, id) in route.signed_urls.iter().enumerate() {
        if !written(&format!("signed_urls.{id}")) {
            let known = config.signed_urls.keys().map(|id| id.as_str());
            let remedy = name_one("signed_urls", id.as_str(), known);
            let path = format!("{path}.signed_urls[{index}]");
            problems.push(Problem::new(path, format!("nobody `{id}` signs links"), remedy));
        }
    }
    let mut wrong = |key: &str, message: &str, remedy: &str| {
        problems.push(Problem::new(format!("{path}{key}"), message, remedy));
    };
    if !route.auth.contains(&Auth::SignedUrl) {
        if !route.signed_urls.is_empty() {
            let message = "`signed_urls` is for routes with the way in `signed_url`";
            wrong(".signed_urls", message, "add \"signed_url\" to `auth`, or leave it out");
        }
        return;
    }
    if !route.takes_sessions() {
        let remedy = "add \"session\" to `auth`";
        wrong(".auth", "a link becomes a session, which does not count here", remedy);
    }
    if config.signed_urls.is_empty() && !written("signed_urls") {
        let remedy = "add [signed_urls.<id>] with `public_keys`";
        wrong(".auth", "no link can be good: nobody signs any", remedy);
    }
}
