//! Project Wycheproof's signatures, good and bad, through the door that tokens of others come by: the key as a JSON
//! Web Key that has to be admitted, the signature by `verifies`.

use ::wycheproof::TestResult;
use ::wycheproof::{ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::base::Secret;
use crate::crypto::algorithm::VerifyAlgorithm as Alg;
use crate::crypto::verifying_key::{KeyFault, VerifyingKey};

/// What became of the vectors.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    rejected: usize,
    /// Of keys that were not admitted.
    refused: usize,
    /// One line for each that should have gone the other way.
    wrong: Vec<String>,
}

/// One signature as the vectors have it.
struct Vector<'a> {
    id: usize,
    message: &'a [u8],
    signature: &'a [u8],
    result: TestResult,
}

impl Tally {
    /// Judges the signatures by one key. What is merely acceptable we do not accept.
    fn judge<'a>(
        &mut self,
        key: &Result<VerifyingKey, KeyFault>,
        algorithm: Alg,
        vectors: impl IntoIterator<Item = Vector<'a>>,
    ) {
        for Vector { id, message, signature, result } in vectors {
            let Ok(key) = key else {
                self.refused += 1;
                continue;
            };
            let accepted = key.verifies(algorithm, message, signature);
            let count = if accepted { &mut self.accepted } else { &mut self.rejected };
            *count += 1;
            if accepted != (result == TestResult::Valid) {
                self.wrong.push(format!("{algorithm:?} {id}: {result:?}, accepted: {accepted}"));
            }
        }
    }

    /// (accepted, rejected, of keys not admitted), all as they should be.
    fn counts(self, what: &str) -> (usize, usize, usize) {
        assert!(self.wrong.is_empty(), "{what}:\n{}", self.wrong.join("\n"));
        println!("{what}: {self:?}");
        (self.accepted, self.rejected, self.refused)
    }
}

fn text(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

fn admit(jwk: &Value) -> Result<VerifyingKey, KeyFault> {
    VerifyingKey::admit(jwk.to_string().as_bytes())
}

/// The number in its one spelling: the vectors write a zero before a high first bit.
fn number(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

fn rsa(n: &[u8], e: &[u8]) -> Result<VerifyingKey, KeyFault> {
    admit(&json!({ "kty": "RSA", "n": text(number(n)), "e": text(number(e)) }))
}

macro_rules! vectors {
    ($group:expr) => {
        $group.tests.iter().map(|test| Vector {
            id: test.tc_id,
            message: &test.msg,
            signature: &test.sig,
            result: test.result,
        })
    };
}

#[test]
fn ecdsa_in_the_form_of_jose() {
    use ecdsa::TestName::{EcdsaSecp256r1Sha256P1363, EcdsaSecp384r1Sha384P1363};
    let cases = [
        (EcdsaSecp256r1Sha256P1363, Alg::Es256, "P-256", 32),
        (EcdsaSecp384r1Sha384P1363, Alg::Es384, "P-384", 48),
    ];
    let mut tally = Tally::default();
    for (name, algorithm, curve, size) in cases {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let (x, y) = group.key.key[1..].split_at(size);
            let key = admit(&json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) }));
            key.as_ref().expect("an odd key is a key");
            tally.judge(&key, algorithm, vectors!(group));
        }
    }
    assert_eq!(tally.counts("ECDSA"), (366, 176, 0));
}

#[test]
fn ed25519() {
    let mut tally = Tally::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = admit(&json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&group.key.pk) }));
        tally.judge(&key, Alg::EdDsa, vectors!(group));
    }
    assert_eq!(tally.counts("Ed25519"), (88, 63, 0));
}

