//! `[directories.<id>]` with `kind = "ldap"`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::directories::timeout;
use crate::config::duration::Duration;
use crate::config::secret_source::SecretSource;

/// An LDAP directory, such as `OpenLDAP` or Active Directory.
///
/// A password is right when the server takes it for the person's own entry. The entry is found by
/// `base` and `filter`, or is `user_dn`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LdapDirectory {
    /// `ldaps://host` or, with `start_tls`, `ldap://host`.
    pub url: Url,
    /// Whether an `ldap://` connection is encrypted before anything is said on it. Default false.
    #[serde(default)]
    pub start_tls: bool,
    /// PEM file with the authorities that may have signed the server's certificate; no others count.
    /// Relative to this file's directory. Default: the authorities of the web.
    pub ca: Option<PathBuf>,
    /// Whether plain `ldap://` is taken; only for a loopback host, in any case. Default false: whoever
    /// can listen in would read the passwords.
    #[serde(default)]
    pub insecure_plain: bool,
    /// The gateway's own name in the directory, for searches. Default: it searches as nobody.
    pub bind_dn: Option<String>,
    /// Its password.
    pub bind_password: Option<SecretSource>,
    /// Where people are looked for.
    pub base: Option<String>,
    /// Which entry is theirs, `{name}` being what was typed: `(uid={name})`. More than one match lets
    /// nobody in.
    pub filter: Option<String>,
    /// In the place of `base` and `filter`: the name of somebody's entry, with `{name}` in it. People
    /// must be able to read their own entries.
    pub user_dn: Option<String>,
    /// A filter that the entries of switched off accounts match. Default: none; Active Directory says
    /// it by itself.
    pub disabled: Option<String>,
    /// The attribute that is the person's stable name. Default `uid`. `entryUUID` or, in Active
    /// Directory, `objectGUID` are never given to somebody else.
    #[serde(default = "subject")]
    pub subject: String,
    /// Which attributes hold what else.
    #[serde(default)]
    pub attributes: LdapAttributes,
    /// Whether its e-mail addresses count as verified. Default false: in some directories people
    /// write their own.
    #[serde(default)]
    pub email_verified: bool,
    /// Which groups count, and what they are called.
    #[serde(default)]
    pub groups: LdapGroups,
    /// The issuer of its people's principals, `idp` in the identity token. Default
    /// `directory:<id>`.
    pub issuer: Option<String>,
    /// How long all of one login may take. Default 5s: people wait for it.
    #[serde(default = "timeout")]
    pub timeout: Duration,
}

/// Which attributes of an entry hold what.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LdapAttributes {
    /// The name to show. Default `displayName`.
    pub name: String,
    /// The login name to show. Default `uid`.
    pub preferred_username: String,
    /// The e-mail address. Default `mail`.
    pub email: String,
    /// The groups that somebody is in. Default `memberOf`.
    pub groups: String,
    /// The roles. Default: none.
    pub roles: String,
    /// Further attributes, as claims. Default none: what is not kept can't leak.
    pub keep: Vec<String>,
}

impl Default for LdapAttributes {
    fn default() -> Self {
        Self {
            name: "displayName".to_owned(),
            preferred_username: "uid".to_owned(),
            email: "mail".to_owned(),
            groups: "memberOf".to_owned(),
            roles: String::new(),
            keep: Vec::new(),
        }
    }
}

/// Which groups of an LDAP directory count, and what they are called.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LdapGroups {
    /// Only groups below it count, and they are called by the first part of their name: `editors` for
    /// `cn=editors,ou=groups,dc=example,dc=com`. Default: all count, and are called by their whole
    /// name, because a group elsewhere may begin the same.
    pub base: Option<String>,
    /// Finds the groups below `base`, `{dn}` being the person's entry: `(member={dn})`. Default: the
    /// entry lists them itself, in `attributes.groups`.
    pub filter: Option<String>,
    /// The attribute of a found group that is its name. Default `cn`.
    pub name: String,
}

impl Default for LdapGroups {
    fn default() -> Self {
        Self { base: None, filter: None, name: "cn".to_owned() }
    }
}

fn subject() -> String {
    "uid".to_owned()
}
