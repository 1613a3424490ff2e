use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_secs(1_000_000);

fn rotation() -> Rotation {
    Rotation {
        algorithm: Algorithm::EdDsa,
        rotate_after: Duration::from_secs(1_000),
        publish_before: Duration::from_secs(100),
        overlap: Duration::from_secs(50),
        token_lifetime: Duration::from_secs(60),
    }
}

fn at(secs: u64) -> Timestamp {
    START.after(Duration::from_secs(secs))
}

fn ids(ring: &Ring) -> Vec<KeyId> {
    ring.public().keys.iter().map(|key| key.id().clone()).collect()
}

#[test]
fn a_key_is_published_then_used_then_published_a_while_longer() {
    let rotation = rotation();
    let mut ring = Ring::new(&rotation, START).unwrap();
    let first = ring.active.0.key.id().clone();
    assert!(!ring.is_due(&rotation, at(899)));
    ring.tick(&rotation, at(900)).unwrap();
    let second = ring.next.as_ref().unwrap().0.key.id().clone();
    assert_eq!(ids(&ring), [first.clone(), second.clone()]);
    ring.tick(&rotation, at(999)).unwrap();
    assert_eq!(*ring.active.0.key.id(), first);
    assert!(ring.is_due(&rotation, at(1_000)));
    ring.tick(&rotation, at(1_000)).unwrap();
    assert_eq!(ids(&ring), [second.clone(), first]);
    ring.tick(&rotation, at(1_109)).unwrap();
    assert_eq!(ids(&ring).len(), 2);
    ring.tick(&rotation, at(1_110)).unwrap();
    assert_eq!(ids(&ring), [second]);
}

#[test]
fn a_rotation_by_hand_waits_until_verifiers_have_seen_the_key() {
    let rotation = rotation();
    let mut ring = Ring::new(&rotation, START).unwrap();
    let Rotated::Scheduled(id, from) = ring.rotate(&rotation, at(10)).unwrap() else {
        panic!("used before anybody could have seen it");
    };
    assert_eq!(from, at(110));
    assert_eq!(ring.rotate(&rotation, at(50)).unwrap(), Rotated::Scheduled(id.clone(), at(110)));
    ring.tick(&rotation, at(110)).unwrap();
    assert_eq!(*ring.active.0.key.id(), id);
}

#[test]
fn another_algorithm_is_changed_to_at_once() {
    let mut ring = Ring::new(&rotation(), START).unwrap();
    let wanted = Rotation { algorithm: Algorithm::Es256, ..rotation() };
    assert!(ring.is_due(&wanted, at(1)));
    ring.tick(&wanted, at(1)).unwrap();
    ring.tick(&wanted, at(101)).unwrap();
    assert_eq!(ring.active.0.key.algorithm(), Algorithm::Es256);
}

#[test]
fn rotating_for_ever_does_not_grow_the_key_set_for_ever() {
    let rotation = Rotation { publish_before: Duration::ZERO, ..rotation() };
    let mut ring = Ring::new(&rotation, START).unwrap();
    for _ in 0..MAX_RETIRED {
        assert!(matches!(ring.rotate(&rotation, START).unwrap(), Rotated::Now(_)));
    }
    assert!(matches!(ring.rotate(&rotation, START), Err(RingFault::TooManyRetired)));
    assert_eq!(ids(&ring).len(), MAX_RETIRED + 1);
    assert!(matches!(ring.rotate(&rotation, at(110)).unwrap(), Rotated::Now(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever minted a token when, it verifies with the key set of that moment, with any that was
    /// fetched up to `publish_before` earlier, and with any until it and its overlap are over.
    #[test]
    fn every_token_verifies_with_every_key_set_a_verifier_may_hold(
        steps in prop::collection::vec((1_u64..400, any::<bool>()), 1..60)
    ) {
        let rotation = rotation();
        let mut ring = Ring::new(&rotation, START).unwrap();
        let (mut now, mut seen) = (START, Vec::new());
        for (secs, by_hand) in steps {
            // The set of this moment is served until the next one.
            seen.push((now, ids(&ring), ring.active.0.key.id().clone()));
            now = now.after(Duration::from_secs(secs));
            seen.push((now.before(Duration::from_millis(1)), ids(&ring), ring.active.0.key.id().clone()));
            if by_hand {
                // Refused or not, what was promised must hold.
                let _ = ring.rotate(&rotation, now);
            } else {
                ring.tick(&rotation, now).unwrap();
            }
        }
        let after = rotation.token_lifetime + rotation.overlap;
        for (minted, _, signer) in &seen {
            for (fetched, published, _) in &seen {
                let early = *fetched <= *minted && minted.since(*fetched) < rotation.publish_before;
                let late = *fetched >= *minted && fetched.since(*minted) < after;
                if early || late {
                    prop_assert!(published.contains(signer), "{minted:?} {fetched:?}");
                }
            }
        }
    }
}
