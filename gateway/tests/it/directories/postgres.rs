//! People in PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use portcullis::base::{Secret, SystemEntropy};
use portcullis::directory::{
    AccountName, Answer, Directory as _, HashPool, PostgresSettings, PostgresTable, SqlDirectory,
    Statements, trusting,
};
use serde_json::json;

use crate::support::certs::Authority;
use crate::support::folder::Folder;
use crate::support::postgres::{DATABASE_PASSWORD, Postgres};
use crate::support::wire::{Mode, Wire};

/// Of `opensesame`.
pub(super) const BCRYPT: &str = "$2y$05$YMyT1sDbivEJqrSOBH7hKuDU7riSxqF/zVMMfPGG4gKDJMSQ4d.tG";

const QUERY: &str = "SELECT id AS subject, hash AS password, off AS disabled, full_name AS name, \
    email, true AS email_verified, teams AS groups, roles, plan, seats, tenant, score \
    FROM people WHERE lower(login) = $1 OR lower(email) = $1";
const REHASH: &str = "UPDATE people SET hash = $1 WHERE id = $2::text::bigint AND hash = $3";

fn people() -> String {
    format!(
        "CREATE TYPE plan AS ENUM ('free', 'pro');
         CREATE TABLE people (id bigint PRIMARY KEY, login varchar(80), hash text, off boolean,
             full_name text, email text, teams text[], roles jsonb, plan plan, seats int,
             tenant uuid, score double precision, since timestamptz DEFAULT now());
         INSERT INTO people VALUES
             (4711, 'Ann', '{BCRYPT}', false, 'Ann Example', 'Ann@corp.test', '{{staff,eu}}',
              '[\"editor\"]', 'pro', 3, '00112233-4455-6677-8899-aabbccddeeff', 0.5);
         INSERT INTO people (id, login, hash, off) VALUES (4712, 'eve', '{BCRYPT}', true),
             (4713, 'twin', '{BCRYPT}', NULL), (4714, 'twin', '{BCRYPT}', NULL);
         GRANT SELECT, UPDATE ON people TO portcullis;"
    )
}

struct Lab {
    server: Postgres,
    wire: Wire,
}

impl Lab {
    async fn start() -> Self {
        let server = Postgres::start(&people()).await;
        let wire = Wire::to(server.address).await;
        Self { server, wire }
    }

    fn directory(&self, query: &str, change: impl FnOnce(&mut PostgresSettings)) -> SqlDirectory {
        let ca = std::fs::read(self.server.folder.path().join("ca.pem")).unwrap();
        let mut settings = PostgresSettings {
            host: "localhost".to_owned(),
            port: self.wire.address.port(),
            user: "portcullis".to_owned(),
            database: "people".to_owned(),
            password: Some(Secret::from(DATABASE_PASSWORD)),
            tls: Some(trusting(Some(&ca)).unwrap()),
            connections: 2,
            timeout: Duration::from_secs(20),
        };
        change(&mut settings);
        let statements = Statements { query: query.to_owned(), rehash: Some(REHASH.to_owned()) };
        let table = Arc::new(PostgresTable::new(settings, statements));
        SqlDirectory::new("directory:crm", table, HashPool::new(2), Arc::new(SystemEntropy))
    }
}

async fn check(directory: &SqlDirectory, name: &str, password: &str) -> Answer {
    directory.check(&AccountName::parse(name).unwrap(), &Secret::from(password)).await
}

fn unavailable(answer: &Answer) -> &str {
    let Answer::Unavailable(cause) = answer else { panic!("{answer:?}") };
    cause
}

