use std::sync::{Arc, Mutex};

use shuttle::thread;

use super::tests::Fixture;
use super::*;
use crate::base::schedule::{explore, point};
use crate::crypto::{KeySet, Unverified};

/// Long enough for several rotations.
const SECONDS: u64 = 24;

/// What somebody got, and when.
type Dated<T> = Mutex<Vec<(Timestamp, T)>>;

/// Two gateways share a file. Each looks at it once a second, an administrator rotates now and then, and in
/// the meantime tokens are signed and key sets fetched. A verifier keeps a set for as long as it is told.
#[test]
fn a_key_set_that_may_still_be_kept_verifies_every_token_that_lives() {
    explore(25, || {
        let fixture = Fixture::quick();
        let gateways = [(); 2].map(|()| Arc::new(fixture.open().unwrap()));
        let (tokens, sets): (Arc<Dated<String>>, Arc<Dated<KeySet>>) = Default::default();
        for second in 0..SECONDS {
            let now = fixture.clock.now();
            let mut busy = Vec::new();
            for gateway in &gateways {
                let ticking = Arc::clone(gateway);
                busy.push(thread::spawn(move || {
                    ticking.reload_if_changed().unwrap();
                    ticking.tick(now).unwrap();
                }));
                let (signing, tokens) = (Arc::clone(gateway), Arc::clone(&tokens));
                let (publishing, sets) = (Arc::clone(gateway), Arc::clone(&sets));
                busy.push(thread::spawn(move || {
                    for _ in 0..2 {
                        point();
                        tokens.lock().unwrap().push((now, signing.sign(b"{}").unwrap()));
                        point();
                        let set = KeySet::admit(&publishing.jwks().bytes).unwrap();
                        sets.lock().unwrap().push((now, set));
                    }
                }));
            }
            if second % 7 == 3 {
                let command = fixture.load();
                busy.push(thread::spawn(move || drop(command.rotate(now))));
            }
            for thread in busy {
                thread.join().unwrap();
            }
            fixture.clock.advance(std::time::Duration::from_secs(1));
        }
        let rotation = gateways[0].rotation();
        let (tokens, sets) = (tokens.lock().unwrap(), sets.lock().unwrap());
        let mut names = std::collections::HashSet::new();
        for (signed, token) in &*tokens {
            let oldest = signed.before(rotation.keep_for());
            let newest = signed.after(rotation.token_lifetime);
            let kid = Unverified::parse(token).unwrap().kid().unwrap().to_owned();
            names.insert(kid.clone());
            for (fetched, set) in sets.iter().filter(|(at, _)| (oldest..=newest).contains(at)) {
                let found = set.find(Some(&kid), crate::crypto::VerifyAlgorithm::EdDsa);
                let when = (signed.as_secs(), fetched.as_secs());
                assert!(found.is_some(), "signed and fetched at {when:?}: no {kid}");
            }
        }
        assert!(names.len() >= 3, "{names:?}");
    });
}
