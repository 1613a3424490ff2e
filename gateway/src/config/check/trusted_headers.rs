//! Checks of `[trusted_headers]`, and of the routes that believe them.

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::root::Config;
use crate::config::routes::Route;

/// Fields that carry a message, a session or another credential: not a proxy's word on somebody.
const OTHERS: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "transfer-encoding",
    "x-forwarded-for",
];

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let Some(section) = &config.trusted_headers else { return };
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("trusted_headers.{key}"), message, remedy));
    };
    match &section.from_certificates {
        None if section.from.is_empty() => {
            let remedy = "name the proxy's address: from = [\"10.0.0.5/32\"]";
            wrong("from", "nobody's word would count".into(), remedy);
        }
        None => {}
        Some(by) => {
            let (key, id) = ("from_certificates", &by.client_certificates);
            if by.subjects.is_empty() || by.subjects.iter().any(String::is_empty) {
                let remedy = "list the subjects of the proxies' own certificates";
                wrong(&format!("{key}.subjects"), "nobody's word would count".into(), remedy);
            }
            if !config.client_certificates.contains_key(id) {
                let message = format!("there is no section `{id}`");
                let remedy = "name a section [client_certificates.<id>]";
                wrong(&format!("{key}.client_certificates"), message, remedy);
            }
        }
    }
    for (index, network) in section.from.iter().enumerate() {
        if network.prefix_len() == 0 {
            let message = format!("with {network} anybody can be anybody");
            wrong(&format!("from[{index}]"), message, "name the proxy's own address");
        }
    }
    if section.issuer.as_ref().is_some_and(String::is_empty) {
        wrong("issuer", "the issuer is empty".into(), "leave it out for the default");
    }
    let fields = section.fields();
    for (index, (key, field)) in fields.iter().enumerate() {
        if OTHERS.contains(&field.name().as_str()) {
            let message = format!("`{field}` is for something else");
            wrong(key, message, "name the field that the proxy sets");
        } else if let Some((other, _)) =
            fields.iter().take(index).find(|(_, other)| other.name() == field.name())
            && *key != "user"
        {
            wrong(key, format!("`{field}` is trusted_headers.{other} too"), "name another field");
        }
    }
}

/// What a route says of trusted headers.
pub(super) fn route(
    path: &str,
    route: &Route,
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    let believes = route.auth.contains(&Auth::TrustedHeaders);
    if believes && config.trusted_headers.is_none() && !written("trusted_headers") {
        problems.push(Problem::new(
            format!("{path}.auth"),
            "nobody's header fields count",
            "add [trusted_headers] with `from`, the proxy's address",
        ));
    }
}
