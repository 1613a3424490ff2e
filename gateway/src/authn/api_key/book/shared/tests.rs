use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::authn::api_key::book::tests::new;
use crate::authn::api_key::file::API_KEYS;
use crate::authn::api_key::record::{FORGOTTEN_AFTER, KeyState};
use crate::authn::api_key::text::Digest;
use crate::base::schedule::explore;
use crate::base::{ManualClock, SeededEntropy, SystemEntropy, Timestamp};

mod copies;

/// A directory that gateways share, and what is each one's own.
struct Fixture {
    folder: PathBuf,
    clock: Arc<ManualClock>,
}

/// One gateway's keys and streams.
struct Gateway {
    keys: ApiKeys,
    live: Arc<LiveStreams>,
}

impl Fixture {
    fn new() -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let folder = std::env::temp_dir().join(format!("shared-keys-{}", entropy.token::<9>()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder, clock: Arc::new(ManualClock::at(Timestamp::from_secs(1_000))) }
    }

    fn shared(&self) -> PathBuf {
        self.folder.join("api-keys")
    }

    fn own(&self) -> PathBuf {
        self.folder.join(API_KEYS)
    }

    fn try_open(&self) -> Result<Gateway, ApiKeyFault> {
        self.open_with(Arc::new(SystemEntropy))
    }

    fn open_with(&self, entropy: Arc<dyn Entropy>) -> Result<Gateway, ApiKeyFault> {
        let live = Arc::new(LiveStreams::new(100));
        let clock = self.clock.clone();
        let keys = ApiKeys::open_shared(&self.shared(), live.clone(), clock, entropy)?;
        keys.take_over(&self.own())?;
        Ok(Gateway { keys, live })
    }

    fn gateway(&self) -> Gateway {
        self.try_open().unwrap()
    }

    fn file_of(&self, id: ApiKeyId) -> PathBuf {
        self.shared().join(format!("part-{:02}.json", Parts::of(id)))
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.shared()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Gateway {
    fn make(&self, name: &str) -> ApiKeyId {
        self.keys.create(new(name)).unwrap().0.id
    }

    /// What it says of a key after a look at the files.
    fn state(&self, id: ApiKeyId) -> Option<KeyState> {
        self.keys.sync().unwrap();
        self.remembers(id)
    }

    fn remembers(&self, id: ApiKeyId) -> Option<KeyState> {
        self.keys.one(id).map(|listed| listed.state)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn what_one_gateway_changes_the_other_takes_up() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.gateway(), fixture.gateway());
    let (made, text) = one.keys.create(new("ci")).unwrap();
    let id = made.id;
    assert_eq!(one.remembers(id), Some(KeyState::Active), "at once where it was made");
    assert_eq!(two.state(id), Some(KeyState::Active));
    assert_eq!(two.keys.one(id).unwrap().key, made);
    assert!(two.keys.find(id).unwrap().digest.is(&Digest::of(text.expose().as_bytes())));
    two.keys.switch(id, true).unwrap();
    assert_eq!(one.state(id), Some(KeyState::Disabled));
    one.keys.switch(id, false).unwrap();
    assert_eq!(two.state(id), Some(KeyState::Active));
    two.keys.revoke(id).unwrap();
    assert_eq!(one.state(id), Some(KeyState::Revoked));
    let again = fixture.gateway();
    assert_eq!(again.remembers(id), Some(KeyState::Revoked), "and after a start");
    // Before anybody has looked.
    let other = one.make("other");
    assert_eq!(two.keys.revoke(other).unwrap().id, other);
    let none = ApiKeyId::parse("000000000000").unwrap();
    assert!(matches!(one.keys.revoke(none), Err(ApiKeyFault::Unknown(_))));
}

#[test]
fn the_end_of_a_key_at_one_ends_its_streams_at_the_other_and_no_others() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.gateway(), fixture.gateway());
    let (ends, stays) = (one.make("ends"), one.make("stays"));
    two.keys.sync().unwrap();
    let bound = |id| {
        let streams = two.keys.find(id).unwrap().streams;
        two.live.register_credential(streams).unwrap()
    };
    let (open, other) = (bound(ends), bound(stays));
    one.keys.switch(ends, true).unwrap();
    assert_eq!(open.over(), None);
    two.keys.sync().unwrap();
    assert_eq!(open.over(), Some(EndCause::Revoked));
    one.keys.switch(ends, false).unwrap();
    two.keys.sync().unwrap();
    let again = bound(ends);
    assert_eq!(again.over(), None);
    one.keys.revoke(ends).unwrap();
    two.keys.sync().unwrap();
    assert_eq!(again.over(), Some(EndCause::Revoked));
    assert_eq!(other.over(), None);
    // The file changes, this key does not.
    for n in 0..200 {
        one.make(&n.to_string());
    }
    one.keys.switch(stays, false).unwrap();
    two.keys.sync().unwrap();
    assert_eq!(other.over(), None);
    one.keys.revoke(stays).unwrap();
    two.keys.sync().unwrap();
    assert_eq!(other.over(), Some(EndCause::Revoked));
}

