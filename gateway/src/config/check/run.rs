//! Runs all checks and completes what they need: secrets and absolute paths.

use std::path::PathBuf;

use crate::config::check::findings::{Findings, Problem};
use crate::config::check::{
    directories, forward_auth, issuers, providers, routes, server, session, signed_urls, teams,
    token, trusted_headers, upstreams, verify,
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
    providers::check(&config, &mut problems);
    forward_auth::check(&config, &mut problems);
    directories::check(&config, &mut problems);
    issuers::check(&config, &mut problems);
    signed_urls::check(&config, &mut problems);
    trusted_headers::check(&config, &mut problems);
    session::check(&config, &mut problems, &mut warnings);
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
    config.server.keys.iter_mut().for_each(absolute);
    for certificate in config.server.https.iter_mut().flat_map(|https| &mut https.certificates) {
        absolute(&mut certificate.chain);
        absolute(&mut certificate.key);
    }
    for Provider::Oidc(oidc) in config.providers.values_mut() {
        oidc.ca.iter_mut().for_each(absolute);
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
    match &mut config.session.store {
        SessionStore::Embedded { path } => path.iter_mut().for_each(absolute),
        SessionStore::Memory {} => {}
        SessionStore::Redis(redis) => {
            let files = [&mut redis.ca, &mut redis.certificate, &mut redis.key];
            files.into_iter().flatten().for_each(absolute);
        }
    }
}

fn resolve_secrets(config: &mut Config, around: &Surroundings<'_>, problems: &mut Vec<Problem>) {
    let clients = config.providers.iter_mut().filter_map(|(id, provider)| {
        let Provider::Oidc(oidc) = provider;
        Some((format!("providers.{id}.client_secret"), oidc.client_secret.as_mut()?))
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
    let store = match &mut config.session.store {
        SessionStore::Redis(redis) => redis.secret.as_mut(),
        SessionStore::Embedded { .. } | SessionStore::Memory {} => None,
    };
    let store = store.map(|source| ("session.store.secret".to_owned(), source));
    let all = clients.chain(askers).chain(services).chain(token).chain(store);
    for (path, source) in all {
        if let Err((message, remedy)) = source.resolve(around) {
            problems.push(Problem::new(path, message, remedy));
        }
    }
}
