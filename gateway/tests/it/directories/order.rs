//! Five directories behind one route: a file, two tables, LDAP and a service.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::directories::ldap::ENTRIES;
use crate::directories::postgres::BCRYPT;
use crate::password::{basic, service};
use crate::support::folder::Folder;
use crate::support::forge::claims;
use crate::support::lab::Lab;
use crate::support::postgres::{DATABASE_PASSWORD, Postgres};
use crate::support::settings::Route;
use crate::support::slapd::{SERVICE, SERVICE_PASSWORD, Slapd};
use crate::support::wire::{Mode, Wire};

/// All five, and the gateway before them.
pub(super) struct House {
    pub(super) lab: Lab,
    folder: Folder,
    slapd: Slapd,
    wire: Wire,
    database: Postgres,
    database_wire: Wire,
    service_is_down: Arc<AtomicBool>,
}

const TABLE: &str = "CREATE TABLE people (login TEXT, email TEXT, hash TEXT, plan TEXT)";

impl House {
    /// `fred` is in the file; `bea`, and another `fred`, in SQLite; `Pat` in PostgreSQL; `ann`, and
    /// another `bea`, in LDAP; `Bob` is known to the service. `limits` are lines of `[password]`.
    pub(super) async fn start(log: &str, limits: &str) -> Self {
        let folder = Folder::new();
        let place = folder.path().display().to_string();
        let htpasswd = folder.path().join("htpasswd");
        fs::write(&htpasswd, format!("fred:{BCRYPT}\n")).unwrap();
        fs::set_permissions(&htpasswd, fs::Permissions::from_mode(0o600)).unwrap();
        let other = "$2y$05$xf0U3o9rCcR3sZk3oGQBYupbdYy0iAc0xyVHSZrQUvOEO9zQd5Vl2";
        let table = rusqlite::Connection::open(folder.path().join("people.db")).unwrap();
        let rows = format!(
            "{TABLE}; INSERT INTO people VALUES ('bea', 'Bea@corp.test', '{BCRYPT}', 'pro'),
             ('fred', NULL, '{other}', NULL)"
        );
        table.execute_batch(&rows).unwrap();
        let bea = "\ndn: uid=bea,ou=people,dc=corp,dc=test\nobjectClass: inetOrgPerson\nuid: bea\n\
            cn: Bea\nsn: Example\nuserPassword: other-beas-password\n";
        let slapd = Slapd::start(&format!("{ENTRIES}{bea}")).await;
        let wire = Wire::to(slapd.address).await;
        let sql = format!(
            "CREATE TABLE people (login text, email text, hash text, roles text[]);
             INSERT INTO people VALUES ('Pat', 'pat@corp.test', '{BCRYPT}', '{{editor}}');
             GRANT SELECT ON people TO portcullis;"
        );
        let database = Postgres::start(&sql).await;
        let database_wire = Wire::to(database.address).await;
        let (database_port, database_place) =
            (database_wire.address.port(), database.folder.path().display().to_string());
        fs::write(folder.path().join("database"), DATABASE_PASSWORD).unwrap();
        let (url, service_is_down) = service().await;
        fs::write(folder.path().join("secret"), SERVICE_PASSWORD).unwrap();
        let ca = slapd.folder.path().join("ca.pem").display().to_string();
        let port = wire.address.port();
        let sections = format!(
            "[directories.files]\nkind = \"file\"\npath = \"{place}/htpasswd\"\n\
             [directories.crm]\nkind = \"sqlite\"\npath = \"{place}/people.db\"\n\
             query = \"\"\"SELECT login AS subject, hash AS password, email, plan FROM people\n\
             WHERE login = $1 OR lower(email) = $1\"\"\"\n\
             [directories.hr]\nkind = \"postgres\"\n\
             url = \"postgres://portcullis@localhost:{database_port}/people\"\n\
             password = {{ file = \"{place}/database\" }}\ntimeout = \"5s\"\n\
             ca = \"{database_place}/ca.pem\"\n\
             query = \"\"\"SELECT login AS subject, hash AS password, email, roles FROM people\n\
             WHERE lower(login) = $1 OR lower(email) = $1\"\"\"\n\
             [directories.corp]\nkind = \"ldap\"\nurl = \"ldap://localhost:{port}\"\n\
             start_tls = true\nca = \"{ca}\"\ntimeout = \"5s\"\nbind_dn = \"{SERVICE}\"\n\
             bind_password = {{ file = \"{place}/secret\" }}\n\
             base = \"ou=people,dc=corp,dc=test\"\nfilter = \"(|(uid={{name}})(mail={{name}}))\"\n\
             groups = {{ base = \"ou=groups,dc=corp,dc=test\" }}\n\
             attributes = {{ roles = \"employeeType\", keep = [\"l\"] }}\n\
             [directories.people]\nkind = \"http\"\nurl = \"{url}\"\ninsecure_http = true\n\
             [password]\naddress_tries = 1000\n{limits}"
        );
        let lab = Lab::with(|settings| {
            settings.issuers = sections;
            settings.log = log.to_owned();
            let route = Route {
                path: "/api/*",
                auth: r#"["password"]"#,
                access: "access = \"authenticated\"\n\
                    login = [\"files\", \"crm\", \"hr\", \"corp\", \"people\"]",
                token: r#"{ audience = "agent" }"#,
            };
            settings.routes.insert(0, route);
        })
        .await;
        Self { lab, folder, slapd, wire, database, database_wire, service_is_down }
    }