#[test]
fn gateways_that_make_keys_at_the_same_time_lose_none() {
    let fixture = Fixture::new();
    let gateways: Vec<_> = (0..4).map(|_| fixture.gateway()).collect();
    let made: Vec<ApiKeyId> = std::thread::scope(|scope| {
        let make = |gateway: &'_ Gateway| {
            let ids: Vec<_> = (0..50).map(|n| gateway.make(&n.to_string())).collect();
            ids.iter().step_by(2).for_each(|id| drop(gateway.keys.revoke(*id).unwrap()));
            ids
        };
        let making: Vec<_> = gateways.iter().map(|it| scope.spawn(move || make(it))).collect();
        making.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for gateway in gateways.into_iter().chain([fixture.gateway()]) {
        gateway.keys.sync().unwrap();
        assert_eq!(gateway.keys.list().len(), 200);
        for (n, id) in made.iter().enumerate() {
            let revoked = gateway.remembers(*id) == Some(KeyState::Revoked);
            assert_eq!(revoked, n % 2 == 0, "key {n}");
        }
    }
}

#[test]
fn a_revocation_stands_whoever_switches_the_key_on_in_the_same_moment() {
    explore(60, || {
        let fixture = Fixture::new();
        let open = |seed| fixture.open_with(Arc::new(SeededEntropy::new(seed))).unwrap();
        let (one, two) = (Arc::new(open(1)), Arc::new(open(2)));
        let id = one.make("ci");
        two.keys.switch(id, true).unwrap();
        let on = {
            let two = Arc::clone(&two);
            shuttle::thread::spawn(move || two.keys.switch(id, false).map(drop))
        };
        let looks = {
            let (one, two) = (Arc::clone(&one), Arc::clone(&two));
            shuttle::thread::spawn(move || [one, two].iter().for_each(|it| it.keys.sync().unwrap()))
        };
        one.keys.revoke(id).unwrap();
        assert_eq!(one.remembers(id), Some(KeyState::Revoked), "from its end on, at once");
        let on = on.join().unwrap();
        assert!(on.is_ok() || matches!(on, Err(ApiKeyFault::Revoked(_))));
        looks.join().unwrap();
        assert_eq!(one.remembers(id), Some(KeyState::Revoked));
        assert_eq!(two.state(id), Some(KeyState::Revoked));
    });
}

#[test]
fn a_torn_file_is_named_and_stays_as_it_is_and_memory_goes_on() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.gateway(), fixture.gateway());
    let (good, ends) = (one.make("good"), one.make("ends"));
    two.keys.sync().unwrap();
    let whole: Vec<_> = [good, ends].map(|id| fs::read(fixture.file_of(id)).unwrap()).into();
    let torn = |id, text: &[u8]| fs::write(fixture.file_of(id), &text[..text.len() / 2]).unwrap();
    torn(good, &whole[0]);
    torn(ends, &whole[1]);
    let before = fs::read(fixture.file_of(ends)).unwrap();
    let fault = two.keys.sync().unwrap_err().to_string();
    assert!(fault.contains("part-") && fault.contains("put a copy of it back"), "{fault}");
    assert_eq!(two.remembers(good), Some(KeyState::Active), "what memory has goes on");
    assert!(matches!(two.keys.revoke(ends), Err(ApiKeyFault::Damaged { .. })));
    assert_eq!(two.remembers(ends), Some(KeyState::Revoked), "and ends at once all the same");
    assert!(two.keys.flush().is_ok() && two.keys.sync().is_err());
    assert_eq!(fs::read(fixture.file_of(ends)).unwrap(), before, "nothing is written over it");
    assert!(fixture.try_open().is_err(), "and nobody starts with half of the keys");

    fs::write(fixture.file_of(good), &whole[0]).unwrap();
    fs::write(fixture.file_of(ends), &whole[1]).unwrap();
    assert_eq!(two.state(good), Some(KeyState::Active));
    assert_eq!(one.state(ends), Some(KeyState::Revoked), "the copy hears of what it missed");
    assert_eq!(fixture.gateway().remembers(ends), Some(KeyState::Revoked));
}

