//! Sections of directories in databases and in LDAP → the parts that ask them.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::base::{SystemClock, SystemEntropy};
use crate::config::{
    LdapDirectory as LdapSection, PostgresDirectory as PostgresSection, SecretSource,
    SqliteDirectory as SqliteSection,
};
use crate::directory::{
    LdapDirectory, LdapFinding, LdapGroups, LdapSettings, PostgresSettings, PostgresTable,
    SqliteTable, Statements, trusting,
};
use crate::identity::ClaimMapping;

const POSTGRES: u16 = 5432;

/// The file and the statements are looked at.
pub(super) fn sqlite(section: &SqliteSection) -> Result<SqliteTable, String> {
    let statements = Statements { query: section.query.clone(), rehash: section.rehash.clone() };
    let table = SqliteTable::new(&section.path, statements, section.timeout.std());
    table.look()?;
    Ok(table)
}

/// The server is not asked: it may be away when the gateway starts.
pub(super) fn postgres(section: &PostgresSection) -> Result<PostgresTable, String> {
    let host = section.host();
    let plain = section.insecure_plain || host.starts_with('/');
    let settings = PostgresSettings {
        host,
        port: section.url.port().unwrap_or(POSTGRES),
        user: section.user(),
        database: section.database(),
        password: section.password.as_ref().map(|source| source.secret().clone()),
        tls: if plain { None } else { Some(tls(section.ca.as_ref())?) },
        connections: usize::try_from(section.connections.get()).unwrap_or(1),
        timeout: section.timeout.std(),
    };
    let statements = Statements { query: section.query.clone(), rehash: section.rehash.clone() };
    Ok(PostgresTable::new(settings, statements))
}

/// The server is not asked; filters are looked at.
pub(super) fn ldap(issuer: String, section: &LdapSection) -> Result<LdapDirectory, String> {
    let service = section.bind_dn.clone().zip(section.bind_password.as_ref());
    let service = service.map(|(dn, source): (_, &SecretSource)| (dn, source.secret().clone()));
    let finding = match &section.user_dn {
        Some(template) => LdapFinding::Template(template.clone()),
        None => LdapFinding::Search {
            service,
            base: section.base.clone().unwrap_or_default(),
            filter: section.filter.clone().unwrap_or_default(),
        },
    };
    let attributes = section.attributes.clone();
    let groups = section.groups.clone();
    let settings = LdapSettings {
        url: section.url.clone(),
        start_tls: section.start_tls,
        tls: tls(section.ca.as_ref())?,
        timeout: section.timeout.std(),
        issuer,
        finding,
        disabled: section.disabled.clone(),
        subject: section.subject.clone(),
        claims: ClaimMapping {
            name: attributes.name,
            preferred_username: attributes.preferred_username,
            email: attributes.email,
            groups: attributes.groups,
            roles: attributes.roles,
            keep: attributes.keep,
            ..ClaimMapping::default()
        },
        email_verified: section.email_verified,
        groups: LdapGroups { base: groups.base, filter: groups.filter, name: groups.name },
    };
    LdapDirectory::new(settings, Arc::new(SystemClock), Arc::new(SystemEntropy))
}

fn tls(ca: Option<&PathBuf>) -> Result<Arc<ClientConfig>, String> {
    let pem = ca.map(std::fs::read).transpose().map_err(|cause| cause.to_string())?;
    trusting(pem.as_deref())
}
