//! What was not written, and old copies that somebody puts back.

use super::*;

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
