use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::base::SystemEntropy;

/// Of `opensesame`.
const BCRYPT: &str = "$2y$05$YMyT1sDbivEJqrSOBH7hKuDU7riSxqF/zVMMfPGG4gKDJMSQ4d.tG";
const QUERY: &str = "SELECT id AS subject, hash AS password, off AS disabled, full AS name, email, \
    1 AS email_verified, teams AS groups, plan FROM people WHERE login = $1 OR lower(email) = $1";
const REHASH: &str = "UPDATE people SET hash = $1 WHERE id = $2 AND hash = $3";

struct Fixture {
    folder: PathBuf,
    file: PathBuf,
    directory: SqlDirectory,
    table: SqliteTable,
}

impl Fixture {
    fn new(query: &str, rehash: Option<&str>) -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let folder = std::env::temp_dir().join(format!("people-{}", entropy.token::<9>()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("people.db");
        fill(&file, BCRYPT);
        let statements = Statements { query: query.to_owned(), rehash: rehash.map(str::to_owned) };
        let table = SqliteTable::new(&file, statements, Duration::from_millis(600));
        let (pool, entropy) = (HashPool::new(2), Arc::new(SystemEntropy));
        let shared = Arc::new(table.clone());
        let directory = SqlDirectory::new("directory:crm", shared, pool, entropy);
        Self { folder, file, directory, table }
    }

    async fn check(&self, name: &str, password: &str) -> Answer {
        let name = AccountName::parse(name).unwrap();
        self.directory.check(&name, &Secret::from(password)).await
    }

    fn hash(&self, id: u32) -> String {
        let connection = Connection::open(&self.file).unwrap();
        let sql = "SELECT hash FROM people WHERE id = ?1";
        connection.query_row(sql, [id], |row| row.get(0)).unwrap()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn fill(file: &std::path::Path, hash: &str) {
    let connection = Connection::open(file).unwrap();
    let sql = format!(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, login TEXT, hash TEXT, off INTEGER, full TEXT,
             email TEXT, teams TEXT, plan TEXT);
         INSERT INTO people VALUES
             (1, 'ann', '{hash}', 0, 'Ann Example', 'Ann@corp.test', '[\"staff\",\"eu\"]', 'pro'),
             (2, 'eve', '{hash}', 1, NULL, NULL, NULL, NULL),
             (3, 'sso', NULL, 0, NULL, NULL, NULL, NULL),
             (4, 'old', 'md5:0123', 0, NULL, NULL, NULL, NULL),
             (5, 'twin', '{hash}', 0, NULL, NULL, NULL, NULL),
             (6, 'twin', '{hash}', 0, NULL, NULL, NULL, NULL);"
    );
    connection.execute_batch(&sql).unwrap();
}

#[tokio::test]
async fn who_is_in_the_table_is_told_with_groups_and_all() {
    let fixture = Fixture::new(QUERY, None);
    fixture.table.look().unwrap();
    for name in [" ＡNN ", "ann@CORP.test"] {
        let Answer::Accept(account, who) = fixture.check(name, "opensesame").await else {
            panic!("{name}")
        };
        assert_eq!((account.as_str(), who.subject.as_str()), ("1", "1"), "{name}");
        assert_eq!(who.issuer, "directory:crm");
        assert_eq!(who.name.as_deref(), Some("Ann Example"));
        assert!(who.email.is_some_and(|it| it.verified && it.address == "Ann@corp.test"));
        assert_eq!(who.groups, ["staff", "eu"]);
        assert_eq!(who.claims["plan"], "pro");
    }
    for (name, password, account) in [("ann", "x", "1"), ("sso", "x", "3"), ("old", "x", "4")] {
        let said = fixture.check(name, password).await;
        assert!(matches!(&said, Answer::Mistaken(it) if it.as_str() == account), "{said:?}");
    }
    for password in ["opensesame", "wrong"] {
        let said = fixture.check("eve", password).await;
        assert!(matches!(&said, Answer::Disabled(it) if it.as_str() == "2"), "{said:?}");
    }
    for name in ["nobody", "twin"] {
        let said = fixture.check(name, "opensesame").await;
        assert!(matches!(said, Answer::Refuse), "{name}: {said:?}");
    }
}

#[tokio::test]
async fn a_name_is_never_part_of_the_statement() {
    let fixture = Fixture::new(QUERY, None);
    // From here on strangers are held against a quick hash.
    fixture.check("ann", "wrong").await;
    for name in [
        "' OR '1'='1",
        "' OR 1=1 --",
        "x'; DROP TABLE people; --",
        "ann' --",
        "$1",
        "?1",
        "%",
        "a_n",
        "\\",
        "\"ann\"",
        "ann' UNION SELECT 1, 'x', 0, 0, 0, 0, 0, 0 --",
    ] {
        let said = fixture.check(name, "opensesame").await;
        assert!(matches!(said, Answer::Refuse), "{name}: {said:?}");
    }
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Accept(..)));
}

