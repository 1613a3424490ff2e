//! Checks of how a client proves itself: a secret, or a key of its own.

use crate::config::check::findings::Problem;
use crate::config::check::server::certificates;
use crate::config::providers::OidcProvider;
use crate::crypto::private_key;

pub(super) fn check(path: &str, oidc: &OidcProvider, problems: &mut Vec<Problem>) {
    let Some(client) = &oidc.client_key else { return };
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    if oidc.client_secret.is_some() {
        let message = "`client_key` and `client_secret` are both there".into();
        wrong("client_key", message, "keep the one that the provider asks for");
    }
    // Empty where it could not be read, which is a fault already.
    let text = client.key.secret();
    if !text.expose().is_empty()
        && let Err(fault) = private_key(text)
    {
        let remedy = "make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072; an older \
            file: openssl pkcs8 -topk8 -nocrypt";
        wrong("client_key.key", fault.to_string(), remedy);
    }
    if client.id.as_ref().is_some_and(String::is_empty) {
        wrong("client_key.id", "the id is empty".into(), "leave it out for the key's thumbprint");
    }
    if let Some(Err(message)) = client.certificate.as_deref().map(certificates) {
        wrong("client_key.certificate", message, "name a PEM file with the key's certificate");
    }
}
