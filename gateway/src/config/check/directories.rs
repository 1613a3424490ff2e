//! Checks of `[directories.<id>]` and `[password]`.

use crate::config::auth::Auth;
use crate::config::check::directory_servers;
use crate::config::check::findings::Problem;
use crate::config::check::issuers::plain;
use crate::config::check::providers::identifier;
use crate::config::check::server::certificates;
use crate::config::directories::{Directory, HttpDirectory};
use crate::config::root::Config;
use crate::config::routes::Route;

/// NIST SP 800-63B section 3.2.2.
const MOST_TRIES: u32 = 100;

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    for (id, directory) in &config.directories {
        let path = format!("directories.{id}");
        identifier(&path, id.as_str(), problems);
        if config.providers.contains_key(id) {
            let message = format!("a provider is called `{id}` too");
            problems.push(Problem::new(&path, message, "routes name both: choose another id"));
        }
        if directory.issuer(id).is_empty() {
            let remedy = format!("leave it out for \"directory:{id}\"");
            problems.push(Problem::new(format!("{path}.issuer"), "the issuer is empty", remedy));
        }
        match directory {
            Directory::File(_) => {}
            Directory::Http(http) => service(&path, http, problems),
            Directory::Ldap(ldap) => directory_servers::ldap(&path, ldap, problems),
            Directory::Postgres(it) => directory_servers::postgres(&path, it, problems),
            Directory::Sqlite(sqlite) => directory_servers::sqlite(&path, sqlite, problems),
        }
        let mut before = config.directories.iter().filter(|(other, _)| *other < id);
        if let Some((other, _)) =
            before.find(|(other, it)| it.issuer(other) == directory.issuer(id))
        {
            let message = format!("directories.{other} has the same issuer");
            let remedy = "give each its own: `ann` of the one would be `ann` of the other";
            problems.push(Problem::new(format!("{path}.issuer"), message, remedy));
        }
    }
    let password = &config.password;
    if password.tries_within.is_zero() {
        let remedy = "leave it out for the default, \"1h\"";
        problems.push(Problem::new("password.tries_within", "tries would not count", remedy));
    }
    if password.account_tries.get() > MOST_TRIES {
        let message = format!("{} tries are enough to guess a password", password.account_tries);
        problems.push(Problem::new("password.account_tries", message, "use at most 100"));
    }
}

fn service(path: &str, http: &HttpDirectory, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    if let Some(message) = plain(&http.url, http.insecure_http) {
        let remedy = "use https; for a loopback host only, insecure_http = true takes plain http";
        wrong("url", message, remedy);
    }
    if http.subject.is_empty() {
        wrong("subject", "the member's name is empty".into(), "leave it out for `sub`");
    }
    if http.timeout.is_zero() {
        let message = "no answer comes in no time".into();
        wrong("timeout", message, "leave it out for the default, \"5s\"");
    }
    if let Some(Err(message)) = http.ca.as_deref().map(certificates) {
        wrong("ca", message, "name a PEM file with the authority's certificate");
    }
}

/// What a route says of passwords.
pub(super) fn route(
    path: &str,
    route: &Route,
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    if !route.auth.contains(&Auth::Password) {
        return;
    }
    let offered = route.login.is_empty()
        || route.login.iter().any(|id| written(&format!("directories.{id}")));
    if config.directories.is_empty() && !written("directories") {
        let message = "no password can be right: there is no directory";
        let remedy = "add [directories.<id>] with kind = \"file\" and `path`";
        problems.push(Problem::new(format!("{path}.auth"), message, remedy));
    } else if !offered {
        let message = "no password can be right: `login` names no directory";
        let remedy = "add a directory's id to `login`, or leave \"password\" out";
        problems.push(Problem::new(format!("{path}.login"), message, remedy));
    }
}
