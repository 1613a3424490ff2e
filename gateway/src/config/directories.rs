//! `[directories.<id>]`: who knows people by name and password.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A directory of people with passwords; `kind` says where they are.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Directory {
    /// A file of users, kept with `portcullis users`. A change of it counts from the next login on.
    File(FileDirectory),
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
