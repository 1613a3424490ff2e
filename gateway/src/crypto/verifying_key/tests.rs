use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
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
            ("kid", json!("k".repeat(257)), KeyFault::Malformed),
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
        ("e", encoded(&[3])),
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

#[test]
fn each_algorithm_verifies_its_own_signatures_and_no_others() {
    let random = SystemRandom::new();
    let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let (n, e) = (rsa.public_key().modulus(), rsa.public_key().exponent());
    let jwk = json!({"kty": "RSA", "n": encoded(n.big_endian_without_leading_zero()),
        "e": encoded(e.big_endian_without_leading_zero())});
    let rsa_key = judge(&jwk).unwrap();
    let kinds: [(VerifyAlgorithm, &'static dyn RsaEncoding); 6] = [
        (VerifyAlgorithm::Rs256, &RSA_PKCS1_SHA256),
        (VerifyAlgorithm::Rs384, &RSA_PKCS1_SHA384),
        (VerifyAlgorithm::Rs512, &RSA_PKCS1_SHA512),
        (VerifyAlgorithm::Ps256, &RSA_PSS_SHA256),
        (VerifyAlgorithm::Ps384, &RSA_PSS_SHA384),
        (VerifyAlgorithm::Ps512, &RSA_PSS_SHA512),
    ];
    for (algorithm, encoding) in kinds {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(encoding, &random, b"text", &mut signature).unwrap();
        for other in VerifyAlgorithm::ALL {
            let verified = rsa_key.verifies(other, b"text", &signature);
            assert_eq!(verified, other == algorithm, "{algorithm:?} as {other:?}");
        }
        assert!(!rsa_key.verifies(algorithm, b"test", &signature));
    }
    for (algorithm, crv, kind, size) in [
        (VerifyAlgorithm::Es256, "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING, 32),
        (VerifyAlgorithm::Es384, "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING, 48),
    ] {
        let pair = EcdsaKeyPair::generate(kind).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(size);
        let jwk = json!({"kty": "EC", "crv": crv, "x": encoded(x), "y": encoded(y)});
        let key = judge(&jwk).unwrap();
        let signature = pair.sign(&random, b"text").unwrap();
        assert!(key.verifies(algorithm, b"text", signature.as_ref()));
        assert!(!key.verifies(algorithm, b"test", signature.as_ref()));
        assert!(!key.verifies(algorithm, b"text", &vec![0; 2 * size]));
    }
}
#[test]
fn ed25519_may_be_called_by_its_own_name() {
    let key = judge(&with(good(Algorithm::EdDsa), "alg", json!("Ed25519"))).unwrap();
    assert!(key.permits(VerifyAlgorithm::EdDsa));
    assert!(judge(&with(good(Algorithm::Es256), "alg", json!("Ed25519"))).is_err());
}