#[test]
fn a_file_that_is_gone_is_not_an_empty_one() {
    let fixture = Fixture::new();
    let one = fixture.gateway();
    let id = one.make("ci");
    let away = fixture.folder.join("away");
    // As when a share is not mounted any more.
    fs::rename(fixture.shared(), &away).unwrap();
    for step in [
        one.keys.sync().unwrap_err(),
        one.keys.create(new("new")).unwrap_err(),
        one.keys.revoke(id).unwrap_err(),
    ] {
        assert!(matches!(step, ApiKeyFault::Gone { .. }), "{step}");
    }
    assert!(!fixture.shared().exists(), "nothing is made where the share should be");
    assert_eq!(one.remembers(id), Some(KeyState::Revoked));
    fs::rename(&away, fixture.shared()).unwrap();
    assert_eq!(one.state(id), Some(KeyState::Revoked));
    assert_eq!(fixture.gateway().remembers(id), Some(KeyState::Revoked), "and is written");
    fs::remove_file(fixture.file_of(id)).unwrap();
    assert!(matches!(one.keys.sync(), Err(ApiKeyFault::Gone { .. })));
    assert_eq!(one.remembers(id), Some(KeyState::Revoked));
    let same = (0..500).map(|_| one.keys.create(new("x"))).find_map(Result::err);
    assert!(matches!(same, Some(ApiKeyFault::Gone { .. })), "nor is it made anew");
}

#[test]
fn an_old_copy_brings_no_revoked_key_back() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.gateway(), fixture.gateway());
    let id = one.make("ci");
    let old = fs::read(fixture.file_of(id)).unwrap();
    one.keys.revoke(id).unwrap();
    assert_eq!(two.state(id), Some(KeyState::Revoked));
    let copy = fixture.folder.join("copy");
    fs::write(&copy, old).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(copy, fixture.file_of(id)).unwrap();
    assert_eq!(two.state(id), Some(KeyState::Revoked));
    assert_eq!(fixture.gateway().remembers(id), Some(KeyState::Revoked), "the file has it again");
}

#[test]
fn files_hold_no_secret_and_nobody_else_reads_them() {
    let fixture = Fixture::new();
    let one = fixture.gateway();
    let (made, text) = one.keys.create(new("ci")).unwrap();
    one.keys.find(made.id).unwrap().touch(one.keys.now());
    one.keys.flush().unwrap();
    let secret = text.expose().get(17..60).unwrap();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fixture.shared()), 0o700);
    assert!(fixture.files().len() >= 3);
    for file in fixture.files() {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert!(!fs::read_to_string(&file).unwrap().contains(secret));
    }
    fs::set_permissions(fixture.file_of(made.id), fs::Permissions::from_mode(0o644)).unwrap();
    let fault = fixture.try_open().err().unwrap().to_string();
    assert!(fault.contains("chmod 600"), "{fault}");
}

