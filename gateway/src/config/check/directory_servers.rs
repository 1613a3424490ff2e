//! Checks of directories in databases and in LDAP.

use std::path::Path;

use url::Url;

use crate::config::check::findings::Problem;
use crate::config::check::server::certificates;
use crate::config::duration::Duration;
use crate::config::ldap_directory::LdapDirectory;
use crate::config::origin;
use crate::config::sql_directories::{PostgresDirectory, SqliteDirectory};

struct Wrong<'a> {
    path: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Wrong<'_> {
    fn say(&mut self, key: &str, message: impl Into<String>, remedy: &str) {
        self.problems.push(Problem::new(format!("{}.{key}", self.path), message.into(), remedy));
    }

    fn timeout(&mut self, timeout: Duration) {
        if timeout.is_zero() {
            self.say(
                "timeout",
                "no answer comes in no time",
                "leave it out for the default, \"5s\"",
            );
        }
    }

    fn ca(&mut self, ca: Option<&Path>) {
        if let Some(Err(message)) = ca.map(certificates) {
            self.say("ca", message, "name a PEM file with the authority's certificate");
        }
    }

    /// Values are bound to a statement. One that is written otherwise would be asked as it stands.
    fn statements(&mut self, query: &str, rehash: Option<&str>) {
        if !query.contains("$1") {
            let remedy = "write $1 where the name goes: WHERE lower(login) = $1";
            self.say("query", "the query asks for nobody in particular", remedy);
        }
        for place in ["$1", "$2", "$3"] {
            if rehash.is_some_and(|rehash| !rehash.contains(place)) {
                let message = format!("the statement does not use {place}");
                let remedy = "$1 is the new hash, $2 the subject, $3 the old hash: UPDATE users \
                    SET password = $1 WHERE id = $2 AND password = $3";
                self.say("rehash", message, remedy);
            }
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(origin::is_loopback)
}

pub(super) fn sqlite(path: &str, sqlite: &SqliteDirectory, problems: &mut Vec<Problem>) {
    let mut wrong = Wrong { path, problems };
    wrong.statements(&sqlite.query, sqlite.rehash.as_deref());
    wrong.timeout(sqlite.timeout);
}

pub(super) fn postgres(path: &str, postgres: &PostgresDirectory, problems: &mut Vec<Problem>) {
    let mut wrong = Wrong { path, problems };
    let url = &postgres.url;
    let good = matches!(url.scheme(), "postgres" | "postgresql")
        && ![postgres.host(), postgres.user(), postgres.database()].iter().any(String::is_empty)
        && url.query().is_none()
        && url.fragment().is_none();
    if url.password().is_some() {
        let remedy = "leave it out of the url: password = { env = \"NAME\" }";
        wrong.say("url", "a password stands in this file", remedy);
    } else if !good {
        let remedy = "write postgres://user@host:5432/database, without options behind it";
        wrong.say("url", "this is not the address of a database", remedy);
    } else if postgres.insecure_plain && !is_loopback(url) && !postgres.host().starts_with('/') {
        let remedy = "leave it out; `ca` names the authority of a private certificate";
        wrong.say("insecure_plain", "hashes would cross the network in clear text", remedy);
    }
    wrong.statements(&postgres.query, postgres.rehash.as_deref());
    wrong.timeout(postgres.timeout);
    wrong.ca(postgres.ca.as_deref());
}

pub(super) fn ldap(path: &str, ldap: &LdapDirectory, problems: &mut Vec<Problem>) {
    let mut wrong = Wrong { path, problems };
    let url = &ldap.url;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let good = matches!(url.scheme(), "ldap" | "ldaps")
        && plain
        && url.host_str().is_some_and(|host| !host.is_empty())
        && matches!(url.path(), "" | "/");
    let encrypted = url.scheme() == "ldaps" || ldap.start_tls;
    if !good {
        wrong.say(
            "url",
            "this is not the address of a server",
            "write ldaps://host or ldap://host",
        );
    } else if url.scheme() == "ldaps" && ldap.start_tls {
        let remedy = "leave it out; an ldaps:// connection is encrypted from the start";
        wrong.say("start_tls", "this is for ldap:// only", remedy);
    } else if !(encrypted || ldap.insecure_plain && is_loopback(url)) {
        let remedy = "use ldaps://, or start_tls = true; for a loopback host only, \
            insecure_plain = true takes clear text";
        wrong.say("url", "passwords would cross the network in clear text", remedy);
    }
    finding(ldap, &mut wrong);
    if ldap.bind_dn.is_some() != ldap.bind_password.is_some() {
        let remedy = "write both, or none to search as nobody";
        wrong.say("bind_dn", "one of bind_dn and bind_password is missing", remedy);
    }
    if ldap.bind_dn.as_deref() == Some("") {
        wrong.say("bind_dn", "an empty name is nobody", "leave it out to search as nobody");
    }
    if ldap.groups.filter.is_some() && ldap.groups.base.is_none() {
        let remedy = "add where groups lie: base = \"ou=groups,dc=example,dc=com\"";
        wrong.say("groups.filter", "nobody knows where to look for groups", remedy);
    }
    if ldap.subject.is_empty() {
        wrong.say("subject", "the attribute's name is empty", "leave it out for `uid`");
    }
    wrong.timeout(ldap.timeout);
    wrong.ca(ldap.ca.as_deref());
}

fn finding(ldap: &LdapDirectory, wrong: &mut Wrong<'_>) {
    let search = (ldap.base.is_some(), ldap.filter.is_some());
    match (search, &ldap.user_dn) {
        ((true, true), None) | ((false, false), Some(_)) => {}
        (_, Some(_)) => {
            let remedy = "keep it, or base and filter";
            wrong.say("user_dn", "there are two ways to an entry", remedy);
        }
        ((false, _), None) => {
            let remedy = "add base = \"ou=people,dc=example,dc=com\" and filter = \"(uid={name})\"";
            wrong.say("base", "nobody knows where to look for people", remedy);
        }
        ((true, false), None) => {
            let remedy = "add filter = \"(uid={name})\"";
            wrong.say("filter", "nobody knows which entry is somebody's", remedy);
        }
    }
}
