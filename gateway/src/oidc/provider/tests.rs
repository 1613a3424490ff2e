use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::oidc::LogoutPlace;
use crate::oidc::fake::{Fake, NOW};
use crate::web::FetchError;

const TOKEN: &str = "https://id.test/token";
const USERINFO: &str = "https://id.test/userinfo";

fn query(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn the_authorization_request_has_all_protections_and_new_ones_each_time() {
    let fake = Fake::new();
    let (one, two) = (fake.start().await, fake.start().await);
    let get = |name| query(&one.location, name).unwrap();
    assert_eq!(get("response_type"), "code");
    assert_eq!(get("client_id"), "portcullis");
    assert_eq!(get("redirect_uri"), "https://app.test/cb");
    assert_eq!(get("scope"), "openid profile email");
    assert_eq!(get("code_challenge_method"), "S256");
    assert_eq!(get("code_challenge").len(), 43);
    assert_eq!(get("state"), one.transaction.id);
    assert_eq!(get("tenant"), "1");
    assert!(one.transaction.verifier.expose().len() >= 43);
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(query(&one.location, name), query(&two.location, name), "{name}");
    }
    assert!(!one.location.contains(one.transaction.verifier.expose()));
}

#[tokio::test]
async fn the_code_is_redeemed_with_the_verifier_and_the_secret_in_the_header() {
    let fake = Fake::new();
    let login = fake.login(json!({"sid": "far", "name": "Ann"})).await.unwrap();
    assert_eq!(login.principal.subject, "ann");
    assert_eq!(login.principal.name.as_deref(), Some("Ann"));
    assert_eq!(login.tokens.provider_sid.as_deref(), Some("far"));
    assert_eq!(login.tokens.provider_sub.as_deref(), Some("ann"));
    assert_eq!(login.auth_time, Timestamp::from_secs(NOW - 5));
    let request = fake.fetch.asked(TOKEN).remove(0);
    let basic = STANDARD.encode("portcullis:s%3Acret");
    assert_eq!(request.headers()["authorization"], format!("Basic {basic}"));
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    assert!(body.contains("code_verifier=") && !body.contains("cret"), "{body}");
    assert!(request.uri().query().is_none());
}

#[tokio::test]
async fn the_secret_goes_into_the_form_where_the_provider_wants_it_there() {
    let fake = Fake::new();
    fake.publish(&json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]}));
    fake.login(json!({})).await.unwrap();
    let request = fake.fetch.asked(TOKEN).remove(0);
    assert!(request.headers().get("authorization").is_none());
    assert!(String::from_utf8_lossy(request.body()).contains("client_secret=s%3Acret"));
    let fake = Fake::new();
    fake.publish(&json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}));
    assert!(matches!(fake.login(json!({})).await.unwrap_err(), LoginFault::TokenRefused(_)));
}

#[tokio::test]
async fn a_callback_that_is_not_in_order_is_not_redeemed() {
    let fake = Fake::new();
    let started = fake.start().await;
    let other = Fake::with(|settings| settings.id = "other".into()).start().await;
    let swapped = fake.finish("state=s&code=c", &other).await.unwrap_err();
    assert_eq!(swapped, LoginFault::ProviderWrong("other".to_owned()));
    let mixed = fake.finish("state=s&code=c&iss=https://evil.test", &started).await.unwrap_err();
    assert_eq!(mixed, LoginFault::ResponseIssuerWrong("https://evil.test".to_owned()));
    let refused = fake.finish("state=s&error=access_denied", &started).await.unwrap_err();
    assert_eq!(refused, LoginFault::ProviderRefused("access_denied".to_owned()));
    fake.clock.advance(Transaction::LIFETIME + Duration::from_secs(1));
    let late = fake.finish("state=s&code=c", &started).await.unwrap_err();
    assert_eq!(late, LoginFault::TransactionExpired);
    assert!(fake.fetch.asked(TOKEN).is_empty());
}

#[tokio::test]
async fn a_promised_issuer_must_come() {
    let fake = Fake::new();
    fake.publish(&json!({"authorization_response_iss_parameter_supported": true}));
    let started = fake.start().await;
    let missing = fake.finish("state=s&code=c", &started).await.unwrap_err();
    assert_eq!(missing, LoginFault::ResponseIssuerMissing);
    assert!(fake.fetch.asked(TOKEN).is_empty());
    let claims = Fake::claims(&started.transaction.nonce, &json!({}));
    fake.answer_token(&fake.signer.sign(&claims));
    assert!(fake.finish("state=s&code=c&iss=https://id.test", &started).await.is_ok());
}

