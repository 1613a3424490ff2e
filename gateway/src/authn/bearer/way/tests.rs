use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::authn::bearer::fake::{
    ASKED, Fake, ISSUER, JWKS, NOW, accepted, fields, present, rejected, unavailable,
};
use crate::authn::bearer::{Bearer, Introspection, Issuer, IssuerSettings, TokenSource};
use crate::authn::conformance::{Samples, a_way_in_keeps_the_contract};
use crate::base::{Secret, SystemClock, Timestamp};
use crate::crypto::{Algorithm, SigningKey};
use crate::web::{Fetch, FetchError};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn access_tokens_keep_the_contract() {
    let fake = Fake::new();
    let cut_off = Fake::new();
    cut_off.fetch.answer(JWKS, 500, "");
    let twice = [fields("a"), fields("b")].concat();
    a_way_in_keeps_the_contract(Samples {
        way: &fake.way,
        takes_everybody: false,
        way_without_dependency: Some(&cut_off.way),
        good: vec![
            (fields(&fake.token(&json!({}))), "ann"),
            (fields(&fake.token(&json!({ "sub": "bob" }))), "bob"),
        ],
        bad: vec![
            (fields("opaque"), RejectReason::Malformed),
            (vec![("authorization", "Bearer".to_owned())], RejectReason::Malformed),
            (twice, RejectReason::Repeated),
            (fields(&fake.token(&json!({ "exp": NOW - 100 }))), RejectReason::Expired),
        ],
        undecided: Some(fields(&cut_off.token(&json!({})))),
    })
    .await;
}

#[tokio::test]
async fn a_known_token_is_not_verified_again_until_it_ends() {
    let fake = Fake::new();
    let token = fake.token(&json!({ "nbf": NOW - 1 }));
    let fingerprint = Fingerprint::of(&token);
    assert!(fake.way.known(&fingerprint).is_none());
    // The first verification fetches the keys, and which ones they were is not known before.
    accepted(fake.present(&token).await);
    accepted(fake.present(&token).await);
    assert!(matches!(fake.way.known(&fingerprint), Some(Outcome::Accept(_))));
    fake.clock.advance(Duration::from_secs(299));
    assert!(fake.way.known(&fingerprint).is_some());
    fake.clock.advance(Duration::from_secs(1));
    assert!(fake.way.known(&fingerprint).is_none(), "not beyond exp");
    // Within the leeway it is still good, and verified each time.
    accepted(fake.present(&token).await);
    assert!(fake.way.known(&fingerprint).is_none());
    fake.clock.advance(Duration::from_secs(31));
    assert_eq!(rejected(fake.present(&token).await), RejectReason::Expired);
}

#[tokio::test]
async fn a_token_before_its_time_is_not_remembered() {
    let fake = Fake::new();
    accepted(fake.present(&fake.token(&json!({}))).await);
    let token = fake.token(&json!({ "nbf": NOW + 20 }));
    accepted(fake.present(&token).await);
    assert!(fake.way.known(&Fingerprint::of(&token)).is_none());
}

#[tokio::test]
async fn a_withdrawn_key_takes_its_known_tokens_along() {
    let fake = Fake::new();
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap().0;
    let token = fake.token(&json!({}));
    for _ in 0..2 {
        accepted(fake.present(&token).await);
    }
    // The same document again changes nothing.
    refresh(&fake.issuer).await;
    assert!(fake.way.known(&Fingerprint::of(&token)).is_some());
    fake.publish(&[&next]);
    refresh(&fake.issuer).await;
    assert!(fake.way.known(&Fingerprint::of(&token)).is_none());
    assert_eq!(rejected(fake.present(&token).await), RejectReason::UnknownKey);
}

#[tokio::test]
async fn nothing_is_remembered_where_that_is_switched_off() {
    let fake = Fake::with(Algorithm::EdDsa, |settings| settings.verified_cache = 0);
    let token = fake.token(&json!({}));
    for _ in 0..3 {
        accepted(fake.present(&token).await);
    }
    assert!(fake.way.known(&Fingerprint::of(&token)).is_none());
}

#[tokio::test]
async fn memory_is_bounded_however_many_tokens_come() {
    let fake = Fake::with(Algorithm::EdDsa, |settings| settings.verified_cache = 50);
    accepted(fake.present(&fake.token(&json!({}))).await);
    let tokens: Vec<_> = (0..500).map(|n| fake.token(&json!({ "sub": format!("s{n}") }))).collect();
    for token in &tokens {
        accepted(fake.present(token).await);
    }
    let known = tokens.iter().filter(|token| fake.way.known(&Fingerprint::of(token)).is_some());
    assert!(known.count() <= 50);
}

