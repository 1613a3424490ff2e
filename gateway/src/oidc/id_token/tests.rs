use aws_lc_rs::hmac;
use serde_json::json;
use url::Url;

use super::*;
use crate::crypto::JwsFault;
use crate::identity::StepUp;
use crate::oidc::fake::{ACCESS_TOKEN, Fake, ISSUER, NOW};

async fn fault(change: Value) -> LoginFault {
    Fake::new().login(change.clone()).await.map(|_| change).unwrap_err()
}

async fn fault_of(make: impl FnOnce(&Fake, &str) -> String) -> LoginFault {
    let fake = Fake::new();
    fake.login_by(|nonce| make(&fake, nonce)).await.unwrap_err()
}

#[tokio::test]
async fn each_wrong_claim_has_a_fault_of_its_own() {
    use LoginFault as F;
    for (change, expected) in [
        (json!({"iss": "https://evil.test"}), F::IssuerWrong("https://evil.test".to_owned())),
        (json!({"iss": "https://id.test/"}), F::IssuerWrong("https://id.test/".to_owned())),
        (json!({"iss": null}), F::ClaimMalformed("iss")),
        (json!({"aud": "other"}), F::AudienceWrong),
        (json!({"aud": ["portcullis", "other"]}), F::AudienceWrong),
        (json!({"aud": []}), F::AudienceWrong),
        (json!({"aud": ["portcullis", 1]}), F::AudienceWrong),
        (json!({"aud": null}), F::ClaimMalformed("aud")),
        (json!({"aud": {"portcullis": 1}}), F::ClaimMalformed("aud")),
        (json!({"azp": "other"}), F::AuthorizedPartyWrong),
        (json!({"nonce": "other"}), F::NonceWrong),
        (json!({"nonce": null}), F::NonceWrong),
        (json!({"nonce": 1}), F::ClaimMalformed("nonce")),
        (json!({"exp": NOW - 31}), F::Expired),
        (json!({"iat": NOW + 31}), F::IssuedInFuture),
        (json!({"iat": null}), F::ClaimMalformed("iat")),
        (json!({"nbf": NOW + 31}), F::NotYetValid),
        (json!({"auth_time": NOW + 31}), F::ClaimMalformed("auth_time")),
        (json!({"at_hash": "AAAA"}), F::AccessTokenHashWrong),
        (json!({"sub": null}), F::ClaimMalformed("sub")),
        (json!({"sub": ""}), F::ClaimMalformed("sub")),
        (json!({"sub": 7}), F::ClaimMalformed("sub")),
        (json!({"sub": "x".repeat(256)}), F::ClaimMalformed("sub")),
        (json!({"sub": "a\u{0}b"}), F::ClaimMalformed("sub")),
    ] {
        assert_eq!(fault(change.clone()).await, expected, "{change}");
    }
}

#[tokio::test]
async fn good_variations_pass() {
    for change in [
        json!({}),
        json!({"aud": ["portcullis"]}),
        json!({"aud": ["portcullis", "other"], "azp": "portcullis"}),
        json!({"exp": NOW - 29}),
        json!({"exp": (NOW + 1) as f64 + 0.5}),
        json!({"iat": NOW + 29, "nbf": NOW + 29}),
        json!({"at_hash": left_half(VerifyAlgorithm::EdDsa, ACCESS_TOKEN)}),
    ] {
        let login = Fake::new().login(change.clone()).await;
        assert!(login.is_ok(), "{change}: {login:?}");
    }
}

