use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::authn::api_key::record::{ApiKeyOwner, FORGOTTEN_AFTER, KeyRoutes};
use crate::base::{ManualClock, SystemEntropy};
use crate::session::LiveStreams;

struct Fixture {
    folder: PathBuf,
    clock: Arc<ManualClock>,
    live: Arc<LiveStreams>,
}

impl Fixture {
    fn new() -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let folder = std::env::temp_dir().join(format!("api-keys-{}", entropy.token::<9>()));
        std::fs::create_dir_all(&folder).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
        Self { folder, clock, live: Arc::new(LiveStreams::new(100)) }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("api-keys.redb")
    }

    fn open(&self) -> Result<ApiKeys, ApiKeyFault> {
        let (live, clock) = (Arc::clone(&self.live), Arc::clone(&self.clock));
        ApiKeys::open(&self.path(), live, clock, Arc::new(SystemEntropy))
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(super) fn new(name: &str) -> NewApiKey {
    NewApiKey {
        name: name.to_owned(),
        owner: ApiKeyOwner {
            issuer: ApiKeyOwner::ISSUER.to_owned(),
            subject: "ci-bot".to_owned(),
            name: None,
            email: Some("ci@corp.test".to_owned()),
            groups: vec!["bots".to_owned()],
        },
        scopes: vec!["read".to_owned()],
        routes: KeyRoutes::Only(vec!["api".to_owned()]),
        expires: Some(Timestamp::from_secs(2_000)),
    }
}

#[test]
fn keys_are_there_after_a_restart_as_they_were() {
    let fixture = Fixture::new();
    let keys = fixture.open().unwrap();
    let (made, text) = keys.create(new("ci")).unwrap();
    let (gone, _) = keys.create(new("old")).unwrap();
    keys.revoke(gone.id).unwrap();
    let (off, _) = keys.create(new("off")).unwrap();
    keys.switch(off.id, true).unwrap();
    fixture.clock.advance(Duration::from_secs(10));
    keys.find(made.id).unwrap().touch(keys.now());
    keys.flush().unwrap();
    assert!(matches!(fixture.open(), Err(ApiKeyFault::InUse { .. })), "one process at a time");
    drop(keys);

    let keys = fixture.open().unwrap();
    let ci = keys.one(made.id).unwrap();
    assert_eq!((&ci.key, ci.state), (&made, KeyState::Active));
    assert_eq!(ci.used, Some(Timestamp::from_secs(1_010)));
    assert!(keys.find(made.id).unwrap().digest.is(&Digest::of(text.expose().as_bytes())));
    assert_eq!(keys.one(gone.id).unwrap().state, KeyState::Revoked);
    assert_eq!(keys.one(off.id).unwrap().state, KeyState::Disabled);
    fixture.clock.advance(Duration::from_secs(1_000));
    assert_eq!(keys.one(made.id).unwrap().state, KeyState::Expired);
}

#[test]
fn the_file_holds_no_secret_and_nobody_else_reads_it() {
    use std::os::unix::fs::MetadataExt as _;
    let fixture = Fixture::new();
    let keys = fixture.open().unwrap();
    let (_, text) = keys.create(new("ci")).unwrap();
    drop(keys);
    let bytes = std::fs::read(fixture.path()).unwrap();
    let secret = text.expose().as_bytes().get(17..60).unwrap();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    assert_eq!(std::fs::metadata(fixture.path()).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn whoever_switches_a_key_off_ends_its_streams_and_on_again_it_opens_new_ones() {
    let fixture = Fixture::new();
    let keys = fixture.open().unwrap();
    let (made, _) = keys.create(new("ci")).unwrap();
    let streams = |id| keys.find(id).unwrap().streams;
    let open = fixture.live.register_credential(streams(made.id)).unwrap();
    assert_eq!(open.over(), None);
    keys.switch(made.id, true).unwrap();
    assert_eq!(open.over(), Some(EndCause::Revoked));
    keys.switch(made.id, false).unwrap();
    let again = fixture.live.register_credential(streams(made.id)).unwrap();
    assert_eq!(again.over(), None);
    keys.revoke(made.id).unwrap();
    assert_eq!(again.over(), Some(EndCause::Revoked));
    assert!(matches!(keys.switch(made.id, false), Err(ApiKeyFault::Revoked(_))));
    let none = ApiKeyId::parse("000000000000").unwrap();
    assert!(matches!(keys.revoke(none), Err(ApiKeyFault::Unknown(_))));
    assert!(matches!(keys.switch(none, true), Err(ApiKeyFault::Unknown(_))));
}

#[test]
fn a_key_that_is_switched_on_twice_keeps_its_streams_within_reach() {
    let fixture = Fixture::new();
    let keys = fixture.open().unwrap();
    let (made, _) = keys.create(new("ci")).unwrap();
    let open = fixture.live.register_credential(keys.find(made.id).unwrap().streams).unwrap();
    keys.switch(made.id, false).unwrap();
    assert_eq!(open.over(), None, "it was on");
    keys.revoke(made.id).unwrap();
    assert_eq!(open.over(), Some(EndCause::Revoked));
}

#[test]
fn uses_are_written_in_one_go_and_only_where_there_are_any() {
    let fixture = Fixture::new();
    let keys = fixture.open().unwrap();
    let made: Vec<_> = (0..20).map(|n| keys.create(new(&n.to_string())).unwrap().0.id).collect();
    fixture.clock.advance(Duration::from_secs(60));
    for id in &made {
        for _ in 0..100 {
            keys.find(*id).unwrap().touch(keys.now());
        }
    }
    keys.flush().unwrap();
    let stamp = || std::fs::metadata(fixture.path()).unwrap().modified().unwrap();
    let before = stamp();
    keys.flush().unwrap();
    assert_eq!(stamp(), before, "nothing to write, nothing written");
    assert!(keys.list().iter().all(|listed| listed.used == Some(Timestamp::from_secs(1_060))));
    assert_eq!(keys.of(ApiKeyOwner::ISSUER, "ci-bot").len(), 20);
    assert!(keys.of("https://idp.test", "ci-bot").is_empty(), "another issuer, another principal");
}

#[test]
fn a_revoked_key_is_forgotten_in_the_end() {
    let fixture = Fixture::new();
    let keys = fixture.open().unwrap();
    let (made, _) = keys.create(new("ci")).unwrap();
    keys.revoke(made.id).unwrap();
    drop(keys);
    fixture.clock.advance(FORGOTTEN_AFTER + Duration::from_secs(1));
    assert!(fixture.open().unwrap().one(made.id).is_none());
    assert!(fixture.open().unwrap().list().is_empty());
}

#[test]
fn a_damaged_file_is_named_with_the_remedy() {
    let fixture = Fixture::new();
    drop(fixture.open().unwrap());
    std::fs::write(fixture.path(), b"no database").unwrap();
    let fault = fixture.open().unwrap_err().to_string();
    assert!(fault.contains("api-keys.redb") && fault.contains("put a copy of it back"), "{fault}");
}
