//! The identity token, as an upstream with a library of its own sees it.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::browser::{Browser, Kind};
use crate::support::forge::{claims, header};
use crate::support::lab::{Lab, SITE};
use crate::support::peers::{plain_pyjwt, verify};
use crate::support::settings::CLIENT_SECRET;

#[tokio::test]
async fn an_independent_library_verifies_every_algorithm() {
    for (algorithm, settings) in
        [("EdDSA", ""), ("ES256", "algorithm = \"ES256\""), ("RS256", "algorithm = \"RS256\"")]
    {
        let lab = Lab::with(|all| all.token = settings.to_owned()).await;
        lab.sign_in("engineer").await;
        let verified = verify(&lab.last_token(), &lab.jwks().await, SITE, "agent").await.unwrap();
        assert_eq!(verified["header"]["alg"], algorithm);
        assert!(verified["header"]["kid"].is_string());
        let wrong = verify(&lab.last_token(), &lab.jwks().await, SITE, "another-app").await;
        assert!(wrong.is_err(), "{wrong:?}");
    }
}

#[tokio::test]
async fn an_app_with_a_shared_secret_and_a_plain_decode_needs_no_change() {
    let lab = Lab::with(|all| {
        all.token = "algorithm = \"HS256\"\nsecret = { env = \"TEST_CLIENT_SECRET\" }".to_owned();
        for route in &mut all.routes {
            route.token = "{ without_audience = true }";
        }
    })
    .await;
    lab.sign_in("engineer").await;
    let user = plain_pyjwt(&lab.last_token(), CLIENT_SECRET).await.unwrap();
    assert_eq!(user, json!({ "identifier": "engineer", "display_name": "engineer" }));
    let forged = plain_pyjwt(&lab.last_token(), "another secret, of 32 bytes and more too").await;
    assert!(forged.unwrap_err().contains("InvalidSignatureError"));
}

#[tokio::test]
async fn the_claims_say_who_how_and_for_what() {
    let lab = Lab::start().await;
    lab.sign_in("engineer").await;
    let token = claims(&lab.last_token());
    assert_eq!(token["iss"], SITE);
    assert_eq!(token["aud"], "agent");
    assert_eq!(token["email"], "engineer@example.com");
    assert_eq!(token["email_verified"], true);
    assert_eq!(token["name"], "engineer");
    assert_eq!(token["preferred_username"], "engineer");
    assert_eq!(token["groups"], json!(["engineering", "admin"]));
    assert_eq!(token["auth_method"], "oidc");
    assert_eq!(token["idp"], lab.provider.issuer());
    for name in ["sub", "sid", "jti"] {
        assert!(token[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {token}");
    }
    let time = |name: &str| token[name].as_i64().unwrap_or_else(|| panic!("{name}: {token}"));
    // `iat` lies 5 s back, for upstreams whose clock is behind ours.
    assert!(time("exp") - time("iat") <= 65 && time("nbf") <= time("iat"), "{token}");
    assert!(time("auth_time") <= time("iat") + 5, "{token}");
    // The session's handle and the provider's tokens are nobody else's business.
    assert!(!token.to_string().contains("canary"), "{token}");
    assert_ne!(header(&lab.last_token())["alg"], "none");
}

#[tokio::test]
async fn every_request_has_a_token_of_its_own() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("engineer").await;
    lab.recorder.clear();
    for _ in 0..20 {
        assert_eq!(browser.get(Kind::Fetch, &format!("{SITE}/api")).await.status(), 200);
    }
    let ids: HashSet<String> = lab
        .recorder
        .requests()
        .iter()
        .map(|seen| claims(seen.header("x-user-jwt").unwrap())["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn requests_of_one_session_and_route_share_a_token_where_the_route_says_so() {
    let lab = Lab::with(|all| {
        for route in &mut all.routes {
            route.token = r#"{ audience = "agent", reuse = "30s" }"#;
        }
    })
    .await;
    let mut ann = lab.sign_in("engineer").await;
    let mut bob = lab.sign_in("engineer").await;
    let token = async |browser: &mut Browser, path: &str| {
        assert_eq!(browser.get(Kind::Fetch, &format!("{SITE}{path}")).await.status(), 200);
        let token = lab.last_token();
        let verified = verify(&token, &lab.jwks().await, SITE, "agent").await.unwrap();
        assert_eq!(verified["claims"].get("tctx"), None, "it is of one request");
        token
    };
    let first = token(&mut ann, "/api").await;
    assert_eq!(token(&mut ann, "/api/other").await, first);
    assert_ne!(token(&mut bob, "/api").await, first, "another session");
    assert_ne!(token(&mut ann, "/engineering/x").await, first, "another route");
    let mut elsewhere = ann.clone();
    lab.sign_out(&mut ann).await;
    lab.recorder.clear();
    let refused = elsewhere.get(Kind::Fetch, &format!("{SITE}/api")).await;
    assert_eq!(refused.status(), 401, "the cookie of a session that has ended");
    assert!(lab.recorder.requests().is_empty(), "nothing was forwarded");
}

#[tokio::test]
async fn the_token_is_shown_to_the_browser_only_where_the_route_says_so() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("engineer").await;
    let quiet = browser.get(Kind::Fetch, &format!("{SITE}/api")).await;
    assert_eq!(quiet.header("x-debug-user-jwt"), None);
    let shown = browser.get(Kind::Fetch, &format!("{SITE}/debug/x")).await;
    assert_eq!(shown.header("x-debug-user-jwt"), Some(lab.last_token().as_str()));
}

#[tokio::test]
async fn published_keys_hold_no_private_half() {
    let lab = Lab::start().await;
    let keys = lab.jwks().await;
    let keys = keys["keys"].as_array().expect("keys");
    assert!(!keys.is_empty());
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert_eq!(key.get(private), None, "{private}");
        }
        assert!(key["kid"].is_string() && key["alg"].is_string(), "{key}");
    }
    let discovery = lab.get("/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(discovery["issuer"], SITE);
    assert_eq!(discovery["jwks_uri"], format!("{SITE}/.well-known/jwks.json"));
}

#[tokio::test]
async fn a_shared_secret_makes_tokens_that_only_its_holder_can_check() {
    let lab = Lab::with(|settings| {
        settings.token =
            "algorithm = \"HS256\"\nsecret = { env = \"TEST_CLIENT_SECRET\" }".to_owned();
    })
    .await;
    lab.sign_in("engineer").await;
    assert_eq!(header(&lab.last_token())["alg"], "HS256");
    let published = lab.jwks().await;
    let keys = published["keys"].as_array().map_or(0, Vec::len);
    assert_eq!(keys, 0, "a secret is published: {published}");
}

#[tokio::test]
async fn nobody_in_particular_has_no_subject_of_somebody() {
    let lab = Lab::start().await;
    assert_eq!(lab.get("/public/x", &[]).await.status(), 200);
    let seen = lab.recorder.last();
    let Some(token) = seen.header("x-user-jwt") else {
        return;
    };
    let verified = verify(token, &lab.jwks().await, SITE, "agent").await.unwrap();
    assert_eq!(verified["claims"]["auth_method"], "anonymous");
    assert_eq!(verified["claims"].get("email").unwrap_or(&Value::Null), &Value::Null);
}
