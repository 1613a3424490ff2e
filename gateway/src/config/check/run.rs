//! Runs all checks and completes what they need: secrets and absolute paths.

use std::path::PathBuf;

use crate::config::check::findings::{Findings, Problem};
use crate::config::check::{
    directories, forward_auth, issuers, providers, routes, server, signed_urls, teams, token,
    trusted_headers, upstreams, verify,
};
use crate::config::directories::Directory;
use crate::config::providers::Provider;
use crate::config::root::Config;
use crate::config::session::SessionStore;
use crate::config::surroundings::Surroundings;

/// Checks a configuration against itself and its surroundings. `written` tells whether a key is in
/// the file, also where its value could not be read.
pub(in crate::config) fn check(
    mut config: Config,
    around: &Surroundings<'_>,
    written: &dyn Fn(&str) -> bool,
) -> Findings {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    resolve_paths(&mut config, around);
    resolve_secrets(&mut config, around, &mut problems);
    server::check(&config.server, &mut problems);
    providers::check(&config, &mut problems, &mut warnings);
    forward_auth::check(&config, &mut problems);
    directories::check(&config, &mut problems);
    issuers::check(&config, &mut problems);
    signed_urls::check(&config, &mut problems);
    trusted_headers::check(&config, &mut problems);
    session(&config, &mut problems, &mut warnings);
    teams::check(&config, written, &mut problems);
    token::check(&config.token, &mut problems);
    upstreams::check(&config, &mut problems, &mut warnings);
    verify::check(&config, &mut problems);
    routes::check(&config, written, &mut problems, &mut warnings);
    Findings { config, problems, warnings }
}

fn resolve_paths(config: &mut Config, around: &Surroundings<'_>) {
    let absolute = |path: &mut PathBuf| *path = around.directory.join(&*path);
    absolute(&mut config.server.state);
    for certificate in config.server.https.iter_mut().flat_map(|https| &mut https.certificates) {
        absolute(&mut certificate.chain);
        absolute(&mut certificate.key);
    }
    for provider in config.providers.values_mut() {
        match provider {
            Provider::Github(github) => github.ca.iter_mut().for_each(absolute),
            Provider::Oidc(oidc) => {
                let keys = oidc.client_key.as_mut().and_then(|client| client.certificate.as_mut());
                oidc.ca.iter_mut().chain(keys).for_each(absolute);
            }
        }
    }
    for directory in config.directories.values_mut() {
        match directory {
            Directory::File(file) => absolute(&mut file.path),
            Directory::Http(http) => http.ca.iter_mut().for_each(absolute),
        }
    }
    for issuer in config.issuers.values_mut() {
        issuer.ca.iter_mut().chain(&mut issuer.jwks_file).for_each(absolute);
    }
    for tls in config.upstreams.values_mut().filter_map(|upstream| upstream.tls.as_mut()) {
        tls.ca.iter_mut().for_each(absolute);
    }
    if let SessionStore::Embedded { path: Some(path) } = &mut config.session.store {
        absolute(path);
    }
}

fn resolve_secrets(config: &mut Config, around: &Surroundings<'_>, problems: &mut Vec<Problem>) {
    let clients = config.providers.iter_mut().flat_map(|(id, provider)| {
        let (secret, key) = match provider {
            Provider::Github(github) => (Some(&mut github.client_secret), None),
            Provider::Oidc(oidc) => (oidc.client_secret.as_mut(), oidc.client_key.as_mut()),
        };
        let secret = secret.map(|source| (format!("providers.{id}.client_secret"), source));
        let key = key.map(|key| (format!("providers.{id}.client_key.key"), &mut key.key));
        secret.into_iter().chain(key)
    });
    let askers = config.issuers.iter_mut().filter_map(|(id, issuer)| {
        let secret = &mut issuer.introspection.as_mut()?.client_secret;
        Some((format!("issuers.{id}.introspection.client_secret"), secret))
    });
    let services = config.directories.iter_mut().filter_map(|(id, directory)| match directory {
        Directory::File(_) => None,
        Directory::Http(http) => Some((format!("directories.{id}.secret"), http.secret.as_mut()?)),
    });
    let token = config.token.secret.as_mut().map(|source| ("token.secret".to_owned(), source));
    for (path, source) in clients.chain(askers).chain(services).chain(token) {
        if let Err((message, remedy)) = source.resolve(around) {
            problems.push(Problem::new(path, message, remedy));
        }
    }
}

fn session(config: &Config, problems: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    let session = &config.session;
    if session.idle.is_zero() {
        let remedy = "use at least \"1m\"";
        problems.push(Problem::new("session.idle", "sessions would end at once", remedy));
    }
    if session.absolute < session.idle {
        problems.push(Problem::new(
            "session.absolute",
            format!("{} is shorter than session.idle, {}", session.absolute, session.idle),
            "make `absolute` at least as long as `idle`",
        ));
    }
    if session.hot == 0 {
        let remedy = "use at least 1; the default is 100000";
        problems.push(Problem::new("session.hot", "no session would fit into memory", remedy));
    }
    if matches!(session.store, SessionStore::Memory {}) {
        warnings.push(Problem::new(
            "session.store",
            "a restart signs everybody out",
            "use { kind = \"embedded\" } to keep sessions",
        ));
    }
}
