use clap::Parser;

use super::*;
use crate::base::SystemEntropy;
use crate::crypto::keyfile;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    users: UsersArgs,
}

struct Fixture(PathBuf);

impl Fixture {
    fn new() -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        Self(std::env::temp_dir().join(format!("users-cli-{}", entropy.token::<9>())))
    }

    fn file(&self) -> PathBuf {
        self.0.join("users.toml")
    }

    fn run(&self, words: &[&str]) -> Result<String, String> {
        let file = self.file();
        let line = [&["users"], words, &["--file", file.to_str().unwrap()]].concat();
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        line.users.run(&SystemEntropy).map_err(|error| error.to_string())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn member(fixture: &Fixture, name: &str) -> Member {
    let (members, _) = Members::read(&fixture.file()).unwrap();
    members.get(&AccountName::parse(name).unwrap()).unwrap().clone()
}

#[test]
fn a_person_is_added_listed_switched_off_and_on() {
    let fixture = Fixture::new();
    let made = fixture
        .run(&[
            "add",
            "Ann",
            "--generate",
            "--email",
            "ann@corp.test",
            "--role",
            "editor",
            "--claim",
            "plan=pro",
        ])
        .unwrap();
    let password = Secret::from(made.rsplit_once(' ').unwrap().1);
    let ann = member(&fixture, "ann");
    assert!(ann.password.is_of(&password), "{made}");
    assert_eq!((ann.name.as_str(), &ann.facts.claims["plan"]), ("Ann", &"pro".into()));
    assert!(fixture.run(&["add", "ANN", "--generate"]).unwrap_err().contains("already"));
    let told = fixture.run(&["disable", "ａnn"]).unwrap();
    assert!(told.contains("cannot sign in"), "{told}");
    assert!(told.contains("go on: no gateway runs at") && told.contains("--state"), "{told}");
    let list = fixture.run(&["list"]).unwrap();
    assert!(list.contains("disabled") && list.contains("ann@corp.test"), "{list}");
    assert!(!list.contains("$argon2id"), "{list}");
    fixture.run(&["enable", "ann"]).unwrap();
    assert!(!member(&fixture, "ann").facts.disabled);
    fixture.run(&["passwd", "ann", "--generate"]).unwrap();
    let changed = member(&fixture, "ann");
    assert!(!changed.password.is_of(&password));
    assert_eq!(changed.facts.roles, ["editor"]);
}

#[test]
fn an_htpasswd_file_is_taken_over_whole_or_not_at_all() {
    let fixture = Fixture::new();
    let other = fixture.0.join("htpasswd");
    let hash = "$2y$05$YMyT1sDbivEJqrSOBH7hKuDU7riSxqF/zVMMfPGG4gKDJMSQ4d.tG";
    keyfile::write_atomic(&other, format!("bob:{hash}\ncarol:{hash}\n").as_bytes()).unwrap();
    assert!(fixture.run(&["import", other.to_str().unwrap()]).unwrap().starts_with("2 users"));
    assert!(fixture.run(&["list"]).unwrap().contains("old"));
    assert!(fixture.run(&["import", other.to_str().unwrap()]).unwrap_err().contains("already"));
    keyfile::write_atomic(&other, b"dave:$apr1$x$y\n").unwrap();
    let fault = fixture.run(&["import", other.to_str().unwrap()]).unwrap_err();
    assert!(fault.contains("dave") && fault.contains("only argon2id and bcrypt"), "{fault}");
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let fixture = Fixture::new();
    assert!(fixture.run(&["list"]).unwrap_err().contains("users add"));
    assert!(fixture.run(&["add", "a:b", "--generate"]).unwrap_err().contains("cannot be a name"));
    let claim = fixture.run(&["add", "ann", "--generate", "--claim", "x"]).unwrap_err();
    assert!(claim.contains("NAME=VALUE"), "{claim}");
    fixture.run(&["add", "ann", "--generate"]).unwrap();
    assert!(fixture.run(&["disable", "bob"]).unwrap_err().contains("users list"));
}
