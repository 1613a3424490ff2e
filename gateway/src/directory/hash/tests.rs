use super::*;
use crate::base::SeededEntropy;

fn secret(text: &str) -> Secret<String> {
    Secret::from(text)
}

/// Made by `htpasswd -nbB ann opensesame`.
const BCRYPT: &str = "$2y$05$YMyT1sDbivEJqrSOBH7hKuDU7riSxqF/zVMMfPGG4gKDJMSQ4d.tG";
/// A vector of the reference implementation (`src/test.c` of phc-winner-argon2).
const ARGON2: &str =
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

#[test]
fn what_others_made_is_taken() {
    for (text, password, old) in [(BCRYPT, "opensesame", true), (ARGON2, "password", false)] {
        let hash = PasswordHash::parse(text).unwrap();
        assert!(hash.is_of(&secret(password)), "{text}");
        assert!(!hash.is_of(&secret("opensesamf")), "{text}");
        assert_eq!(hash.is_old(), old, "{text}");
        assert_eq!(hash.to_text(), text);
    }
}

#[test]
fn a_new_hash_is_argon2id_and_reads_back() {
    let made = PasswordHash::make(&secret("opensesame"), &SeededEntropy::new(1)).unwrap();
    assert!(made.to_text().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let read = PasswordHash::parse(&made.to_text()).unwrap();
    assert!(read == made && !read.is_old());
    assert!(read.is_of(&secret("opensesame")) && !read.is_of(&secret("")));
    assert!(!format!("{made:?}").contains("argon2id"), "a debug text shows no hash");
    assert!(!PasswordHash::of_nobody().is_of(&secret("")));
}

#[test]
fn weak_broken_and_ruinous_hashes_are_refused() {
    let tail = "$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (text, fault) in [
        ("", HashFault::Unknown),
        ("opensesame", HashFault::Unknown),
        ("$apr1$x$y", HashFault::Unknown),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", HashFault::Unknown),
        ("$2y$05$tooshort", HashFault::Unknown),
        ("$2y$05$äöüäöüäöüäöüäöüäöüäöüäöüäöü", HashFault::Unknown),
        (&BCRYPT.replace("$05$", "$31$"), HashFault::Costly),
        (&format!("$argon2id$v=19$m=99999999,t=2,p=1{tail}"), HashFault::Costly),
        (&format!("$argon2id$v=19$m=4096,t=99,p=1{tail}"), HashFault::Costly),
        (&format!("$argon2id$v=19$m=4096,t=0,p=1{tail}"), HashFault::Unknown),
        (&format!("$argon2id$v=19$m=4096,t=2,p=4294967295{tail}"), HashFault::Unknown),
        (&format!("$argon2i$v=19$m=4096,t=2,p=1{tail}"), HashFault::Unknown),
        (&format!("$argon2id$v=19$m=4096,t=2,p=1{tail}$x"), HashFault::Unknown),
        ("$argon2id$v=19$m=4096,t=2,p=1$c2FsdHNhbHRzYWx0$", HashFault::Unknown),
    ] {
        assert_eq!(PasswordHash::parse(text).err(), Some(fault), "{text}");
    }
}
