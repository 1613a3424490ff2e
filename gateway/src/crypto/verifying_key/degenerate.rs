//! Signatures that some library once took for good: numbers at the edges of their groups, and a second
//! spelling of a good one (CVE-2022-21449, RUSTSEC-2022-0093).

use super::*;
use crate::crypto::algorithm::Algorithm;
use crate::crypto::signing_key::SigningKey;

/// The order of P-256.
const N256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// The prime of P-256.
const P256: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
/// The order of Ed25519's group, big-endian.
const L: &str = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// A big-endian number and a small one.
fn plus(number: &[u8], more: i16) -> Vec<u8> {
    let (mut sum, mut carry) = (number.to_vec(), more);
    for digit in sum.iter_mut().rev() {
        let value = i16::from(*digit) + carry;
        *digit = value.rem_euclid(256).try_into().unwrap();
        carry = value.div_euclid(256);
    }
    sum
}

fn key(algorithm: Algorithm) -> (SigningKey, VerifyingKey) {
    let key = SigningKey::generate(algorithm).unwrap().0;
    let jwk = serde_json::to_vec(key.public_jwk().unwrap()).unwrap();
    (key, VerifyingKey::admit(&jwk).unwrap())
}

#[test]
fn numbers_at_the_edges_of_the_group_sign_nothing() {
    let (signer, verifier) = key(Algorithm::Es256);
    let good = signer.sign(b"text").unwrap().as_ref().to_vec();
    let (r, s) = good.split_at(32);
    assert!(verifier.verifies(VerifyAlgorithm::Es256, b"text", &good));
    let (n, p) = (hex(N256), hex(P256));
    let mut edges = vec![vec![0; 32], plus(&[0; 32], 1), vec![0xff; 32], p.clone(), plus(&p, 1)];
    edges.extend([-1, 0, 1].map(|more| plus(&n, more)));
    for edge in &edges {
        for other in edges.iter().map(Vec::as_slice).chain([r, s]) {
            for forged in [[edge.as_slice(), other].concat(), [other, edge.as_slice()].concat()] {
                assert!(!verifier.verifies(VerifyAlgorithm::Es256, b"text", &forged), "{forged:?}");
            }
        }
    }
}

#[test]
fn a_signature_has_one_spelling() {
    let (signer, verifier) = key(Algorithm::EdDsa);
    let good = signer.sign(b"text").unwrap().as_ref().to_vec();
    assert!(verifier.verifies(VerifyAlgorithm::EdDsa, b"text", &good));
    let (r, s) = good.split_at(32);
    // S + L is S in the group, and another text.
    let mut order = hex(L);
    order.reverse();
    let mut carry = 0;
    let moved: Vec<u8> = s
        .iter()
        .zip(&order)
        .map(|(one, other)| {
            carry += u16::from(*one) + u16::from(*other);
            let digit = carry.to_le_bytes()[0];
            carry >>= 8;
            digit
        })
        .collect();
    let identity = [&[1], [0; 31].as_slice()].concat();
    for forged in [
        [r, &moved].concat(),
        [r, &order].concat(),
        [r, &[0; 32]].concat(),
        [&identity, &[0; 32][..]].concat(),
        [&[0; 32], &[0; 32][..]].concat(),
        [&[0xff; 32], s].concat(),
        good[..63].to_vec(),
        [good.as_slice(), &[0]].concat(),
    ] {
        assert!(!verifier.verifies(VerifyAlgorithm::EdDsa, b"text", &forged), "{forged:?}");
    }
}