#[tokio::test]
async fn what_the_issuer_says_of_the_sign_in_goes_along() {
    let fake = Fake::new();
    for (claims, auth_time, acr) in [
        (json!({ "acr": "mfa", "auth_time": NOW - 60 }), Some(NOW - 60), Some("mfa")),
        (json!({ "acr": ["mfa"], "acrs": "c1", "auth_time": "now" }), None, None),
        (json!({ "acrs": ["c1", 2] }), None, None),
        (json!({}), None, None),
    ] {
        let strength = accepted(fake.present(&fake.token(&claims)).await).strength();
        let acrs: &[&str] = if claims["acrs"].is_array() { &["c1"] } else { &[] };
        assert_eq!(*strength.acrs, *acrs, "{claims}");
        assert_eq!(strength.auth_time, auth_time.map(Timestamp::from_secs), "{claims}");
        assert_eq!(strength.acr.as_deref(), acr, "{claims}");
    }
}

#[tokio::test]
async fn each_route_judges_scopes_for_itself() {
    let fake = Fake::with(Algorithm::EdDsa, |settings| settings.scopes = vec!["read".to_owned()]);
    let strict = Bearer::new([Arc::clone(&fake.issuer)], &["write".to_owned(), "admin".to_owned()]);
    let write = Bearer::new([Arc::clone(&fake.issuer)], &["write".to_owned()]);
    for _ in 0..2 {
        let token = fake.token(&json!({}));
        accepted(fake.present(&token).await);
        accepted(present(&write, &token).await);
        assert_eq!(rejected(present(&strict, &token).await), RejectReason::Scope);
        accepted(fake.present(&token).await);
    }
    for (change, good) in [
        (json!({ "scope": null, "scp": ["read", "write"] }), true),
        (json!({ "scope": null, "scp": "read write" }), true),
        (json!({ "scope": "readwrite" }), false),
        (json!({ "scope": "READ write" }), false),
        (json!({ "scope": null }), false),
    ] {
        let outcome = present(&write, &fake.token(&change)).await;
        assert_eq!(matches!(outcome, Outcome::Accept(_)), good, "{change}");
    }
    let challenge = "Bearer realm=\"portcullis\", scope=\"read write admin\"";
    assert_eq!(strict.challenge(), Some(challenge));
}

#[tokio::test]
async fn required_claims_are_required() {
    let fake = Fake::with(Algorithm::EdDsa, |settings| {
        settings.required_claims = vec![
            ("azp".to_owned(), vec!["one".to_owned(), "two".to_owned()]),
            ("org.unit".to_owned(), Vec::new()),
            ("admin".to_owned(), vec!["true".to_owned()]),
        ];
    });
    let good = json!({ "azp": "two", "org": { "unit": 7 }, "admin": true });
    accepted(fake.present(&fake.token(&good)).await);
    for (name, value) in [
        ("azp", json!("three")),
        ("azp", json!(null)),
        ("azp", json!({ "one": 1 })),
        ("org", json!({})),
        ("admin", json!(false)),
        ("admin", json!([["true"]])),
    ] {
        let mut change = good.clone();
        change[name] = value;
        let outcome = fake.present(&fake.token(&change)).await;
        assert_eq!(rejected(outcome), RejectReason::Claims, "{change}");
    }
}

#[tokio::test]
async fn the_algorithm_must_be_one_that_the_issuer_uses() {
    let fake = Fake::with(Algorithm::EdDsa, |settings| {
        settings.algorithms = vec![crate::crypto::VerifyAlgorithm::Rs256];
    });
    let outcome = fake.present(&fake.token(&json!({}))).await;
    assert_eq!(rejected(outcome), RejectReason::Algorithm);
    assert_eq!(fake.fetches(), 0);
}

#[tokio::test]
async fn keys_serve_through_an_outage_and_then_it_is_503() {
    let fake = Fake::new();
    for _ in 0..2 {
        accepted(fake.present(&fake.token(&json!({}))).await);
    }
    fake.fetch.answer(JWKS, 500, "");
    fake.clock.advance(59 * MINUTE);
    let late = json!({ "exp": NOW + 10_000, "iat": NOW + 3_000 });
    let token = fake.token(&late);
    accepted(fake.present(&token).await);
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap().0;
    let by_next =
        crate::authn::bearer::fake::sign(&next, &json!({}), &Fake::claims(&late).to_string());
    for _ in 0..3 {
        // It may be a new key: nobody can say now.
        unavailable(fake.present(&by_next).await);
    }
    fake.clock.advance(2 * MINUTE);
    unavailable(fake.present(&token).await);
    unavailable(fake.present(&fake.token(&late)).await);
    fake.publish(&[&next]);
    fake.clock.advance(MINUTE);
    accepted(fake.present(&by_next).await);
    assert_eq!(rejected(fake.present(&token).await), RejectReason::UnknownKey);
}

