//! What is said of a bad `[directories.<id>]`, and of routes that ask for one.

use crate::config::tests::support::{GOOD, faults, parse};

const STAFF: &str = "[directories.staff]\nkind = \"file\"\npath = \"users.toml\"\n";
const ROUTE: &str = "[[routes]]\nupstream = \"app\"\naccess = \"authenticated\"\n";

fn file(sections: &str, route: &str) -> String {
    format!("{GOOD}{sections}{ROUTE}{route}")
}

#[test]
fn a_good_directory_is_taken() {
    let password = "[password]\naccount_tries = 5\ntries_within = \"30m\"\n";
    let route = "auth = [\"session\", \"password\"]\nlogin = [\"staff\"]\n";
    let config = parse(&file(&format!("{STAFF}{password}"), route)).unwrap().config;
    assert!(config.routes[0].keeps_authorization());
    assert_eq!(config.password.account_tries.get(), 5);
    assert_eq!(config.password.address_tries.get(), 100);
    let forwarded = "auth = [\"password\"]\nforward_authorization = true\n";
    assert!(!parse(&file(STAFF, forwarded)).unwrap().config.routes[0].keeps_authorization());
    // Its people may have claims of any name.
    parse(&file(STAFF, "token = { claims = [\"sub\", \"subscription_plan\"] }\n")).unwrap();
}

#[test]
fn what_cannot_work_is_told_with_the_remedy() {
    for (sections, route, message, remedy) in [
        ("", "auth = [\"password\"]\n", "there is no directory", "add [directories.<id>]"),
        (STAFF, "auth = [\"password\"]\nlogin = [\"staf\"]\n", "no provider `staf`", "`staff`"),
        ("[directories.a]\nkind = \"file\"\n", "", "`path`", ""),
        ("[directories.a]\nkind = \"nis\"\npath = \"x\"\n", "", "nis", "file"),
        ("[directories.\"A B\"]\nkind = \"file\"\npath = \"x\"\n", "", "cannot be an id", "lower"),
        (
            "[directories.a]\nkind = \"file\"\npath = \"x\"\nissuer = \"i\"\n\
             [directories.b]\nkind = \"file\"\npath = \"y\"\nissuer = \"i\"\n",
            "",
            "has the same issuer",
            "give each its own",
        ),
        (
            "[directories.a]\nkind = \"http\"\nurl = \"http://people.test/\"\n",
            "",
            "is not https",
            "use https",
        ),
        ("[password]\naccount_tries = 0\n", "", "nonzero", ""),
        ("[password]\naccount_tries = 5000\n", "", "enough to guess", "at most 100"),
        ("[password]\ntries_within = \"0s\"\n", "", "tries would not count", "\"1h\""),
    ] {
        let said = faults(&file(sections, route));
        assert!(said.contains(message) && said.contains(remedy), "{sections}{route}\n{said}");
    }
}

const QUERY: &str = "query = \"SELECT id AS subject, hash AS password FROM p WHERE login = $1\"\n";

fn postgres(url: &str, more: &str) -> String {
    let more = if more.contains("query") { more.to_owned() } else { format!("{more}{QUERY}") };
    format!("[directories.crm]\nkind = \"postgres\"\nurl = \"{url}\"\n{more}")
}

fn ldap(url: &str, more: &str) -> String {
    format!("[directories.ad]\nkind = \"ldap\"\nurl = \"{url}\"\n{more}")
}

const PEOPLE: &str = "base = \"dc=corp\"\nfilter = \"(uid={name})\"\n";