    /// The status for a name and a password.
    pub(super) async fn status(&self, name: &str, password: &str) -> u16 {
        self.lab.get("/api/x", &basic(name, password)).await.status()
    }
}

#[tokio::test]
async fn the_first_one_that_knows_the_name_decides_and_the_token_says_who_it_is() {
    let house = House::start("trace", "account_tries = 100").await;
    for (name, password, issuer, sub) in [
        ("fred", "opensesame", "directory:files", "fred"),
        ("BEA", "opensesame", "directory:crm", "bea"),
        ("pat@corp.TEST", "opensesame", "directory:hr", "Pat"),
        ("ann@corp.test", "anns-password", "directory:corp", "ann"),
        ("Bob", "bobs-password", "directory:people", "4711"),
    ] {
        assert_eq!(house.status(name, password).await, 200, "{name}");
        let said = claims(&house.lab.last_token());
        assert_eq!((&said["idp"], &said["sub"]), (&json!(issuer), &json!(sub)), "{said}");
        match name {
            "BEA" => assert_eq!(said["plan"], "pro"),
            "pat@corp.TEST" => assert_eq!(said["roles"], json!(["editor"])),
            "ann@corp.test" => {
                assert_eq!(
                    (&said["groups"], &said["roles"]),
                    (&json!(["staff"]), &json!(["editor"]))
                );
                assert_eq!((&said["l"], &said["name"]), (&json!("Bern"), &json!("Ann Example")));
            }
            _ => {}
        }
    }
    // `bea` of LDAP has a name that is taken, and so has `fred` of the table.
    assert_eq!(house.status("bea", "other-beas-password").await, 401);
    assert_eq!(house.status("fred", "wrong").await, 401);
    assert_eq!(house.status("nobody", "opensesame").await, 401);
    assert!(house.lab.gateway.has_printed("tokio_postgres", 1).await, "the libraries' own lines");
    let printed = house.lab.gateway.printed();
    for secret in [
        "opensesame",
        "anns-password",
        "other-beas-password",
        BCRYPT,
        SERVICE_PASSWORD,
        DATABASE_PASSWORD,
    ] {
        assert!(!printed.contains(secret), "{secret} is in the log");
    }
}

/// THREATS: who takes a directory down must not get in by one behind it.
#[tokio::test]
async fn a_directory_that_is_away_ends_the_login_unless_one_before_it_lets_in() {
    let mut house = House::start("info", "account_tries = 100").await;
    house.wire.set(Mode::Silent);
    assert_eq!(house.status("Bob", "bobs-password").await, 503, "LDAP might have known him");
    assert_eq!(house.status("fred", "opensesame").await, 200, "nobody asks LDAP");
    // The same answer for a known and an unknown name.
    assert_eq!(house.status("fred", "wrong").await, 503);
    assert_eq!(house.status("nobody", "wrong").await, 503);
    house.wire.set(Mode::Pass);
    house.database_wire.set(Mode::Silent);
    assert_eq!(house.status("Bob", "bobs-password").await, 503, "PostgreSQL might have");
    house.database_wire.set(Mode::Pass);
    house.database.kill().await;
    assert_eq!(house.status("ann", "anns-password").await, 503);
    house.database.again().await;
    house.slapd.kill().await;
    assert_eq!(house.status("Bob", "bobs-password").await, 503);
    house.slapd.again().await;
    assert_eq!(house.status("Bob", "bobs-password").await, 200);
    house.service_is_down.store(true, Ordering::SeqCst);
    assert_eq!(house.status("ann", "anns-password").await, 200);
    assert_eq!(house.status("nobody", "wrong").await, 503);
    house.service_is_down.store(false, Ordering::SeqCst);
    let (table, away) = (house.folder.path().join("people.db"), house.folder.path().join("away"));
    fs::rename(&table, &away).unwrap();
    assert_eq!(house.status("ann", "wrong").await, 503);
    fs::rename(&away, &table).unwrap();
    assert_eq!(house.status("ann", "wrong").await, 401);
    for cause in ["`corp`: no answer within", "`hr`: no answer within", "`people`: ", "`crm`: "] {
        assert!(house.lab.gateway.has_printed(cause, 1).await, "the log says which: {cause}");
    }
}

#[test]
fn the_users_command_says_that_a_table_is_not_its() {
    let folder = Folder::new();
    let file = folder.path().join("people.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch(TABLE).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let told = |words: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["users", "list"])
            .args(words)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(!out.status.success());
        String::from_utf8(out.stderr).unwrap()
    };
    let said = told(&["--file", "people.db"]);
    assert!(said.contains("an SQLite database") && said.contains("with SQL"), "{said}");
    let said = told(&["--file", "ldaps://dc1.corp.test"]);
    assert!(said.contains("kept by their own server"), "{said}");
    let said = told(&["--file", "postgres://db/people"]);
    assert!(said.contains("kept by their own server"), "{said}");
}
