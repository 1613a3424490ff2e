use serde_json::json;

use super::*;
use crate::crypto::algorithm::Algorithm;
use crate::crypto::signing_key::SigningKey;

fn good(algorithm: Algorithm) -> Value {
    let (key, _) = SigningKey::generate(algorithm).unwrap();
    serde_json::to_value(key.public_jwk().unwrap()).unwrap()
}

fn judge(key: &Value) -> Result<VerifyingKey, KeyFault> {
    VerifyingKey::admit(key.to_string().as_bytes())
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

fn encoded(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

#[test]
fn a_key_for_another_purpose_is_refused() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let key = good(algorithm);
        judge(&key).unwrap();
        judge(&with(key.clone(), "key_ops", json!(["verify"]))).unwrap();
        for (name, value, fault) in [
            ("use", json!("enc"), KeyFault::Purpose),
            ("use", json!(["sig"]), KeyFault::Malformed),
            ("key_ops", json!(["sign"]), KeyFault::Purpose),
            ("key_ops", json!([]), KeyFault::Purpose),
            ("key_ops", json!("verify"), KeyFault::Malformed),
            ("d", json!("AAAA"), KeyFault::Private),
            ("k", json!("AAAA"), KeyFault::Private),
            ("alg", json!("HS256"), KeyFault::Algorithm),
            ("alg", json!("none"), KeyFault::Algorithm),
            ("alg", json!("ES384"), KeyFault::Algorithm),
            ("kty", json!("oct"), KeyFault::Private),
            ("kty", json!("rsa"), KeyFault::Unsupported),
            ("kid", json!("k".repeat(513)), KeyFault::Malformed),
        ] {
            let judged = judge(&with(key.clone(), name, value.clone()));
            assert_eq!(judged.unwrap_err(), fault, "{name} {value}");
        }
    }
}

#[test]
fn a_weak_rsa_key_is_refused() {
    let key = good(Algorithm::Rs256);
    let n = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    for (name, value) in [
        ("e", encoded(&[1])),
        ("e", encoded(&[])),
        ("e", encoded(&[2])),
        ("e", encoded(&[0, 1, 0, 1])),
        ("e", encoded(&[1, 0, 0, 0, 1])),
        ("n", encoded(&n[..255])),
        ("n", encoded(&n[..128])),
        ("n", encoded(&[])),
        ("n", encoded(&[&[0], n.as_slice()].concat())),
        ("n", encoded(&even)),
        ("n", encoded(&[vec![0xff; 1024], vec![1]].concat())),
    ] {
        assert_eq!(judge(&with(key.clone(), name, value)).unwrap_err(), KeyFault::Weak, "{name}");
    }
    let padded = format!("{}=", key["n"].as_str().unwrap());
    assert_eq!(judge(&with(key, "n", padded.into())).unwrap_err(), KeyFault::Malformed);
}

#[test]
fn a_point_off_its_curve_is_refused() {
    let key = good(Algorithm::Es256);
    let mut x = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    x[31] ^= 1;
    for (name, value) in [
        ("x", encoded(&x)),
        ("x", encoded(&[0; 32])),
        ("x", encoded(&x[1..])),
        ("y", encoded(&[0xff; 32])),
        ("y", encoded(&[1; 33])),
    ] {
        assert_eq!(judge(&with(key.clone(), name, value)).unwrap_err(), KeyFault::Weak, "{name}");
    }
    for curve in ["P-384", "P-521", "secp256k1", "Ed25519"] {
        assert!(judge(&with(key.clone(), "crv", curve.into())).is_err(), "{curve}");
    }
}

#[test]
fn an_ed25519_key_of_small_order_is_refused() {
    let key = good(Algorithm::EdDsa);
    let (mut one, mut minus_one, mut order_four) = ([0; 32], [0xff; 32], [0; 32]);
    one[0] = 1;
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    order_four[31] = 0x80;
    for x in [one, minus_one, order_four, [0; 32], [0xff; 32]] {
        let judged = judge(&with(key.clone(), "x", encoded(&x)));
        assert_eq!(judged.unwrap_err(), KeyFault::Weak, "{x:?}");
    }
    assert_eq!(judge(&with(key, "x", encoded(&[7; 31]))).unwrap_err(), KeyFault::Weak);
}

#[test]
fn an_rsa_key_that_names_its_algorithm_verifies_no_other() {
    let mut key = good(Algorithm::Rs256);
    assert!(!judge(&key).unwrap().permits(VerifyAlgorithm::Ps256));
    key.as_object_mut().unwrap().remove("alg");
    let free = judge(&key).unwrap();
    assert!(free.permits(VerifyAlgorithm::Ps256) && free.permits(VerifyAlgorithm::Rs512));
    assert!(!free.permits(VerifyAlgorithm::Es256) && !free.permits(VerifyAlgorithm::EdDsa));
}

#[test]
fn a_set_leaves_out_what_it_cannot_use_and_refuses_two_of_one_name() {
    let (one, two) = (good(Algorithm::EdDsa), good(Algorithm::Es256));
    let encryption = with(one.clone(), "use", json!("enc"));
    let set = json!({ "keys": [one, encryption, two, { "kty": "oct", "k": "AAAA" }] });
    let set = KeySet::admit(set.to_string().as_bytes()).unwrap();
    assert_eq!((set.len(), set.refused().len()), (2, 2));
    let kid = two["kid"].as_str();
    assert!(set.find(kid, VerifyAlgorithm::Es256).is_some());
    assert!(set.find(kid, VerifyAlgorithm::EdDsa).is_none());
    assert!(set.find(None, VerifyAlgorithm::EdDsa).is_some());
    assert!(set.find(Some("../../dev/null"), VerifyAlgorithm::EdDsa).is_none());

    let twice = json!({ "keys": [one, with(two, "kid", one["kid"].clone())] });
    let judged = KeySet::admit(twice.to_string().as_bytes());
    assert_eq!(judged.unwrap_err(), KeyFault::DuplicateKid);
}

#[test]
fn without_a_name_two_fitting_keys_are_none() {
    let (mut one, mut two) = (good(Algorithm::EdDsa), good(Algorithm::EdDsa));
    one.as_object_mut().unwrap().remove("kid");
    two.as_object_mut().unwrap().remove("kid");
    let set = KeySet::admit(json!({ "keys": [one, two] }).to_string().as_bytes()).unwrap();
    assert!(set.find(None, VerifyAlgorithm::EdDsa).is_none());
}

#[test]
fn a_set_that_is_too_big_or_no_set_is_refused() {
    let many = json!({ "keys": vec![json!({ "kty": "oct" }); 101] });
    assert_eq!(KeySet::admit(many.to_string().as_bytes()).unwrap_err(), KeyFault::TooMany);
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(KeySet::admit(text.as_bytes()).unwrap_err(), KeyFault::Malformed, "{text}");
    }
}