#[test]
fn good_directories_in_databases_and_ldap_are_taken() {
    let sqlite = format!("[directories.crm]\nkind = \"sqlite\"\npath = \"people.db\"\n{QUERY}");
    let rehash = "rehash = \"UPDATE p SET hash = $1 WHERE id = $2 AND hash = $3\"\n";
    let socket = "postgres://portcullis@%2Frun%2Fpostgresql/people";
    for section in [
        &format!("{sqlite}{rehash}"),
        &postgres("postgres://portcullis@db.corp.test:5433/people", rehash),
        &postgres("postgresql://portcullis@127.0.0.1/people", "insecure_plain = true\n"),
        &postgres(socket, "password = { env = \"DB\" }\n"),
        &ldap("ldaps://dc1.corp.test", PEOPLE),
        &ldap("ldap://dc1.corp.test:1389", &format!("start_tls = true\n{PEOPLE}")),
        &ldap("ldap://[::1]", &format!("insecure_plain = true\n{PEOPLE}")),
        &ldap("ldaps://dc1.corp.test", "user_dn = \"uid={name},dc=corp\"\n"),
    ] {
        let config = parse(&file(section, "")).unwrap_or_else(|said| panic!("{section}\n{said:?}"));
        for directory in config.config.directories.values() {
            if let crate::config::Directory::Postgres(it) = directory {
                assert_eq!((it.user().as_str(), it.database().as_str()), ("portcullis", "people"));
            }
        }
    }
    let config = parse(&file(&postgres(socket, ""), "")).unwrap().config;
    let Some(crate::config::Directory::Postgres(it)) = config.directories.values().next() else {
        panic!()
    };
    assert_eq!(it.host(), "/run/postgresql");
}

#[test]
fn what_would_leak_or_ask_nobody_in_particular_is_told_with_the_remedy() {
    let good = "postgres://portcullis@db.corp.test/people";
    for (section, message, remedy) in [
        (postgres(good, "query = \"SELECT 1\"\n"), "asks for nobody", "write $1 where"),
        (postgres(good, "rehash = \"UPDATE p SET hash = $1\"\n"), "does not use $2", "the subject"),
        (postgres("postgres://u:secret@db.corp.test/p", ""), "a password stands", "{ env ="),
        (postgres("postgres://db.corp.test/p", ""), "not the address", "user@host:5432"),
        (postgres("mysql://u@db.corp.test/p", ""), "not the address", "postgres://"),
        (postgres("postgres://u@db.corp.test/p?sslmode=disable", ""), "not the address", "options"),
        (postgres(good, "insecure_plain = true\n"), "hashes would cross", "`ca` names"),
        (postgres(good, "timeout = \"0s\"\n"), "in no time", "5s"),
        (postgres(good, "ca = \"nix.pem\"\n"), "cannot read", "PEM file"),
        (postgres(good, "connections = 0\n"), "nonzero", ""),
        (ldap("ldap://dc1.corp.test", PEOPLE), "passwords would cross", "start_tls = true"),
        (
            ldap("ldap://dc1.corp.test", &format!("insecure_plain = true\n{PEOPLE}")),
            "passwords would cross",
            "use ldaps://",
        ),
        (
            ldap("ldaps://dc1.corp.test", &format!("start_tls = true\n{PEOPLE}")),
            "for ldap:// only",
            "leave it out",
        ),
        (ldap("https://dc1.corp.test", PEOPLE), "not the address of a server", "ldaps://host"),
        (ldap("ldaps://dc1.corp.test/dc=corp??sub", PEOPLE), "not the address", "ldaps://host"),
        (ldap("ldaps://dc1.corp.test", ""), "where to look for people", "add base ="),
        (ldap("ldaps://dc1.corp.test", "base = \"dc=x\"\n"), "which entry", "(uid={name})"),
        (
            ldap("ldaps://dc1.corp.test", &format!("user_dn = \"uid={{name}}\"\n{PEOPLE}")),
            "two ways to an entry",
            "keep it, or",
        ),
        (
            ldap("ldaps://dc1.corp.test", &format!("bind_dn = \"cn=x\"\n{PEOPLE}")),
            "bind_password is missing",
            "write both",
        ),
        (
            ldap(
                "ldaps://dc1.corp.test",
                &format!("groups = {{ filter = \"(m={{dn}})\" }}\n{PEOPLE}"),
            ),
            "where to look for groups",
            "base =",
        ),
    ] {
        let said = faults(&file(&section, ""));
        assert!(said.contains(message) && said.contains(remedy), "{section}\n{said}");
    }
}
