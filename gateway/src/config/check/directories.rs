//! Checks of `[directories.<id>]` and `[password]`.

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::check::providers::identifier;
use crate::config::directories::Directory;
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
        let Directory::File(file) = directory;
        if file.issuer.as_ref().is_some_and(String::is_empty) {
            let remedy = format!("leave it out for \"directory:{id}\"");
            problems.push(Problem::new(format!("{path}.issuer"), "the issuer is empty", remedy));
        }
        let mut before = config.directories.iter().filter(|(other, _)| *other < id);
        if let Some((other, _)) =
            before.find(|(other, it)| issuer(other.as_str(), it) == issuer(id.as_str(), directory))
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

fn issuer(id: &str, directory: &Directory) -> String {
    let Directory::File(file) = directory;
    file.issuer.clone().unwrap_or_else(|| format!("directory:{id}"))
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