#[tokio::test]
async fn dates_of_odd_kinds_are_refused_or_compared_rightly() {
    for odd in ["-1", "9007199254740992", "1e300", "\"123\"", "[]", "{}", "true", "null"] {
        let fault = fault_of(|fake, nonce| {
            let claims = Fake::claims(nonce, &json!({"exp": null})).to_string();
            let claims = claims.replacen('{', &format!("{{\"exp\":{odd},"), 1);
            fake.signer.sign_as(&json!({"alg": "EdDSA", "kid": "one"}), &claims)
        });
        assert_eq!(fault.await, LoginFault::ClaimMalformed("exp"), "{odd}");
    }
    for past in [json!(0), json!(1.5), json!(1_i64 << 30)] {
        assert_eq!(fault(json!({"exp": past})).await, LoginFault::Expired);
    }
    assert_eq!(fault(json!({"exp": null})).await, LoginFault::ClaimMalformed("exp"));
    assert!(Fake::new().login(json!({"exp": 4_000_000_000_i64})).await.is_ok());
}

#[tokio::test]
async fn no_algorithm_but_ours_is_accepted_in_any_spelling() {
    for name in ["none", "None", "NONE", "nOnE", "", "HS256", "eddsa", "ES512", "dir"] {
        let fault = fault_of(|fake, nonce| {
            let claims = Fake::claims(nonce, &json!({})).to_string();
            fake.signer.sign_as(&json!({"alg": name, "kid": "one"}), &claims)
        });
        assert_eq!(fault.await, LoginFault::AlgorithmRefused(name.to_owned()));
    }
    for odd in [json!({}), json!({"alg": []}), json!({"alg": null}), json!({"alg": 1})] {
        let fault = fault_of(|fake, nonce| {
            fake.signer.sign_as(&odd, &Fake::claims(nonce, &json!({})).to_string())
        });
        assert!(matches!(fault.await, LoginFault::TokenMalformed(_)), "{odd}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let fault = fault_of(|fake, nonce| {
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let claims = Fake::claims(nonce, &json!({}));
        let header = json!({"alg": "HS256", "kid": "one"});
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, fake.signer.x().as_bytes());
        let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{tag}")
    });
    assert_eq!(fault.await, LoginFault::AlgorithmRefused("HS256".to_owned()));
}

#[tokio::test]
async fn a_header_that_brings_a_key_or_a_meaning_is_refused() {
    for name in ["b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"] {
        let fault = fault_of(|fake, nonce| {
            let mut header = json!({"alg": "EdDSA", "kid": "one"});
            header[name] = json!(["x"]);
            fake.signer.sign_as(&header, &Fake::claims(nonce, &json!({})).to_string())
        });
        assert_eq!(fault.await, LoginFault::HeaderRefused(name));
    }
    for (member, value, expected) in [
        ("typ", json!("at+jwt"), LoginFault::HeaderRefused("typ")),
        ("kid", json!(1), LoginFault::TokenMalformed(JwsFault::Header)),
        ("kid", json!("k".repeat(300)), LoginFault::TokenMalformed(JwsFault::Header)),
    ] {
        let fault = fault_of(|fake, nonce| {
            let mut header = json!({"alg": "EdDSA", "kid": "one"});
            header[member] = value.clone();
            fake.signer.sign_as(&header, &Fake::claims(nonce, &json!({})).to_string())
        });
        assert_eq!(fault.await, expected);
    }
}

#[tokio::test]
async fn a_token_in_a_strange_shape_is_refused() {
    for strange in ["", "a", "a.b", "a.b.c.d.e", "e30.e30.", "{}.{}.{}", "..."] {
        let fault = fault_of(|_, _| strange.to_owned()).await;
        assert!(matches!(fault, LoginFault::TokenMalformed(_)), "{strange}: {fault}");
    }
    let dots = fault_of(|_, _| ".".repeat(1_000_000)).await;
    assert!(matches!(dots, LoginFault::TokenMalformed(_)));
    let doubled = fault_of(|fake, nonce| {
        let claims = Fake::claims(nonce, &json!({})).to_string();
        let claims = claims.replacen('{', "{\"sub\":\"eve\",", 1);
        fake.signer.sign_as(&json!({"alg": "EdDSA", "kid": "one"}), &claims)
    });
    assert!(matches!(doubled.await, LoginFault::TokenMalformed(_)));
}

