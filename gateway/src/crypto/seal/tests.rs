use proptest::prelude::*;

use super::*;
use crate::base::{SeededEntropy, SystemEntropy};

fn sealer() -> Sealer {
    let entropy = Arc::new(SystemEntropy);
    Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), entropy)
}

#[test]
fn what_was_sealed_opens() {
    let sealer = sealer();
    let sealed = sealer.seal("session", b"key", b"plain");
    assert_eq!(sealed.len(), HEADER_LEN + b"plain".len() + AES_256_GCM.tag_len());
    assert_eq!(sealer.open("session", b"key", &sealed).unwrap(), b"plain");
    assert_eq!(sealer.open("x", b"", &sealer.seal("x", b"", b"")).unwrap(), b"");
    assert_ne!(sealed, sealer.seal("session", b"key", b"plain"), "no two messages look alike");
}

#[test]
fn every_flipped_bit_is_refused() {
    let sealer = sealer();
    let sealed = sealer.seal("session", b"key", b"a record of a person");
    for bit in 0..sealed.len() * 8 {
        let mut forged = sealed.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(sealer.open("session", b"key", &forged), None, "bit {bit}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let sealer = sealer();
    let sealed = sealer.seal("session", b"key", b"plain");
    for length in 0..sealed.len() {
        assert_eq!(sealer.open("session", b"key", &sealed[..length]), None, "{length}");
    }
}

#[test]
fn one_purpose_never_opens_another() {
    let sealer = sealer();
    let purposes = ["session", "session-tokens", "login-state", "signed-url", ""];
    for sealed_for in purposes {
        let sealed = sealer.seal(sealed_for, b"context", b"plain");
        for opened_for in purposes {
            let opened = sealer.open(opened_for, b"context", &sealed);
            assert_eq!(opened.is_some(), sealed_for == opened_for, "{sealed_for} as {opened_for}");
        }
    }
}

#[test]
fn a_ring_of_other_keys_opens_nothing() {
    let sealed = sealer().seal("session", b"", b"plain");
    assert_eq!(sealer().open("session", b"", &sealed), None);
}

#[test]
fn a_retired_key_opens_until_it_leaves_the_ring() {
    let entropy = Arc::new(SeededEntropy::new(3));
    let keys = Arc::new(SealingKeys::in_memory(&*entropy));
    let sealer = Sealer::new(Arc::clone(&keys), Arc::clone(&entropy) as Arc<dyn Entropy>);
    let sealed = sealer.seal("session", b"", b"plain");
    for _ in 0..7 {
        keys.rotate(&*entropy).unwrap();
        assert!(sealer.open("session", b"", &sealed).is_some());
        assert_ne!(sealer.seal("session", b"", b"plain")[1..9], sealed[1..9], "a new key seals");
    }
    keys.rotate(&*entropy).unwrap();
    assert_eq!(sealer.open("session", b"", &sealed), None);
}

#[test]
fn debug_shows_no_key() {
    let entropy = SeededEntropy::new(1);
    let keys = SealingKeys::in_memory(&entropy);
    let secret = format!("{:?}", keys.active().secret().expose());
    let shown = format!("{:?}", Sealer::new(Arc::new(keys), Arc::new(entropy)));
    assert!(!shown.contains(&secret) && shown.contains("keys: 1"), "{shown}");
}

proptest! {
    #[test]
    fn no_byte_moves_between_purpose_and_context(text in "[a-z]{1,12}", cut in 0usize..12, other in 0usize..12) {
        let (cut, other) = (cut.min(text.len()), other.min(text.len()));
        let sealer = sealer();
        let sealed = sealer.seal(text.split_at(cut).0, text.split_at(cut).1.as_bytes(), b"plain");
        let opened = sealer.open(text.split_at(other).0, text.split_at(other).1.as_bytes(), &sealed);
        prop_assert_eq!(opened.is_some(), cut == other);
    }

    #[test]
    fn any_bytes_survive(plain: Vec<u8>, context: Vec<u8>) {
        let sealer = sealer();
        let sealed = sealer.seal("p", &context, &plain);
        prop_assert_eq!(sealer.open("p", &context, &sealed), Some(plain));
    }

    #[test]
    fn garbage_is_refused(garbage: Vec<u8>) {
        prop_assert_eq!(sealer().open("p", b"", &garbage), None);
    }
}
