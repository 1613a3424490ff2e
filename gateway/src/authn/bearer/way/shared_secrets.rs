//! Issuers that sign with a secret, alone and beside issuers that have public keys.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::authn::bearer::fake::{Fake, ISSUER, NOW, accepted, present, rejected};
use crate::authn::bearer::{IssuerSettings, SharedSecret, TokenSource};
use crate::base::Secret;
use crate::crypto::{Algorithm, VerifyAlgorithm};

const HOME: &str = "https://home.test";

/// A token that an application's own library makes of a secret, whatever its length.
fn hs(secret: &[u8], alg: &str, change: &Value) -> String {
    let kind = match alg {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let mut claims = Fake::claims(&json!({ "iss": HOME }));
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let header = json!({ "alg": alg, "typ": "JWT", "kid": "any" }).to_string();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(&header), encode(&claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(kind, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

fn source(secret: &[u8], algorithms: &[VerifyAlgorithm]) -> TokenSource {
    TokenSource::Shared(SharedSecret::new(&Secret::new(secret.to_vec()), algorithms).unwrap())
}

/// An issuer with this secret, as `fake` would have it.
fn home(fake: &Fake, secret: &[u8], algorithms: &[VerifyAlgorithm]) -> Arc<Issuer> {
    let mut settings = IssuerSettings::new("home".into(), HOME, "api");
    settings.algorithms = algorithms.to_vec();
    let clock = Arc::clone(&fake.clock);
    Arc::new(Issuer::new(settings, source(secret, algorithms), clock))
}

#[tokio::test]
async fn tokens_by_a_secret_of_full_length_are_taken() {
    let fake = Fake::new();
    let secret = [7; 64];
    let issuer = home(&fake, &secret, &VerifyAlgorithm::SHARED);
    let way = Bearer::new([issuer], &[]);
    for alg in ["HS256", "HS384", "HS512"] {
        let token = hs(&secret, alg, &json!({}));
        for _ in 0..2 {
            let who = accepted(present(&way, &token).await);
            assert_eq!(who.principal().issuer, HOME);
        }
        for bad in [&[7; 63][..], &[8; 64], b""] {
            let forged = hs(bad, alg, &json!({}));
            assert_eq!(rejected(present(&way, &forged).await), RejectReason::Signature, "{alg}");
        }
        let late = hs(&secret, alg, &json!({ "exp": NOW - 31 }));
        assert_eq!(rejected(present(&way, &late).await), RejectReason::Expired);
        let (signed, tag) = token.rsplit_once('.').unwrap();
        for cut in ["", tag.split_at(20).0, tag.split_at(42).0] {
            let short = format!("{signed}.{cut}");
            assert!(matches!(present(&way, &short).await, Outcome::Reject(_)), "{cut}");
        }
    }
    assert!(!format!("{way:?}").contains("7, 7"), "a secret is never shown");
}

/// RFC 7518 section 3.2, RFC 8725 section 3.5.
#[test]
fn a_secret_shorter_than_the_hash_is_refused() {
    use VerifyAlgorithm::{Es256, Hs256, Hs384, Hs512, Rs256};
    let take = |bytes, algorithms: &[_]| {
        SharedSecret::new(&Secret::new(vec![7; bytes]), algorithms).is_ok()
    };
    for (algorithm, bytes) in [(Hs256, 32), (Hs384, 48), (Hs512, 64)] {
        assert!(take(bytes, &[algorithm]));
        assert!(!take(bytes - 1, &[algorithm]));
    }
    assert!(!take(0, &[Hs256]));
    assert!(!take(64, &[Hs256, Rs256]), "never beside public keys");
    assert!(!take(64, &[Es256]));
}

/// CVE-2017-11424 and its kin, where HMAC is spoken by another issuer of the same route.
#[tokio::test]
async fn a_secret_and_a_public_key_never_stand_in_for_each_other() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let fake = Fake::with(algorithm, |_| {});
        let secret = [7; 64];
        let shared = home(&fake, &secret, &[VerifyAlgorithm::Hs256]);
        let way = Bearer::new([Arc::clone(&fake.issuer), shared], &[]);
        accepted(present(&way, &fake.token(&json!({}))).await);
        accepted(present(&way, &hs(&secret, "HS256", &json!({}))).await);
        let jwk = serde_json::to_value(fake.key.public_jwk().unwrap()).unwrap();
        let bare = jwk.get("n").or_else(|| jwk.get("x")).unwrap().as_str().unwrap();
        let spellings = [
            jwk.to_string().into_bytes(),
            bare.as_bytes().to_vec(),
            URL_SAFE_NO_PAD.decode(bare).unwrap(),
            secret.to_vec(),
        ];
        for key in spellings {
            for alg in ["HS256", "HS384", "HS512"] {
                let forged = hs(&key, alg, &json!({ "iss": ISSUER }));
                let reason = rejected(present(&way, &forged).await);
                assert_eq!(reason, RejectReason::Algorithm, "the issuer with public keys");
            }
        }
        // Signed by the one, in the name of the other.
        let stolen = fake.token(&json!({ "iss": HOME }));
        assert_eq!(rejected(present(&way, &stolen).await), RejectReason::Algorithm);
        // A secret that fits HS384 too is not good for what is not listed.
        let other = hs(&secret, "HS384", &json!({}));
        assert_eq!(rejected(present(&way, &other).await), RejectReason::Algorithm);
    }
}

/// CVE-2021-21378, CVE-2025-64527: what is no good is not nobody.
#[tokio::test]
async fn a_token_of_nobody_known_is_refused_where_nobody_needs_one() {
    use crate::authn::{Anonymous, Chain, ChainFault};
    use crate::identity::WayIn;
    let fake = Fake::new();
    let shared = home(&fake, &[7; 32], &[VerifyAlgorithm::Hs256]);
    let bearer = Bearer::new([Arc::clone(&fake.issuer), shared], &[]);
    let chain =
        Chain::new([Arc::new(bearer) as Arc<dyn Authenticator>, Arc::new(Anonymous::default())]);
    let of = async |token: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let request = Request::sample(&headers);
        chain.authenticate(&request).await
    };
    for token in [
        fake.token(&json!({ "iss": "https://evil.test" })),
        hs(&[7; 32], "HS256", &json!({ "iss": "https://evil.test" })),
        hs(&[8; 32], "HS256", &json!({})),
        "x".to_owned(),
    ] {
        let answer = of(&token).await;
        assert!(matches!(answer, Err(ChainFault::Reject(WayIn::Bearer, _))), "{answer:?}");
    }
    assert!(of(&fake.token(&json!({}))).await.unwrap().is_some());
}
