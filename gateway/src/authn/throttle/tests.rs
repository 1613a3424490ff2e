use std::path::PathBuf;

use super::*;
use crate::base::{Entropy, ManualClock, SystemEntropy};

struct Fixture {
    file: PathBuf,
    clock: Arc<ManualClock>,
    throttle: Option<Throttle>,
}

const THREE: Allowance = Allowance { tries: 3, within: Duration::from_secs(300) };

impl Fixture {
    fn new() -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let file = std::env::temp_dir().join(format!("tries-{}.redb", entropy.token::<9>()));
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let throttle = Some(Throttle::open(&file, clock.clone()).unwrap());
        Self { file, clock, throttle }
    }

    fn take(&self, name: &str) -> Result<(), Duration> {
        match self.throttle.as_ref().unwrap().take(&[(Counted::account(name), THREE)]) {
            Ok(()) => Ok(()),
            Err(Held::TooMany(wait)) => Err(wait),
            Err(Held::Broken(cause)) => panic!("{cause}"),
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

#[test]
fn tries_are_used_up_and_grow_back_one_by_one() {
    let fixture = Fixture::new();
    for _ in 0..3 {
        assert_eq!(fixture.take("ann"), Ok(()));
    }
    for _ in 0..1_000 {
        assert_eq!(fixture.take("ann"), Err(Duration::from_secs(100)));
    }
    assert_eq!(fixture.take("bob"), Ok(()), "somebody else has tries of their own");
    fixture.clock.advance(Duration::from_secs(99));
    assert_eq!(fixture.take("ann"), Err(Duration::from_secs(1)));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.take("ann"), Ok(()));
    assert!(fixture.take("ann").is_err());
    fixture.clock.advance(Duration::from_secs(3_000));
    for _ in 0..3 {
        assert_eq!(fixture.take("ann"), Ok(()), "no more than three, however long ago");
    }
    assert!(fixture.take("ann").is_err());
}

#[test]
fn a_restart_gives_no_tries() {
    let mut fixture = Fixture::new();
    for _ in 0..3 {
        assert_eq!(fixture.take("ann"), Ok(()));
    }
    fixture.throttle = None;
    fixture.throttle = Some(Throttle::open(&fixture.file, fixture.clock.clone()).unwrap());
    assert!(fixture.take("ann").is_err());
}

#[test]
fn a_refused_try_is_taken_from_nobody() {
    let fixture = Fixture::new();
    let throttle = fixture.throttle.as_ref().unwrap();
    let (ann, bob) = (Counted::account("ann"), Counted::account("bob"));
    for _ in 0..3 {
        throttle.take(&[(ann, THREE)]).unwrap();
    }
    for _ in 0..10 {
        assert!(throttle.take(&[(bob, THREE), (ann, THREE)]).is_err());
    }
    for _ in 0..3 {
        assert_eq!(fixture.take("bob"), Ok(()));
    }
}

#[test]
fn tries_are_given_back_and_forgotten() {
    let fixture = Fixture::new();
    let throttle = fixture.throttle.as_ref().unwrap();
    for _ in 0..50 {
        assert_eq!(fixture.take("ann"), Ok(()));
        throttle.give_back(&[(Counted::account("ann"), THREE)]).unwrap();
    }
    for _ in 0..3 {
        assert_eq!(fixture.take("ann"), Ok(()));
    }
    throttle.forget(Counted::account("ann")).unwrap();
    assert_eq!(fixture.take("ann"), Ok(()));
}

#[test]
fn counters_that_say_nothing_any_more_are_thrown_away() {
    use redb::ReadableDatabase as _;
    let fixture = Fixture::new();
    for number in 0..100 {
        assert_eq!(fixture.take(&format!("stranger{number}")), Ok(()));
    }
    fixture.clock.advance(Duration::from_secs(101));
    assert_eq!(fixture.take("ann"), Ok(()));
    let database = &fixture.throttle.as_ref().unwrap().database;
    let kept = database.begin_read().unwrap().open_table(TRIES).unwrap().len().unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn one_network_is_one_counter() {
    let of = |text: &str| Counted::address(text.parse().unwrap());
    assert!(of("2001:db8:1:2::1") == of("2001:db8:1:2:ffff::9"));
    assert!(of("2001:db8:1:2::1") != of("2001:db8:1:3::1"));
    assert!(of("::ffff:192.0.2.1") == of("192.0.2.1"));
    assert!(of("192.0.2.1") != of("192.0.2.2"));
    assert!(Counted::account("192.0.2.1") != of("192.0.2.1"));
}
