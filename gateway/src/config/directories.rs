//! `[directories.<id>]`: who knows people by name and password.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::base::ProviderId;
use crate::config::duration::Duration;
use crate::config::ldap_directory::LdapDirectory;
use crate::config::providers::ClaimNames;
use crate::config::secret_source::SecretSource;
use crate::config::sql_directories::{PostgresDirectory, SqliteDirectory};

/// A directory of people with passwords; `kind` says where they are.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Directory {
    /// A file of users, kept with `portcullis users`. A change of it counts from the next login on.
    File(FileDirectory),
    /// A service of your own, asked over HTTP about each name and password.
    Http(Box<HttpDirectory>),
    /// An LDAP directory.
    Ldap(Box<LdapDirectory>),
    /// A table of a PostgreSQL database.
    Postgres(Box<PostgresDirectory>),
    /// A table of an SQLite file.
    Sqlite(Box<SqliteDirectory>),
}

/// A service that is sent `{"username": …, "password": …}` by POST.
///
/// It answers 200 with a JSON object that describes the person, 401 or 404 for a name and a password
/// that do not belong together, and 423 for an account that is switched off. Anything else counts as
/// no answer: nobody gets in, and the login is answered with 503. A 401 whose JSON object has the
/// person's stable name says that the service knows the name: directories behind it then do not count.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpDirectory {
    /// Where it is asked.
    pub url: Url,
    /// What the gateway shows it as `Authorization: Bearer`. Default: nothing.
    pub secret: Option<SecretSource>,
    /// The member of its answer that is the person's stable name. Default `sub`.
    #[serde(default = "subject")]
    pub subject: String,
    /// Which members of its answer hold what else.
    #[serde(default)]
    pub claims: ClaimNames,
    /// The issuer of its people's principals, `idp` in the identity token. Default
    /// `directory:<id>`.
    pub issuer: Option<String>,
    /// How long an answer may take. Default 5s: people wait for it.
    #[serde(default = "timeout")]
    pub timeout: Duration,
    /// PEM file with the authority that signed the service's certificate, where it is a private one.
    /// Relative to this file's directory. Default: the authorities of the web.
    pub ca: Option<PathBuf>,
    /// Whether plain `http` is taken; only for a loopback host, in any case. Default false: whoever
    /// can listen in would read the passwords.
    #[serde(default)]
    pub insecure_http: bool,
}

impl Directory {
    /// The issuer of its people's principals.
    pub fn issuer(&self, id: &ProviderId) -> String {
        let written = match self {
            Self::File(file) => &file.issuer,
            Self::Http(http) => &http.issuer,
            Self::Ldap(ldap) => &ldap.issuer,
            Self::Postgres(postgres) => &postgres.issuer,
            Self::Sqlite(sqlite) => &sqlite.issuer,
        };
        written.clone().unwrap_or_else(|| format!("directory:{id}"))
    }
}

fn subject() -> String {
    "sub".to_owned()
}

pub(super) const fn timeout() -> Duration {
    Duration::from_secs(5)
}

/// A file of users.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDirectory {
    /// The file. One that ends in `.toml` is a users file: hashes older than today's argon2id are
    /// replaced when their owner signs in. Any other is an `htpasswd` file with bcrypt hashes
    /// (`htpasswd -B`), and is only read. Nobody but its owner may be able to read it. Relative to this
    /// file's directory.
    pub path: PathBuf,
    /// The issuer of its people's principals, `idp` in the identity token. Default
    /// `directory:<id>`. With the name it is the principal's key: changing it makes everybody
    /// somebody else.
    pub issuer: Option<String>,
}
