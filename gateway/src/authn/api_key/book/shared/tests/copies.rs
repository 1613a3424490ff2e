//! What was not written, and old copies that somebody puts back.

use super::*;
use crate::authn::api_key::record::NewApiKey;

/// Puts a copy of a file in its place.
fn put_back(fixture: &Fixture, file: &PathBuf, text: &[u8]) {
    let copy = fixture.folder.join("copy");
    fs::write(&copy, text).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(copy, file).unwrap();
}

#[test]
fn keys_that_could_not_be_written_off_are_by_whoever_repeats_it() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.gateway(), fixture.gateway());
    let (id, revoked) = (one.make("ci"), one.make("revoked"));
    one.keys.revoke(revoked).unwrap();
    // Nobody can have the lock any more, and with it not write.
    let lock = fixture.shared().join("part.lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let (disabled, fault) = one.keys.disable_those(|_| true);
    assert!(disabled.is_empty() && fault.is_err());
    assert_eq!(one.state(id), Some(KeyState::Disabled), "off at once all the same");
    assert_eq!(two.state(id), Some(KeyState::Active));
    fs::remove_dir(&lock).unwrap();
    let (disabled, fault) = one.keys.disable_those(|_| true);
    fault.unwrap();
    assert_eq!(disabled, [id], "it was on for the others");
    assert_eq!(two.state(id), Some(KeyState::Disabled));
    assert_eq!(fixture.gateway().remembers(id), Some(KeyState::Disabled));
    let (disabled, fault) = two.keys.disable_those(|_| true);
    assert!(disabled.is_empty() && fault.is_ok(), "there was nothing to do");
}

#[test]
fn two_old_copies_one_after_the_other_bring_no_revoked_key_back() {
    let fixture = Fixture::new();
    let one = fixture.gateway();
    let id = one.make("ci");
    let file = fixture.file_of(id);
    let of_before_it_was_revoked = fs::read(&file).unwrap();
    one.keys.revoke(id).unwrap();
    put_back(&fixture, &file, br#"{"version":1,"keys":{}}"#);
    assert_eq!(one.state(id), Some(KeyState::Revoked), "memory keeps what the file lacks");
    assert_eq!(fixture.gateway().remembers(id), Some(KeyState::Revoked), "and writes it");
    put_back(&fixture, &file, br#"{"version":1,"keys":{}}"#);
    one.keys.sync().unwrap();
    put_back(&fixture, &file, &of_before_it_was_revoked);
    assert_eq!(one.state(id), Some(KeyState::Revoked));
    assert_eq!(fixture.gateway().remembers(id), Some(KeyState::Revoked));
}

#[test]
fn an_old_copy_brings_no_key_back_that_was_revoked_long_ago() {
    let fixture = Fixture::new();
    let one = fixture.gateway();
    let made = one.keys.create(NewApiKey { expires: None, ..new("ci") }).unwrap().0;
    let file = fixture.file_of(made.id);
    let old = fs::read(&file).unwrap();
    one.keys.revoke(made.id).unwrap();
    fixture.clock.advance(FORGOTTEN_AFTER + Duration::from_secs(1));
    put_back(&fixture, &file, &old);
    let opens = |gateway: &Gateway| gateway.state(made.id) == Some(KeyState::Active);
    assert!(!opens(&one));
    assert!(!opens(&fixture.gateway()), "nor is it written as one that is good");
}