#[tokio::test]
async fn the_issuer_is_asked_about_opaque_tokens() {
    let fake = Fake::asked(Duration::from_secs(30));
    fake.says(&json!({ "active": true, "sub": "ann", "scope": "read", "token_type": "Bearer" }));
    for _ in 0..3 {
        assert_eq!(accepted(fake.present("opaque").await).principal().subject, "ann");
    }
    let asked = fake.fetch.asked(ASKED);
    assert_eq!(asked.len(), 1);
    let request = &asked[0];
    assert_eq!(request.headers()["authorization"], "Basic Z2F0ZXdheTpzJTNBY3JldA==");
    assert_eq!(request.body(), "token=opaque&token_type_hint=access_token");
    fake.clock.advance(Duration::from_secs(31));
    fake.says(&json!({ "active": false }));
    assert_eq!(rejected(fake.present("opaque").await), RejectReason::Unknown);
}

#[tokio::test]
async fn an_answer_counts_no_longer_than_its_token() {
    let fake = Fake::asked(10 * MINUTE);
    fake.says(&json!({ "active": true, "sub": "ann", "exp": NOW + 5 }));
    accepted(fake.present("opaque").await);
    fake.clock.advance(Duration::from_secs(5));
    assert!(fake.way.known(&Fingerprint::of("opaque")).is_none());
    let off = Fake::asked(Duration::ZERO);
    off.says(&json!({ "active": true, "sub": "ann" }));
    for _ in 0..3 {
        accepted(off.present("opaque").await);
    }
    assert_eq!(off.fetch.asked(ASKED).len(), 3);
}

#[tokio::test]
async fn an_answer_that_is_no_yes_is_no() {
    let fake = Fake::asked(MINUTE);
    for (answer, reason) in [
        (json!({ "active": true }), RejectReason::Claims),
        (json!({ "active": true, "sub": "ann", "iss": "https://evil.test" }), RejectReason::Issuer),
        (json!({ "active": true, "sub": "ann", "exp": NOW - 60 }), RejectReason::Expired),
        (json!({ "active": true, "sub": "ann", "exp": "never" }), RejectReason::Claims),
        (
            json!({ "active": true, "sub": "ann", "token_type": "refresh_token" }),
            RejectReason::Unknown,
        ),
        (json!({ "active": true, "sub": "ann", "token_type": "DPoP" }), RejectReason::Unknown),
        (json!({ "active": false, "sub": "ann" }), RejectReason::Unknown),
    ] {
        fake.says(&answer);
        assert_eq!(rejected(fake.present("opaque").await), reason, "{answer}");
    }
    for odd in ["{\"active\":\"true\"}", "{}", "[]", "", "{\"active\":true,\"active\":false}"] {
        fake.fetch.answer(ASKED, 200, odd);
        unavailable(fake.present("opaque").await);
    }
    for status in [400, 401, 403, 404, 429, 500, 302] {
        fake.fetch.answer(ASKED, status, "{\"active\":true,\"sub\":\"ann\"}");
        unavailable(fake.present("opaque").await);
    }
    let slow = FetchError::TimedOut { host: "ci.test".to_owned(), millis: 1 };
    fake.fetch.fail(ASKED, slow);
    unavailable(fake.present("opaque").await);
}

#[tokio::test]
async fn a_crowd_with_one_opaque_token_asks_once() {
    let fake = Fake::asked(MINUTE);
    fake.says(&json!({ "active": true, "sub": "ann" }));
    let crowd = (0..50).map(|_| fake.present("opaque"));
    for outcome in futures::future::join_all(crowd).await {
        accepted(outcome);
    }
    assert_eq!(fake.fetch.asked(ASKED).len(), 1);
}

/// An issuer that takes the connection and says nothing.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Fetch for Silent {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, FetchError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_before_a_silent_issuer_does_not_queue_up() {
    let url = url::Url::parse(ASKED).unwrap();
    let secret = Secret::from("secret");
    let times = (MINUTE, Duration::from_secs(3));
    let asked = Introspection::new(url, ("gateway", &secret), Arc::new(Silent), times).unwrap();
    let settings = IssuerSettings::new("as".into(), ISSUER, "api");
    let source = TokenSource::Introspection(Box::new(asked));
    let way = Bearer::new([Arc::new(Issuer::new(settings, source, Arc::new(SystemClock)))], &[]);
    let begun = tokio::time::Instant::now();
    for outcome in futures::future::join_all((0..100).map(|_| present(&way, "opaque"))).await {
        unavailable(outcome);
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn another_issuers_token_is_not_shown_to_the_one_who_is_asked() {
    let fake = Fake::asked(MINUTE);
    fake.says(&json!({ "active": true, "sub": "ann" }));
    let stranger = fake.token(&json!({ "iss": "https://bank.test" }));
    assert_eq!(rejected(fake.present(&stranger).await), RejectReason::Issuer);
    assert!(fake.fetch.asked(ASKED).is_empty());
    // Its own signed tokens are judged by its word too.
    accepted(fake.present(&fake.token(&json!({ "iss": ISSUER }))).await);
    assert_eq!(fake.fetch.asked(ASKED).len(), 1);
}

/// What the timer does.
async fn refresh(issuer: &Arc<Issuer>) {
    let once = tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>());
    issuer.run(async { drop(once.await) }).await;
}
