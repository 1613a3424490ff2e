use super::*;
use crate::base::SystemEntropy;
use crate::directory::Member;

const BCRYPT: &str = "$2y$05$YMyT1sDbivEJqrSOBH7hKuDU7riSxqF/zVMMfPGG4gKDJMSQ4d.tG";

struct Fixture {
    folder: PathBuf,
    file: PathBuf,
    directory: FileDirectory,
}

impl Fixture {
    fn new(file: &str, text: &str) -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let folder = std::env::temp_dir().join(format!("users-{}", entropy.token::<9>()));
        let file = folder.join(file);
        keyfile::write_atomic(&file, text.as_bytes()).unwrap();
        let pool = HashPool::new(2);
        let directory = FileDirectory::new(&file, "directory:staff", pool, Arc::new(SystemEntropy));
        Self { folder, file, directory }
    }

    async fn check(&self, name: &str, password: &str) -> Answer {
        let name = AccountName::parse(name).unwrap();
        self.directory.check(&name, &Secret::from(password)).await
    }

    fn read(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn users() -> String {
    format!(
        "[users.ann]\npassword = \"{BCRYPT}\"\ndisplay_name = \"Ann Example\"\n\
         email = \"ann@corp.test\"\ngroups = [\"staff\"]\nroles = [\"editor\"]\n\
         claims = {{ plan = \"pro\" }}\n\n[users.eve]\npassword = \"{BCRYPT}\"\ndisabled = true\n"
    )
}

#[tokio::test]
async fn who_is_in_the_file_is_told_with_roles_and_all() {
    let fixture = Fixture::new("users.toml", &users());
    let Answer::Accept(_, who) = fixture.check(" ＡNN ", "opensesame").await else { panic!() };
    assert_eq!((who.issuer.as_str(), who.subject.as_str()), ("directory:staff", "ann"));
    assert_eq!(who.name.as_deref(), Some("Ann Example"));
    assert_eq!(
        who.email.as_ref().map(|it| (it.address.as_str(), it.verified)),
        Some(("ann@corp.test", true))
    );
    assert_eq!((who.groups, who.roles), (vec!["staff".to_owned()], vec!["editor".to_owned()]));
    assert_eq!(who.claims["plan"], "pro");
    for (name, password) in [("ann", "opensesam"), ("Ann", ""), ("AN\u{200b}N", "x")] {
        let said = fixture.check(name, password).await;
        assert!(matches!(&said, Answer::Mistaken(it) if it.as_str() == "ann"), "{name} {said:?}");
    }
    assert!(matches!(fixture.check("nobody", "opensesame").await, Answer::Refuse));
    for password in ["opensesame", "wrong"] {
        assert!(matches!(fixture.check("EVE", password).await, Answer::Disabled(_)));
    }
}

#[tokio::test]
async fn an_old_hash_is_replaced_at_login_and_nothing_else_is() {
    let fixture = Fixture::new("users.toml", &users());
    fixture.check("ann", "wrong").await;
    assert!(!fixture.read().contains("argon2id"), "a wrong password changes nothing");
    fixture.check("ann", "opensesame").await;
    let text = fixture.read();
    assert!(text.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
    assert_eq!(text.matches(BCRYPT).count(), 1, "eve's is as it was: {text}");
    assert!(text.contains("plan = \"pro\"") && text.contains("disabled = true"), "{text}");
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Accept(..)));
    assert!(matches!(fixture.check("ann", "wrong").await, Answer::Mistaken(_)));
    assert_eq!(fixture.read(), text, "a good hash stays");
}

#[tokio::test]
async fn a_file_of_htpasswd_is_read_and_never_written() {
    let text = format!("# people\n\nann:{BCRYPT}\n");
    let fixture = Fixture::new("htpasswd", &text);
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Accept(..)));
    assert_eq!(fixture.read(), text);
}

#[tokio::test]
async fn a_change_counts_at_once_and_a_broken_file_lets_nobody_in() {
    let fixture = Fixture::new("users.toml", &users());
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Accept(..)));
    let (mut members, _) = Members::read(&fixture.file).unwrap();
    let ann = AccountName::parse("ann").unwrap();
    members.get_mut(&ann).unwrap().facts.disabled = true;
    members.write(&fixture.file).unwrap();
    assert!(matches!(fixture.check("ann", "opensesame").await, Answer::Disabled(_)));
    keyfile::write_atomic(&fixture.file, b"[users.ann]\npassword = \"opensesame\"\n").unwrap();
    let Answer::Unavailable(cause) = fixture.check("ann", "opensesame").await else { panic!() };
    assert!(cause.contains("user `ann`") && cause.contains("users passwd"), "{cause}");
    std::fs::remove_file(&fixture.file).unwrap();
    let Answer::Unavailable(cause) = fixture.check("ann", "opensesame").await else { panic!() };
    assert!(cause.contains("portcullis users add"), "{cause}");
}

#[tokio::test]
async fn two_spellings_of_one_name_are_a_fault() {
    let text =
        format!("[users.ann]\npassword = \"{BCRYPT}\"\n[users.Ann]\npassword = \"{BCRYPT}\"\n");
    let fixture = Fixture::new("users.toml", &text);
    assert!(fixture.directory.look().unwrap_err().to_string().contains("another spelling"));
    let fixture = Fixture::new("users.toml", "[users.ann]\npasword = \"$2y$05$secret\"\n");
    let fault = fixture.directory.look().unwrap_err().to_string();
    assert!(!fault.contains("secret"), "a fault shows no hash: {fault}");
}

/// THREATS K1. Each kind of hash must be met by unknown names as often as by known ones; that their
/// times are alike follows. `directory/timing.rs` looks at the work and at the clock.
#[test]
fn an_unknown_name_is_held_against_somebodys_hash() {
    let entropy: &dyn Entropy = &SystemEntropy;
    let mut members = Members::default();
    let argon2 = PasswordHash::make(&Secret::from("opensesame"), entropy).unwrap();
    let bcrypt = PasswordHash::parse(BCRYPT).unwrap();
    for number in 0..40 {
        let name = format!("user{number}");
        let password = if number % 4 == 0 { bcrypt.clone() } else { argon2.clone() };
        let member = Member { name: name.clone(), password, facts: Default::default() };
        assert!(members.add(&AccountName::parse(&name).unwrap(), member));
    }
    let fixture = Fixture::new("users.toml", "");
    let draws = (0..2_000).filter(|number| {
        let name = AccountName::parse(&format!("stranger{number}")).unwrap();
        let inner = &fixture.directory.0;
        let hash = inner.stand_in(&members, &name);
        assert!(hash == inner.stand_in(&members, &name), "the same one each time");
        hash.to_text().starts_with("$2y$")
    });
    let share = draws.count();
    assert!((350..650).contains(&share), "a quarter of 2000, not {share}");
    let nobody = Members::default();
    let alone = fixture.directory.0.stand_in(&nobody, &AccountName::parse("x").unwrap());
    assert!(alone == PasswordHash::of_nobody(), "an empty file costs as much as a full one");
}