#[tokio::test]
async fn a_forgery_is_a_forgery_even_when_expired() {
    let fault = fault_of(|fake, nonce| {
        let token = fake.signer.sign(&Fake::claims(nonce, &json!({"exp": 1})));
        let other = fake.signer.sign(&json!({"iss": ISSUER}));
        let (signed, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        format!("{signed}.{signature}")
    });
    assert_eq!(fault.await, LoginFault::SignatureWrong);
}

#[tokio::test]
async fn what_was_asked_for_is_insisted_on() {
    let fake = Fake::with(|settings| {
        settings.max_age = Some(Duration::from_secs(60));
        settings.acr_values = vec!["mfa".to_owned()];
    });
    let login = |change: Value| fake.login(change);
    let good = json!({"auth_time": NOW - 80, "acr": "mfa", "amr": ["pwd", "otp"]});
    let finished = login(good).await.unwrap();
    assert_eq!(finished.auth_time, Timestamp::from_secs(NOW - 80));
    assert_eq!((finished.acr.as_deref(), finished.amr.len()), (Some("mfa"), 2));
    let too_old = login(json!({"auth_time": NOW - 91, "acr": "mfa"})).await.unwrap_err();
    assert_eq!(too_old, LoginFault::AuthenticationTooOld);
    assert_eq!(login(json!({"acr": "mfa"})).await.unwrap_err(), LoginFault::AuthenticationTooOld);
    let weak = login(json!({"auth_time": NOW, "acr": "pwd"})).await.unwrap_err();
    assert_eq!(weak, LoginFault::AcrNotMet(Some("pwd".to_owned())));
}

#[tokio::test]
async fn an_authentication_context_of_entra_is_asked_for_and_insisted_on() {
    let wanted = StepUp { authentication_context: Some("c1".to_owned()), ..StepUp::default() };
    let configured = r#"{"userinfo":{"x":null},"id_token":{"auth_time":{"essential":true}}}"#;
    let fake = Fake::with(|settings| {
        settings.authorization_params = vec![("claims".to_owned(), configured.to_owned())];
    });
    let begin = || fake.start_for(Some(&wanted));
    let asked = Url::parse(&begin().await.location).unwrap();
    let asked: Vec<_> = asked.query_pairs().filter(|(name, _)| name == "claims").collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let asked: Value = serde_json::from_str(&asked[0].1).unwrap();
    let acrs = json!({"essential": true, "value": "c1"});
    let of_token = json!({"auth_time": {"essential": true}, "acrs": acrs});
    assert_eq!(asked, json!({"userinfo": {"x": null}, "id_token": of_token}));
    for (acrs, met) in [
        (json!(["c1"]), true),
        (json!(["c2", "c1"]), true),
        (json!("c1"), true),
        (json!(null), false),
        (json!([]), false),
        (json!(["c2", "c10", "C1", "c1 "]), false),
        (json!("c1 c2"), false),
        (json!("c1,c2"), false),
        (json!([["c1"]]), false),
        (json!({"c1": true}), false),
        (json!(1), false),
    ] {
        let started = begin().await;
        let claims = Fake::claims(&started.transaction.nonce, &json!({"acr": "c1", "acrs": acrs}));
        fake.answer_token(&fake.signer.sign(&claims));
        match fake.finish("state=s&code=c", &started).await {
            Ok(login) => assert!(met && login.acrs.iter().any(|it| it == "c1"), "{acrs}"),
            Err(fault) => {
                assert_eq!(fault, LoginFault::ContextNotMet("c1".to_owned()), "{acrs}");
                assert!(!met, "{acrs}");
            }
        }
    }
    // Nobody asked: whatever is stated is remembered, and odd things are no fault.
    let unasked = Fake::new();
    assert_eq!(unasked.login(json!({"acrs": ["c3", 7]})).await.unwrap().acrs, ["c3"]);
    assert!(unasked.login(json!({"acrs": {}})).await.unwrap().acrs.is_empty());
    assert!(!unasked.start().await.location.contains("claims="));
}