#[test]
fn rsa_with_padding_of_pkcs1() {
    use rsa_pkcs1_verify::TestName as Name;
    let cases = [
        (Name::Rsa2048Sha256, Alg::Rs256),
        (Name::Rsa2048Sha384, Alg::Rs384),
        (Name::Rsa2048Sha512, Alg::Rs512),
        (Name::Rsa3072Sha256, Alg::Rs256),
        (Name::Rsa3072Sha384, Alg::Rs384),
        (Name::Rsa3072Sha512, Alg::Rs512),
        (Name::Rsa4096Sha256, Alg::Rs256),
        (Name::Rsa4096Sha384, Alg::Rs384),
        (Name::Rsa4096Sha512, Alg::Rs512),
        (Name::Rsa8192Sha256, Alg::Rs256),
    ];
    let mut tally = Tally::default();
    for (name, algorithm) in cases {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            tally.judge(&rsa(&group.key.n, &group.key.e), algorithm, vectors!(group));
        }
    }
    assert_eq!(
        tally.counts("RSA, PKCS #1 v1.5"),
        (70, 2513, 5),
        "the five are of a key with e = 3"
    );
}

#[test]
fn rsa_with_padding_of_pss() {
    use rsa_pss_verify::TestName as Name;
    // Salts are as long as the hash, and the mask is made with the same hash (RFC 7518 section 3.5).
    let cases = [
        (Name::RsaPss2048Sha256Mgf1SaltLen32, Alg::Ps256),
        (Name::RsaPss2048Sha384Mgf1SaltLen48, Alg::Ps384),
        (Name::RsaPss3072Sha256Mgf1SaltLen32, Alg::Ps256),
        (Name::RsaPss4096Sha256Mgf1SaltLen32, Alg::Ps256),
        (Name::RsaPss4096Sha384Mgf1SaltLen48, Alg::Ps384),
        (Name::RsaPss4096Sha512Mgf1SaltLen64, Alg::Ps512),
    ];
    let mut tally = Tally::default();
    for (name, algorithm) in cases {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            tally.judge(&rsa(&group.key.n, &group.key.e), algorithm, vectors!(group));
        }
    }
    assert_eq!(tally.counts("RSA, PSS"), (511, 274, 0));
}

/// With parameters that no algorithm of JOSE has, also a good signature is none.
#[test]
fn rsa_with_another_salt_or_mask() {
    use rsa_pss_verify::TestName as Name;
    let cases = [
        (Name::RsaPss2048Sha256Mgf1SaltLen0, Alg::Ps256),
        (Name::RsaPss2048Sha256Mgf1Sha1_20, Alg::Ps256),
        (Name::RsaPss4096Sha512Mgf1SaltLen32, Alg::Ps512),
    ];
    for (name, algorithm) in cases {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = rsa(&group.key.n, &group.key.e).unwrap();
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                assert!(!key.verifies(algorithm, &test.msg, &test.sig), "{name:?} {}", test.tc_id);
            }
        }
    }
}

#[test]
fn hmac() {
    use mac::TestName as Name;
    let cases = [
        (Name::HmacSha256, Alg::Hs256),
        (Name::HmacSha384, Alg::Hs384),
        (Name::HmacSha512, Alg::Hs512),
    ];
    let mut tally = Tally::default();
    for (name, algorithm) in cases {
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let key = VerifyingKey::shared(&Secret::new(test.key.to_vec()));
                let key =
                    key.and_then(|key| key.permits(algorithm).then_some(key).ok_or(KeyFault::Weak));
                // A tag that was cut short is no signature of JOSE's.
                let whole = test.tag.len() * 8 == bits(algorithm);
                let result = if whole { test.result } else { TestResult::Invalid };
                let (message, signature) = (&test.msg[..], &test.tag[..]);
                tally.judge(
                    &key,
                    algorithm,
                    [Vector { id: test.tc_id, message, signature, result }],
                );
            }
        }
    }
    assert_eq!(tally.counts("HMAC"), (90, 414, 18), "the eighteen are of keys that are too short");
}

fn bits(algorithm: Alg) -> usize {
    match algorithm {
        Alg::Hs256 => 256,
        Alg::Hs384 => 384,
        _ => 512,
    }
}
