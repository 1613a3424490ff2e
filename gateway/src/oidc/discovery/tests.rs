use serde_json::json;

use super::*;
use crate::oidc::fake::Fake;
use crate::oidc::fault::LoginFault;
use crate::oidc::start::StartLogin;
use crate::web::FetchError;

const DOCUMENT: &str = "https://id.test/.well-known/openid-configuration";
const LOGIN: StartLogin<'_> =
    StartLogin { redirect_uri: "https://app.test/cb", return_to: "/", step_up: None, route: None };

async fn fault(fake: &Fake) -> LoginFault {
    fake.provider.start(LOGIN, |_| String::new()).await.unwrap_err()
}

#[tokio::test]
async fn documents_that_cannot_be_trusted_are_not_used() {
    for change in [
        json!({"issuer": "https://id.test/"}),
        json!({"issuer": "https://evil.test"}),
        json!({"issuer": null}),
        json!({"jwks_uri": "http://id.test/jwks"}),
        json!({"jwks_uri": "http://169.254.169.254/latest"}),
        json!({"token_endpoint": "file:///etc/passwd"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"end_session_endpoint": "http://127.0.0.1/logout"}),
        json!({"token_endpoint": null}),
        json!({"authorization_endpoint": "no url"}),
    ] {
        let fake = Fake::new();
        fake.publish(&change);
        assert!(fault(&fake).await.is_unavailable(), "{change}");
        let state = fake.provider.status().discovery;
        assert!(matches!(state, DiscoveryState::Failed { .. }), "{change}: {state}");
    }
}

#[tokio::test]
async fn answers_that_are_no_document_are_not_used() {
    let fake = Fake::new();
    let deep = format!("{{\"issuer\":{}", "[".repeat(100_000));
    for (status, body) in [(500, "{}"), (302, ""), (404, ""), (200, "<html>"), (200, &deep)] {
        fake.fetch.answer(DOCUMENT, status, body.to_owned());
        fake.clock.advance(Duration::from_secs(60));
        assert!(fault(&fake).await.is_unavailable(), "{status}");
    }
    let slow = FetchError::TimedOut { host: "id.test".to_owned(), millis: 10_000 };
    fake.fetch.fail(DOCUMENT, slow);
    fake.clock.advance(Duration::from_secs(60));
    assert!(fault(&fake).await.is_unavailable());
}

#[tokio::test]
async fn a_provider_that_is_down_is_asked_seldom_and_found_again() {
    let fake = Fake::new();
    assert!(matches!(fake.provider.status().discovery, DiscoveryState::Pending));
    fake.fetch.answer(DOCUMENT, 503, "");
    for _ in 0..100 {
        assert!(fault(&fake).await.is_unavailable());
    }
    assert_eq!(fake.fetch.asked(DOCUMENT).len(), 1);
    fake.publish(&json!({}));
    fake.clock.advance(Duration::from_secs(1));
    assert!(fake.provider.start(LOGIN, |_| String::new()).await.is_ok());
    assert!(matches!(fake.provider.status().discovery, DiscoveryState::Ready(_)));
}

#[tokio::test]
async fn nobody_is_sent_to_a_provider_that_went_away_and_whoever_signed_in_before_is_not_asked_about()
 {
    let fake = Fake::new();
    fake.publish(&json!({}));
    assert!(fake.provider.start(LOGIN, |_| String::new()).await.is_ok());
    fake.fetch.answer(DOCUMENT, 503, "");
    assert!(fake.provider.start(LOGIN, |_| String::new()).await.is_ok(), "it answered just now");
    let asked = fake.fetch.asked(DOCUMENT).len();
    // Ten minutes, a login each second.
    for _ in 0..600 {
        fake.clock.advance(Duration::from_secs(1));
        let _ = fake.provider.start(LOGIN, |_| String::new()).await;
    }
    assert!(fault(&fake).await.is_unavailable());
    let during = fake.fetch.asked(DOCUMENT).len() - asked;
    assert!((20..100).contains(&during), "asked {during} times");
    assert!(
        matches!(fake.provider.status().discovery, DiscoveryState::Ready(_)),
        "what it said counts"
    );
    fake.publish(&json!({}));
    fake.clock.advance(LONGEST_WAIT);
    assert!(fake.provider.start(LOGIN, |_| String::new()).await.is_ok());
}

#[tokio::test]
async fn the_wait_grows_to_its_bound() {
    let waits: Vec<u64> = [1, 2, 3, 4, 5, 100].map(|times| wait(times).as_secs()).to_vec();
    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
}

#[tokio::test]
async fn the_background_task_fetches_and_stops() {
    let fake = Fake::new();
    fake.provider.run(async { tokio::task::yield_now().await }).await;
    assert!(matches!(fake.provider.status().discovery, DiscoveryState::Ready(_)));
    assert!(fake.provider.status().keys_ready);
}

#[test]
fn silence_about_algorithms_means_rs256() {
    let metadata = |names: &[&str]| Metadata {
        issuer: String::new(),
        authorization_endpoint: Url::parse("https://id.test").unwrap(),
        token_endpoint: Url::parse("https://id.test").unwrap(),
        jwks_uri: Url::parse("https://id.test").unwrap(),
        userinfo_endpoint: None,
        end_session_endpoint: None,
        revocation_endpoint: None,
        revocation_endpoint_auth_methods_supported: Vec::new(),
        backchannel_logout_supported: false,
        frontchannel_logout_supported: false,
        token_endpoint_auth_methods_supported: Vec::new(),
        id_token_signing_alg_values_supported: names.iter().map(|n| (*n).to_owned()).collect(),
        authorization_response_iss_parameter_supported: false,
    };
    assert_eq!(metadata(&[]).algorithms(), [VerifyAlgorithm::Rs256]);
    assert_eq!(metadata(&["none", "HS256", "ES256"]).algorithms(), [VerifyAlgorithm::Es256]);
    assert!(metadata(&["HS256"]).algorithms().is_empty());
}
