//! Checks of `[client_certificates.<id>]`, of the sites that ask for them, and of the routes that take
//! them.

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::check::providers::identifier;
use crate::config::check::routes::name_one;
use crate::config::client_certificates::ClientCertificates;
use crate::config::root::Config;
use crate::config::routes::Route;
use crate::web::mtls::{ClientTrust, TrustFault, TrustFiles};

/// What a mapping can name; a typing error would leave people without groups.
const SAID: [&str; 11] = [
    "dns_names",
    "email",
    "emails",
    "issuer_dn",
    "name",
    "organization",
    "organizational_unit",
    "serial",
    "subject_dn",
    "thumbprint",
    "uris",
];

pub(super) fn check(
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    for (id, section) in &config.client_certificates {
        let path = format!("client_certificates.{id}");
        identifier(&path, id, problems);
        files(&path, section, problems);
        details(&path, section, problems);
        if !asking(config).any(|(_, asked)| asked == id) {
            warnings.push(Problem::new(
                path,
                "no site asks for these certificates",
                format!(
                    "add client_certificates = \"{id}\" to a certificate of server.https, or leave the \
                     section out"
                ),
            ));
        }
    }
    for (index, id) in asking(config) {
        if !written(&format!("client_certificates.{id}")) {
            let known = config.client_certificates.keys().map(String::as_str);
            problems.push(Problem::new(
                format!("server.https.certificates[{index}].client_certificates"),
                format!("there is no section `{id}`"),
                name_one("client_certificates", id, known),
            ));
        }
    }
}

/// The certificates of ours that ask for one, and for whose.
fn asking(config: &Config) -> impl Iterator<Item = (usize, &String)> {
    let certificates = config.server.https.iter().flat_map(|https| &https.certificates);
    let each = certificates.enumerate();
    each.filter_map(|(index, it)| Some((index, it.client_certificates.as_ref()?)))
}

fn files(path: &str, section: &ClientCertificates, problems: &mut Vec<Problem>) {
    if section.ca.is_empty() {
        let remedy = "name the PEM file of the authority that signs them: ca = [\"clients.pem\"]";
        let message = "without an authority no certificate is good";
        problems.push(Problem::new(format!("{path}.ca"), message, remedy));
        return;
    }
    let files = TrustFiles { authorities: &section.ca, revoked: &section.crl, required: true };
    if let Err(fault) = ClientTrust::load("", files) {
        let (key, remedy) = match fault {
            TrustFault::Revoked { .. } => ("crl", "`openssl ca -gencrl` makes one"),
            TrustFault::Authorities { .. } | TrustFault::Verifier(_) => {
                ("ca", "name a PEM file that the gateway's user can read")
            }
        };
        problems.push(Problem::new(format!("{path}.{key}"), fault.to_string(), remedy));
    }
}

fn details(path: &str, section: &ClientCertificates, problems: &mut Vec<Problem>) {
    if section.issuer.as_ref().is_some_and(String::is_empty) {
        let remedy = "leave it out for the default";
        problems.push(Problem::new(format!("{path}.issuer"), "the issuer is empty", remedy));
    }
    for (index, name) in section.claims.keep.iter().enumerate() {
        if !SAID.contains(&name.as_str()) {
            problems.push(Problem::new(
                format!("{path}.claims.keep[{index}]"),
                format!("a certificate does not say `{name}`"),
                format!("use one of {}", SAID.join(", ")),
            ));
        }
    }
}

/// What a route says of client certificates.
pub(super) fn route(path: &str, route: &Route, config: &Config, problems: &mut Vec<Problem>) {
    if !route.auth.contains(&Auth::ClientCertificate) || asking(config).next().is_some() {
        return;
    }
    problems.push(Problem::new(
        format!("{path}.auth"),
        "no site asks its clients for certificates",
        "add [client_certificates.<id>], and client_certificates = \"<id>\" to a certificate of \
         server.https",
    ));
}