#[tokio::test]
async fn each_bad_answer_of_the_token_endpoint_has_its_fault() {
    use LoginFault as F;
    let fake = Fake::new();
    let started = fake.start().await;
    for (status, body, expected) in [
        (400, r#"{"error":"invalid_grant"}"#, F::CodeRejected("invalid_grant".to_owned())),
        (401, r#"{"error":"invalid_client"}"#, F::TokenRefused("invalid_client".to_owned())),
        (302, "", F::TokenRefused("302".to_owned())),
        (200, "<html>", F::TokenAnswerMalformed("it is no JSON object")),
        (200, r#"{"access_token":"a"}"#, F::IdTokenMissing),
        (
            200,
            r#"{"id_token":"a","token_type":"mac"}"#,
            F::TokenAnswerMalformed("token_type is not Bearer"),
        ),
    ] {
        fake.fetch.answer(TOKEN, status, body);
        assert_eq!(fake.finish("state=s&code=c", &started).await.unwrap_err(), expected);
    }
    fake.fetch.answer(TOKEN, 500, "");
    assert!(fake.finish("state=s&code=c", &started).await.unwrap_err().is_unavailable());
    for error in [
        FetchError::AnswerTooLarge { host: "id.test".to_owned(), limit: 1 },
        FetchError::TimedOut { host: "id.test".to_owned(), millis: 1 },
    ] {
        fake.fetch.fail(TOKEN, error);
        assert!(fake.finish("state=s&code=c", &started).await.unwrap_err().is_unavailable());
    }
}

#[tokio::test]
async fn userinfo_fills_gaps_and_is_about_the_same_person() {
    let fake = Fake::new();
    fake.publish(&json!({"userinfo_endpoint": USERINFO}));
    let userinfo = |body: Value| fake.fetch.answer(USERINFO, 200, body.to_string());
    userinfo(json!({"sub": "ann", "groups": ["a", "b"], "name": "Other"}));
    let login = fake.login(json!({"name": "Ann"})).await.unwrap();
    assert_eq!(login.principal.groups, ["a", "b"]);
    assert_eq!(login.principal.name.as_deref(), Some("Ann"));
    for body in [json!({"sub": "eve"}), json!({}), json!({"sub": ["ann"]})] {
        userinfo(body);
        assert_eq!(fake.login(json!({})).await.unwrap_err(), LoginFault::UserinfoSubjectWrong);
    }
    userinfo(json!([{"sub": "ann"}]));
    let fault = fake.login(json!({})).await.unwrap_err();
    assert!(matches!(fault, LoginFault::UserinfoMalformed(_)));
    for (status, unavailable) in [(500, true), (429, true), (401, false), (403, false)] {
        fake.fetch.answer(USERINFO, status, "");
        let fault = fake.login(json!({})).await.unwrap_err();
        assert_eq!(fault.is_unavailable(), unavailable, "{status}: {fault}");
        assert!(!fault.is_forbidden(), "nobody has judged the person: {fault}");
    }
}

#[tokio::test]
async fn signing_out_goes_to_the_provider_where_it_can() {
    let fake = Fake::new();
    assert_eq!(fake.provider.logout_url(None, "https://app.test/out", "s"), None);
    fake.start().await;
    let hint = Secret::from("hint");
    let url = fake.provider.logout_url(Some(&hint), "https://app.test/out", "s").unwrap();
    assert_eq!(query(&url, "id_token_hint").as_deref(), Some("hint"));
    assert_eq!(query(&url, "client_id").as_deref(), Some("portcullis"));
    assert_eq!(query(&url, "post_logout_redirect_uri").as_deref(), Some("https://app.test/out"));
    let fake = Fake::new();
    fake.publish(&json!({"end_session_endpoint": null}));
    fake.start().await;
    assert_eq!(fake.provider.logout_url(None, "https://app.test/out", "s"), None);
}

#[tokio::test]
async fn a_configured_way_of_signing_out_wins_over_the_metadata() {
    for (url, at) in
        [(None, "https://id.test/logout"), (Some("https://out.test/x"), "https://out.test/x")]
    {
        let fake = Fake::with(|settings| {
            let return_parameter = "logout_uri".to_owned();
            let url = url.map(|url| url.parse().unwrap());
            settings.logout = Some(LogoutPlace { url, return_parameter });
        });
        fake.start().await;
        let hint = Secret::from("hint");
        let gone = fake.provider.logout_url(Some(&hint), "https://app.test/out", "s").unwrap();
        let back = "logout_uri=https%3A%2F%2Fapp.test%2Fout";
        assert_eq!(gone, format!("{at}?client_id=portcullis&{back}"));
    }
}

#[tokio::test]
async fn a_public_sentence_never_holds_the_cause() {
    let fault = LoginFault::IssuerWrong("https://evil.test".to_owned());
    assert!(!fault.public().contains("evil") && fault.to_string().contains("evil"));
    assert_eq!(fault.code(), "login_issuer");
}

#[tokio::test]
async fn many_logins_at_once_do_not_mix() {
    let fake = Fake::new();
    let mut started = Vec::new();
    for _ in 0..20 {
        started.push(fake.start().await);
    }
    // Finished in the opposite order, each with the next one's token: all nonces are wrong.
    for pair in started.windows(2) {
        let claims = Fake::claims(&pair[1].transaction.nonce, &json!({}));
        fake.answer_token(&fake.signer.sign(&claims));
        let fault = fake.finish("state=s&code=c", &pair[0]).await.unwrap_err();
        assert_eq!(fault, LoginFault::NonceWrong);
        assert!(fake.finish("state=s&code=c", &pair[1]).await.is_ok());
    }
}