#[tokio::test]
async fn who_is_in_the_table_is_told_over_tls_and_a_name_is_only_a_name() {
    let lab = Lab::start().await;
    let directory = lab.directory(QUERY, |_| {});
    for (name, account) in [("ann", "4711"), ("ANN@corp.test", "4711")] {
        let said = check(&directory, name, "wrong").await;
        assert!(matches!(&said, Answer::Mistaken(it) if it.as_str() == account), "{said:?}");
    }
    let said = check(&directory, "eve", "opensesame").await;
    assert!(matches!(&said, Answer::Disabled(it) if it.as_str() == "4712"), "{said:?}");
    for name in [
        "nobody",
        "twin",
        "' OR '1'='1",
        "ann'--",
        "x'; DROP TABLE people; --",
        "$1",
        "\\",
        "an_",
        "%",
    ] {
        let said = check(&directory, name, "opensesame").await;
        assert!(matches!(said, Answer::Refuse), "{name}: {said:?}");
    }
    let hash = "SELECT hash FROM people WHERE id = 4711";
    assert_eq!(lab.server.run("people", hash).trim(), BCRYPT);
    let said = check(&directory, " ＡNN ", "opensesame").await;
    let Answer::Accept(account, who) = said else { panic!("{said:?}") };
    assert_eq!((account.as_str(), who.subject.as_str()), ("4711", "4711"));
    assert_eq!(who.name.as_deref(), Some("Ann Example"));
    assert!(who.email.is_some_and(|it| it.verified && it.address == "Ann@corp.test"));
    assert_eq!(
        (who.groups, who.roles.join(" ")),
        (vec!["staff".into(), "eu".into()], "editor".into())
    );
    let tenant = "00112233-4455-6677-8899-aabbccddeeff";
    let claims = json!({ "plan": "pro", "seats": 3, "tenant": tenant, "score": 0.5 });
    assert_eq!(serde_json::Value::Object(who.claims), claims);
    let new = lab.server.run("people", hash);
    assert!(new.starts_with("$argon2id$"), "the old hash is replaced: {new}");
    let eves = lab.server.run("people", "SELECT hash FROM people WHERE id = 4712");
    assert_eq!(eves.trim(), BCRYPT, "and nobody else's");
}

#[tokio::test]
async fn what_the_database_does_not_understand_is_no_refusal() {
    let lab = Lab::start().await;
    let wrong = |query: &str| lab.directory(query, |_| {});
    for (query, said) in [
        ("SELECT nix FROM people WHERE login = $1", "column \"nix\" does not exist (42703)"),
        ("SELECT id AS subject FROM people WHERE lower(login) = $1", "no column `password`"),
        (
            "SELECT id AS subject, hash AS password, since FROM people WHERE lower(login) = $1",
            "`since`: `timestamptz` is not read; cast it to text",
        ),
        ("SELECT id AS subject, hash AS password FROM people WHERE id = $1::int", "…"),
    ] {
        let answer = check(&wrong(query), "ann", "opensesame").await;
        let cause = unavailable(&answer);
        assert!(cause.contains(said) && !cause.contains("\"ann\""), "{query}: {cause}");
    }
    let locked_out = lab.directory(QUERY, |it| it.password = Some(Secret::from("wrong")));
    let answer = check(&locked_out, "ann", "opensesame").await;
    assert!(unavailable(&answer).contains("28P01"), "{answer:?}");
    let plain = lab.directory(QUERY, |it| it.tls = None);
    let answer = check(&plain, "ann", "opensesame").await;
    assert!(unavailable(&answer).contains("28000"), "the server wants TLS: {answer:?}");
    let other = Folder::new();
    Authority::issue(other.path(), &["localhost"]);
    let ca = std::fs::read(other.path().join("ca.pem")).unwrap();
    let strange = lab.directory(QUERY, |it| it.tls = Some(trusting(Some(&ca)).unwrap()));
    let answer = check(&strange, "ann", "opensesame").await;
    assert!(unavailable(&answer).contains("certificate"), "{answer:?}");
}

#[tokio::test]
async fn a_database_that_is_killed_or_silent_is_no_refusal_and_comes_back() {
    let mut lab = Lab::start().await;
    let patient = lab.directory(QUERY, |_| {});
    let impatient = lab.directory(QUERY, |it| it.timeout = Duration::from_millis(700));
    let sleepy = lab.directory(
        "SELECT id AS subject, hash AS password, pg_sleep(600)::text FROM people \
         WHERE lower(login) = $1",
        |it| it.timeout = Duration::from_millis(700),
    );
    for _ in 0..3 {
        assert!(matches!(check(&patient, "ann", "wrong").await, Answer::Mistaken(_)));
    }
    // More than there are connections: none is left behind with a question.
    for _ in 0..5 {
        let answer = check(&sleepy, "ann", "wrong").await;
        assert!(unavailable(&answer).contains("no answer within 700 ms"), "{answer:?}");
    }
    lab.wire.set(Mode::Silent);
    let answer = check(&impatient, "ann", "wrong").await;
    assert!(unavailable(&answer).contains("no answer within 700 ms"), "{answer:?}");
    lab.wire.set(Mode::Pass);
    assert!(matches!(check(&patient, "ann", "wrong").await, Answer::Mistaken(_)));
    lab.server.kill().await;
    let answer = check(&patient, "ann", "wrong").await;
    assert!(!unavailable(&answer).is_empty());
    lab.server.again().await;
    // The kept connections are those of the server that was.
    assert!(matches!(check(&patient, "ann", "wrong").await, Answer::Mistaken(_)));
}
