//! `[directories.<id>]` with `kind = "sqlite"` or `kind = "postgres"`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::directories::timeout;
use crate::config::duration::Duration;
use crate::config::secret_source::SecretSource;

/// A table of an SQLite file.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqliteDirectory {
    /// The file. A change of it counts from the next login on. Relative to this file's directory.
    pub path: PathBuf,
    /// A SELECT that gives the one row of the name `$1`, which comes in lower case. Its columns:
    /// `subject` (the stable name) and `password` (an argon2id or bcrypt hash) must be there;
    /// `disabled`, `name`, `preferred_username`, `email`, `email_verified`, `groups` and `roles` (JSON
    /// arrays) can be; every other one is a claim. No row, or more than one, lets nobody in.
    pub query: String,
    /// An UPDATE that writes the hash `$1` for the subject `$2` in the place of the hash `$3`, at the
    /// login of somebody whose hash is older than today's argon2id. Default: old hashes stay.
    pub rehash: Option<String>,
    /// The issuer of its people's principals, `idp` in the identity token. Default
    /// `directory:<id>`.
    pub issuer: Option<String>,
    /// How long an answer may take. Default 5s: people wait for it.
    #[serde(default = "timeout")]
    pub timeout: Duration,
}

/// A table of a PostgreSQL database.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresDirectory {
    /// `postgres://user@host:5432/database`. A folder with a socket is written as a host with `%2F`:
    /// `postgres://user@%2Frun%2Fpostgresql/database`.
    pub url: Url,
    /// The user's password. Default: none, for servers that know the gateway otherwise.
    pub password: Option<SecretSource>,
    /// A SELECT that gives the one row of the name `$1`, which comes in lower case and as `text`. Its
    /// columns: `subject` (the stable name) and `password` (an argon2id or bcrypt hash) must be there;
    /// `disabled`, `name`, `preferred_username`, `email`, `email_verified`, `groups` and `roles`
    /// (arrays, or JSON arrays) can be; every other one is a claim. No row, or more than one, lets
    /// nobody in.
    pub query: String,
    /// An UPDATE that writes the hash `$1` for the subject `$2` in the place of the hash `$3`, all
    /// three as `text`, at the login of somebody whose hash is older than today's argon2id. Default:
    /// old hashes stay.
    pub rehash: Option<String>,
    /// The issuer of its people's principals, `idp` in the identity token. Default
    /// `directory:<id>`.
    pub issuer: Option<String>,
    /// Connections at once. Default 4: an answer takes a moment only, the hashing after it takes long.
    #[serde(default = "connections")]
    pub connections: NonZeroU32,
    /// How long an answer may take, connecting included. Default 5s: people wait for it.
    #[serde(default = "timeout")]
    pub timeout: Duration,
    /// PEM file with the authorities that may have signed the server's certificate; no others count.
    /// Relative to this file's directory. Default: the authorities of the web.
    pub ca: Option<PathBuf>,
    /// Whether the connection may go without TLS; only to a loopback host, in any case. Default false:
    /// whoever can listen in would read the hashes. A socket in a folder never has TLS.
    #[serde(default)]
    pub insecure_plain: bool,
}

impl PostgresDirectory {
    /// The host; a path that begins with `/` is a folder with a socket.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        plain(host)
    }

    /// As whom the gateway asks.
    pub fn user(&self) -> String {
        plain(self.url.username())
    }

    /// The database.
    pub fn database(&self) -> String {
        plain(self.url.path().trim_start_matches('/'))
    }
}

fn plain(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn connections() -> NonZeroU32 {
    NonZeroU32::new(4).unwrap_or(NonZeroU32::MIN)
}