#[test]
fn gateways_do_not_erase_each_others_uses_and_write_only_where_there_are_any() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.gateway(), fixture.gateway());
    let (early, late) = (one.make("early"), one.make("late"));
    two.keys.sync().unwrap();
    let touch = |gateway: &Gateway, id| gateway.keys.find(id).unwrap().touch(gateway.keys.now());
    fixture.clock.advance(Duration::from_secs(60));
    touch(&one, early);
    touch(&one, late);
    fixture.clock.advance(Duration::from_secs(60));
    touch(&two, late);
    two.keys.flush().unwrap();
    one.keys.flush().unwrap();
    let used = |gateway: &Gateway| {
        gateway.keys.sync().unwrap();
        [early, late].map(|id| gateway.keys.one(id).unwrap().used)
    };
    let both = [Some(Timestamp::from_secs(1_060)), Some(Timestamp::from_secs(1_120))];
    assert_eq!(used(&one), both);
    assert_eq!(used(&two), both);
    assert_eq!(used(&fixture.gateway()), both);
    let file = fixture.shared().join("uses.json");
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    one.keys.flush().unwrap();
    two.keys.flush().unwrap();
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
    two.keys.revoke(late).unwrap();
    assert_eq!(used(&one), both, "a change of the key keeps it");
}

#[test]
fn a_revoked_key_is_forgotten_in_the_end_by_all() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.gateway(), fixture.gateway());
    let id = one.make("ci");
    one.keys.revoke(id).unwrap();
    assert_eq!(two.state(id), Some(KeyState::Revoked));
    fixture.clock.advance(FORGOTTEN_AFTER + Duration::from_secs(1));
    assert_eq!(fixture.gateway().remembers(id), None);
    while fs::read_to_string(fixture.file_of(id)).unwrap().contains(id.as_str()) {
        one.make("another");
    }
    assert_eq!(two.state(id), None);
    assert!(matches!(two.keys.switch(id, false), Err(ApiKeyFault::Unknown(_))), "for good");
}

#[test]
fn what_a_gateway_had_for_itself_is_taken_over_once() {
    let fixture = Fixture::new();
    let live = || Arc::new(LiveStreams::new(1));
    let own = || {
        let entropy = Arc::new(SystemEntropy);
        ApiKeys::open(&fixture.own(), live(), fixture.clock.clone(), entropy).unwrap()
    };
    let keys = own();
    let (kept, gone) = (keys.create(new("kept")).unwrap().0, keys.create(new("gone")).unwrap().0);
    fixture.clock.advance(Duration::from_secs(60));
    keys.find(kept.id).unwrap().touch(keys.now());
    keys.revoke(gone.id).unwrap();
    keys.flush().unwrap();
    drop(keys);
    let copy = fs::read(fixture.own()).unwrap();
    let one = fixture.gateway();
    let listed = one.keys.one(kept.id).unwrap();
    assert_eq!((listed.key, listed.used), (kept.clone(), Some(Timestamp::from_secs(1_060))));
    assert_eq!(one.remembers(gone.id), Some(KeyState::Revoked));
    assert!(!fixture.own().exists() && fixture.folder.join(TAKEN_OVER_API_KEYS).exists());
    one.keys.revoke(kept.id).unwrap();
    // Somebody puts the old file back.
    fs::write(fixture.own(), copy).unwrap();
    let fault = fixture.try_open().err().unwrap().to_string();
    assert!(fault.contains("taken-over") && fault.contains("move that file"), "{fault}");
    fs::remove_file(fixture.folder.join(TAKEN_OVER_API_KEYS)).unwrap();
    assert_eq!(fixture.gateway().remembers(kept.id), Some(KeyState::Revoked));
}
