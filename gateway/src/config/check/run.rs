//! Runs all checks and completes what they need: secrets and absolute paths.

use std::path::PathBuf;

use crate::config::audit::AuditSink;
use crate::config::check::findings::{Findings, Problem};
use crate::config::check::{
    api_keys, audit, client_certificates, directories, forward_auth, issuers, providers, routes,
    server, session, signed_urls, teams, token, trusted_headers, upstreams, verify,
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
    audit::check(&config, &mut problems);
    server::check(&config.server, &mut problems);
    providers::check(&config, &mut problems, &mut warnings);
    client_certificates::check(&config, written, &mut problems, &mut warnings);
    forward_auth::check(&config, &mut problems);
    directories::check(&config, &mut problems);
    issuers::check(&config, &mut problems);
    api_keys::check(&config, &mut problems);
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
    config.server.admin.socket.iter_mut().for_each(absolute);
    for certificate in config.server.https.iter_mut().flat_map(|https| &mut https.certificates) {
        absolute(&mut certificate.chain);
        absolute(&mut certificate.key);
    }
    for section in config.client_certificates.values_mut() {
        section.ca.iter_mut().chain(&mut section.crl).for_each(absolute);
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
    for sink in &mut config.audit.sinks {
        if let AuditSink::File { path, .. } = sink {
            absolute(path);
        }
    }
    for directory in config.directories.values_mut() {
        match directory {
            Directory::File(file) => absolute(&mut file.path),
            Directory::Http(http) => http.ca.iter_mut().for_each(absolute),
            Directory::Ldap(ldap) => ldap.ca.iter_mut().for_each(absolute),
            Directory::Postgres(postgres) => postgres.ca.iter_mut().for_each(absolute),
            Directory::Sqlite(sqlite) => absolute(&mut sqlite.path),
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
    let clients = config.providers.iter_mut().flat_map(|(id, provider)| {
        let (secret, key) = match provider {
            Provider::Github(github) => (Some(&mut github.client_secret), None),
            Provider::Oidc(oidc) => (oidc.client_secret.as_mut(), oidc.client_key.as_mut()),
        };
        let secret = secret.map(|source| (format!("providers.{id}.client_secret"), source));
        let key = key.map(|key| (format!("providers.{id}.client_key.key"), &mut key.key));
        secret.into_iter().chain(key)
    });
    let issuers = config.issuers.iter_mut().flat_map(|(id, issuer)| {
        let asked = issuer.introspection.as_mut();
        let asked = asked.map(|it| ("introspection.client_secret", &mut it.client_secret));
        let own = issuer.secret.as_mut().map(|secret| ("secret", secret));
        asked.into_iter().chain(own).map(move |(key, it)| (format!("issuers.{id}.{key}"), it))
    });
    let services = config.directories.iter_mut().filter_map(|(id, directory)| {
        let (key, secret) = match directory {
            Directory::File(_) | Directory::Sqlite(_) => return None,
            Directory::Http(http) => ("secret", http.secret.as_mut()?),
            Directory::Ldap(ldap) => ("bind_password", ldap.bind_password.as_mut()?),
            Directory::Postgres(postgres) => ("password", postgres.password.as_mut()?),
        };
        Some((format!("directories.{id}.{key}"), secret))
    });
    let token = config.token.secret.as_mut().map(|source| ("token.secret".to_owned(), source));
    let store = match &mut config.session.store {
        SessionStore::Redis(redis) => redis.secret.as_mut(),
        SessionStore::Embedded { .. } | SessionStore::Memory {} => None,
    };
    let store = store.map(|source| ("session.store.secret".to_owned(), source));
    let all = clients.chain(issuers).chain(services).chain(token).chain(store);
    let admin = config.server.admin.token.as_mut();
    let admin = admin.map(|source| ("server.admin.token".to_owned(), source));
    let routes = config.routes.iter_mut().enumerate().filter_map(|(index, route)| {
        Some((format!("routes[{index}].token.secret"), route.token.secret.as_mut()?))
    });
    for (path, source) in all.chain(admin).chain(routes) {
        if let Err((message, remedy)) = source.resolve(around) {
            problems.push(Problem::new(path, message, remedy));
        }
    }
}