#[tokio::test]
async fn an_old_hash_is_replaced_at_login_and_nothing_else_is() {
    let fixture = Fixture::new(QUERY, Some(REHASH));
    fixture.table.look().unwrap();
    fixture.check("ann", "wrong").await;
    assert_eq!(fixture.hash(1), BCRYPT, "a wrong password changes nothing");
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Accept(..)));
    let new = fixture.hash(1);
    assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    assert_eq!(fixture.hash(2), BCRYPT);
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Accept(..)));
    assert_eq!(fixture.hash(1), new, "a good hash stays");
    fixture.table.rehash("$new", "1", BCRYPT).await.unwrap();
    assert_eq!(fixture.hash(1), new, "somebody else was quicker");
}

#[tokio::test]
async fn a_file_in_its_place_counts_at_once_and_one_that_is_gone_is_no_refusal() {
    let fixture = Fixture::new(QUERY, None);
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Accept(..)));
    let other = fixture.folder.join("other.db");
    fill(&other, "$2y$05$YMyT1sDbivEJqrSOBH7hKuDU7riSxqF/zVMMfPGG4gKDJMSQ4d.aa");
    std::fs::rename(&other, &fixture.file).unwrap();
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Mistaken(_)));
    std::fs::remove_file(&fixture.file).unwrap();
    let Answer::Unavailable(cause) = fixture.check("ann", "opensesame").await else { panic!() };
    assert!(cause.contains("people.db"), "{cause}");
    assert!(!fixture.file.exists(), "no empty database that knows nobody");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_no_refusal() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
        SELECT max(i) AS subject, $1 AS password FROM n";
    let fixture = Fixture::new(endless, None);
    let Answer::Unavailable(cause) = fixture.check("ann", "opensesame").await else { panic!() };
    assert!(cause.contains("did not answer within 600 ms"), "{cause}");
    let fixture = Fixture::new(QUERY, None);
    let writer = Connection::open(&fixture.file).unwrap();
    writer.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let Answer::Unavailable(cause) = fixture.check("ann", "opensesame").await else { panic!() };
    assert!(cause.contains("locked") || cause.contains("did not answer"), "{cause}");
    drop(writer);
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Accept(..)));
}

#[test]
fn statements_that_cannot_work_are_told_at_the_start() {
    for (query, rehash, said) in [
        ("SELEC 1 WHERE 1 = $1", None, "the query: near \"SELEC\""),
        ("SELECT nix FROM people WHERE login = $1", None, "no such column: nix"),
        ("SELECT id AS subject FROM people WHERE login = $1", None, "no column `password`"),
        ("SELECT 1 AS subject, 2 AS password", None, "write $1 where"),
        ("SELECT 1 AS subject, 2 AS password WHERE $2 = $1", None, "placeholders other than $1"),
        ("SELECT 1 AS subject, 2 AS password WHERE ? = 'x'", None, "placeholders other than $1"),
        ("SELECT 1 AS subject, 2 AS password WHERE :n = 'x'", None, "placeholders other than $1"),
        (
            "UPDATE people SET off = 0 WHERE login = $1 RETURNING id AS subject, hash AS password",
            Some(REHASH),
            "the query changes the database",
        ),
        (QUERY, Some("UPDATE persons SET hash = $1"), "the rehash: no such table: persons"),
        (QUERY, Some("UPDATE people SET hash = $4"), "placeholders other than $1 to $3"),
    ] {
        let fixture = Fixture::new(query, rehash);
        let fault = fixture.table.look().unwrap_err();
        assert!(fault.contains(said), "{query}: {fault}");
    }
}
