use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::base::{Entropy, ManualClock, SystemEntropy};
use crate::crypto::{KeySet, Unverified};

pub(super) struct Fixture {
    state: PathBuf,
    rotation: Rotation,
    pub(super) clock: ManualClock,
}

impl Fixture {
    fn new() -> Self {
        Self::of(rotation())
    }

    fn of(rotation: Rotation) -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let state = std::env::temp_dir().join(format!("keyring-{}", entropy.token::<9>()));
        let clock = ManualClock::at(Timestamp::from_secs(1_000_000));
        Self { state, rotation, clock }
    }

    /// All that takes minutes takes seconds.
    pub(super) fn quick() -> Self {
        Self::of(Rotation {
            algorithm: Algorithm::EdDsa,
            rotate_after: Duration::from_secs(9),
            publish_before: Duration::from_secs(4),
            overlap: Duration::from_secs(1),
            token_lifetime: Duration::from_secs(2),
        })
    }

    pub(super) fn open(&self) -> Result<Keyring, KeyringFault> {
        Keyring::open(&self.state, self.rotation, &self.clock)
    }

    /// As a command beside the gateway does.
    pub(super) fn load(&self) -> Keyring {
        Keyring::load(&self.state, self.rotation).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.state.join(FILE)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.state);
    }
}

fn rotation() -> Rotation {
    Rotation {
        algorithm: Algorithm::EdDsa,
        rotate_after: Duration::from_secs(1_000),
        publish_before: Duration::from_secs(100),
        overlap: Duration::from_secs(50),
        token_lifetime: Duration::from_secs(60),
    }
}

fn verifies(token: &str, jwks: &Document) -> bool {
    let keys = KeySet::admit(&jwks.bytes).unwrap();
    Unverified::parse(token).unwrap().verify_with(&keys).is_ok()
}

#[test]
fn the_keys_outlive_a_restart() {
    let fixture = Fixture::new();
    let first = fixture.open().unwrap();
    let token = first.sign(b"{}").unwrap();
    first.rotate(fixture.clock.now()).unwrap();
    let again = fixture.open().unwrap();
    assert_eq!(first.key_id(), again.key_id());
    assert!(verifies(&token, &again.jwks()));
    assert_eq!(first.jwks().etag, again.jwks().etag);
    assert!(again.ring().next.is_some());
}

#[test]
fn a_key_file_that_others_can_read_or_that_is_spoilt_is_refused_and_kept() {
    let fixture = Fixture::new();
    fixture.open().unwrap();
    assert_eq!(fs::metadata(fixture.file()).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(fixture.file(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(fixture.open(), Err(KeyringFault::Keyfile(KeyfileFault::Exposed { .. }))));

    fs::set_permissions(fixture.file(), fs::Permissions::from_mode(0o600)).unwrap();
    let good = fs::read_to_string(fixture.file()).unwrap();
    let kid = good.split('"').find(|word| word.len() == 43).unwrap().to_owned();
    for bad in [
        String::new(),
        good.replace("\"version\": 1", "\"version\": 2"),
        good.replace("EdDSA", "ES256"),
        good.replace(&kid, "another"),
        good.replace("\"retired\"", "\"extra\": 1, \"retired\""),
    ] {
        keyfile::write_atomic(&fixture.file(), bad.as_bytes()).unwrap();
        let fault = fixture.open().unwrap_err();
        assert!(matches!(fault, KeyringFault::Malformed { .. }), "{fault}");
        assert_eq!(fs::read_to_string(fixture.file()).unwrap(), bad);
    }
}

#[test]
fn a_rotation_by_another_process_is_taken_up_by_a_running_gateway() {
    let fixture = Fixture::new();
    let gateway = fixture.open().unwrap();
    let old = gateway.sign(b"{}").unwrap();
    assert!(!gateway.reload_if_changed().unwrap());

    let command = fixture.load();
    let Rotated::Scheduled(next, from) = command.rotate(fixture.clock.now()).unwrap() else {
        panic!("used before it was published");
    };
    let before = gateway.jwks();
    assert!(gateway.reload_if_changed().unwrap());
    assert_ne!(before.etag, gateway.jwks().etag);
    assert_ne!(gateway.key_id(), next);

    fixture.clock.advance(from.since(fixture.clock.now()));
    let published = gateway.jwks();
    assert!(gateway.tick(fixture.clock.now()).unwrap());
    assert_eq!(gateway.key_id(), next);
    assert!(verifies(&gateway.sign(b"{}").unwrap(), &published));
    assert!(verifies(&old, &gateway.jwks()));
}

#[test]
fn a_spoilt_file_leaves_the_running_keys_in_use() {
    let fixture = Fixture::new();
    let gateway = fixture.open().unwrap();
    let key = gateway.key_id();
    keyfile::write_atomic(&fixture.file(), b"{").unwrap();
    assert!(gateway.reload_if_changed().is_err());
    fixture.clock.advance(Duration::from_secs(5_000));
    assert!(gateway.tick(fixture.clock.now()).is_err());
    assert_eq!(gateway.key_id(), key);
    gateway.sign(b"{}").unwrap();
    fs::remove_file(fixture.file()).unwrap();
    assert!(matches!(gateway.reload_if_changed(), Err(KeyringFault::Absent { .. })));
}

#[test]
fn keys_are_never_made_over_others() {
    let fixture = Fixture::new();
    let absent = Keyring::load(&fixture.state, rotation()).unwrap_err();
    assert!(absent.to_string().contains("keys generate"), "{absent}");
    Keyring::create(&fixture.state, rotation(), fixture.clock.now()).unwrap();
    let exists = Keyring::create(&fixture.state, rotation(), fixture.clock.now()).unwrap_err();
    assert!(exists.to_string().contains("keys rotate"), "{exists}");
}

#[test]
fn neither_debug_nor_the_key_set_shows_a_private_key() {
    let fixture = Fixture::new();
    let keyring = fixture.open().unwrap();
    let file = fs::read_to_string(fixture.file()).unwrap();
    let private = file.split("\"private_key\": \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(private.len() > 60);
    assert!(!format!("{keyring:?}").contains(private));
    let jwks: serde_json::Value = serde_json::from_slice(&keyring.jwks().bytes).unwrap();
    assert!(jwks["keys"][0].get("d").is_none());
}
