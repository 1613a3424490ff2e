use serde_json::json;

use super::*;
use crate::oidc::fake::{Fake, Signer};
use crate::oidc::fault::LoginFault;

const JWKS: &str = "https://id.test/jwks";

fn remote(fake: &Fake) -> RemoteKeys {
    let location = JwksLocation::Fixed(Url::parse(JWKS).unwrap());
    RemoteKeys::new(location, fake.fetch.clone(), fake.clock.clone())
}

async fn find(keys: &KeySet, kid: Option<&str>) -> Result<Arc<VerifyingKey>, KeyFault> {
    KeySource::find(keys, kid, VerifyAlgorithm::EdDsa).await
}

#[tokio::test]
async fn a_key_rotated_just_before_signing_costs_one_fetch() {
    let fake = Fake::new();
    fake.login(json!({})).await.unwrap();
    let next = Signer::new("two");
    fake.publish_keys(&[&next]);
    let login = fake.login_by(|nonce| next.sign(&Fake::claims(nonce, &json!({})))).await;
    assert!(login.is_ok(), "{login:?}");
    assert_eq!(fake.fetch.asked(JWKS).len(), 2);
}

#[tokio::test]
async fn a_thousand_made_up_names_cost_one_fetch() {
    let fake = Fake::new();
    let keys = Arc::new(remote(&fake));
    keys.refresh().await.unwrap();
    let names: Vec<String> = (0..1000).map(|number| format!("kid-{number}")).collect();
    let lookups = names.iter().map(|name| keys.find(Some(name), VerifyAlgorithm::EdDsa));
    for outcome in futures::future::join_all(lookups).await {
        assert_eq!(outcome.unwrap_err(), KeyFault::Unknown);
    }
    assert_eq!(fake.fetch.asked(JWKS).len(), 2);
    assert!(keys.find(Some("one"), VerifyAlgorithm::EdDsa).await.is_ok());
}

#[tokio::test]
async fn made_up_names_cost_no_more_when_the_provider_is_down() {
    let fake = Fake::new();
    let keys = remote(&fake);
    keys.refresh().await.unwrap();
    fake.fetch.answer(JWKS, 500, "");
    for number in 0..100 {
        assert!(keys.find(Some(&number.to_string()), VerifyAlgorithm::EdDsa).await.is_err());
        assert!(keys.find(Some("one"), VerifyAlgorithm::EdDsa).await.is_ok());
    }
    assert_eq!(fake.fetch.asked(JWKS).len(), 2);
}

#[tokio::test]
async fn a_crowd_without_keys_waits_for_one_fetch() {
    let fake = Fake::new();
    let keys = remote(&fake);
    let lookups = (0..50).map(|_| keys.find(Some("one"), VerifyAlgorithm::EdDsa));
    assert!(futures::future::join_all(lookups).await.iter().all(Result::is_ok));
    assert_eq!(fake.fetch.asked(JWKS).len(), 1);
}

#[tokio::test]
async fn old_keys_serve_through_an_outage_but_not_for_ever() {
    let fake = Fake::new();
    let keys = remote(&fake);
    keys.refresh().await.unwrap();
    fake.fetch.answer(JWKS, 500, "");
    fake.clock.advance(RemoteKeys::STALE_BOUND);
    assert!(keys.refresh().await.is_err());
    assert!(keys.find(Some("one"), VerifyAlgorithm::EdDsa).await.is_ok());
    fake.clock.advance(Duration::from_secs(2));
    let fault = keys.find(Some("one"), VerifyAlgorithm::EdDsa).await.unwrap_err();
    assert!(matches!(fault, KeyFault::Unavailable(_)));
    assert!(!keys.is_ready());
}

#[tokio::test]
async fn without_a_name_only_a_single_key_is_meant() {
    let (one, two) = (Signer::new("one"), Signer::new("two"));
    let set = |keys| KeySet::admit(json!({ "keys": keys }).to_string().as_bytes());
    let single = set(json!([one.jwk(), {"kty": "oct", "k": "AAAA"}])).unwrap();
    assert!(find(&single, None).await.is_ok());
    let several = set(json!([one.jwk(), two.jwk()])).unwrap();
    assert_eq!(find(&several, None).await.unwrap_err(), KeyFault::Unknown);
    assert!(find(&several, Some("two")).await.is_ok());
    let wrong = KeySource::find(&several, Some("two"), VerifyAlgorithm::Rs256).await;
    assert_eq!(wrong.unwrap_err(), KeyFault::Unknown);
    assert!(set(json!([one.jwk(), one.jwk()])).is_err());
}

#[tokio::test]
async fn a_token_of_an_unknown_key_is_refused() {
    let fake = Fake::new();
    let stranger = Signer::new("stranger");
    let fault = fake.login_by(|nonce| stranger.sign(&Fake::claims(nonce, &json!({})))).await;
    assert_eq!(fault.unwrap_err(), LoginFault::KeyUnknown(Some("stranger".to_owned())));
}
