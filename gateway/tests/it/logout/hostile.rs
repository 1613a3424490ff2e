//! Logout tokens that must end nothing.

use portcullis::base::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::forge::{spoil, unsigned};
use crate::support::lab::Lab;
use crate::support::logout::{BACKCHANNEL, logout_claims, logout_token, post_form, post_logout};
use crate::support::raw::exchange;
use crate::support::settings::HOST;

/// Sends one, and sees that it is refused and that the session lives.
async fn is_refused(lab: &Lab, cookie: &str, form: &str, what: &str) {
    let answer = post_form(lab.gateway.http, form).await;
    assert_eq!(answer.status(), 400, "{what}: {}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    let said = answer.json();
    assert!(said["error"].is_string() && said["error_description"].is_string(), "{what}: {said}");
    assert_eq!(lab.get("/home", &[cookie.to_owned()]).await.status(), 200, "{what}");
}

#[tokio::test]
async fn each_claim_that_is_wrong_or_missing_is_refused() {
    let lab = Lab::start().await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let now = SystemClock.now().as_secs();
    let event = "http://schemas.openid.net/event/backchannel-logout";
    for change in [
        json!({ "iss": "http://127.0.0.1:9" }),
        json!({ "iss": null }),
        json!({ "aud": "somebody-else" }),
        json!({ "aud": null }),
        json!({ "events": null }),
        json!({ "events": {} }),
        json!({ "events": { "http://schemas.openid.net/event/other": {} } }),
        json!({ "events": { event: "x" } }),
        json!({ "nonce": "n" }),
        json!({ "iat": null }),
        json!({ "iat": now + 3600 }),
        json!({ "iat": now - 3600 }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "exp": null }),
        json!({ "exp": now - 120, "iat": now - 240 }),
        json!({ "exp": now + 86_400 }),
        json!({ "sub": null }),
        json!({ "sub": ["sub-engineer"] }),
        json!({ "sub": null, "sid": 1 }),
    ] {
        let token = logout_token(&lab.provider, &change);
        is_refused(&lab, &cookie, &format!("logout_token={token}"), &change.to_string()).await;
    }
}

#[tokio::test]
async fn each_signature_and_type_that_is_wrong_is_refused() {
    let lab = Lab::start().await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let claims = logout_claims(&lab.provider.issuer(), &json!({}));
    let under = |head: Value| lab.provider.with_key(|key| key.sign_under(&head, &claims));
    let now = SystemClock.now().as_secs();
    let id_token = json!({
        "iss": lab.provider.issuer(), "aud": "portcullis", "iat": now, "exp": now + 300,
        "sub": "sub-engineer", "sid": "there-1", "jti": "one",
    });
    for (what, token) in [
        ("alg none", unsigned(&claims)),
        ("HS256", lab.provider.with_key(|key| key.sign_with_public_half(&claims))),
        ("RS512", under(json!({ "alg": "RS512", "kid": "key-1" }))),
        ("no alg", under(json!({ "kid": "key-1" }))),
        ("unknown key", lab.provider.with_key(|key| key.sign_as("key-of-nobody", &claims))),
        ("forged", spoil(&logout_token(&lab.provider, &json!({})))),
        ("typ", under(json!({ "alg": "RS256", "kid": "key-1", "typ": "at+jwt" }))),
        ("crit", under(json!({ "alg": "RS256", "kid": "key-1", "crit": ["x"], "x": 1 }))),
        ("an ID token", lab.provider.with_key(|key| key.sign_as("key-1", &id_token))),
        ("no token", "x".to_owned()),
    ] {
        is_refused(&lab, &cookie, &format!("logout_token={token}"), what).await;
    }
    assert!(lab.gateway.has_printed("logout_denied", 10).await, "each is in the audit log");
}

#[tokio::test]
async fn each_form_that_is_wrong_is_refused() {
    let lab = Lab::start().await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let token = logout_token(&lab.provider, &json!({}));
    let good = format!("logout_token={token}");
    for form in [
        String::new(),
        "logout_token=".to_owned(),
        "token=x".to_owned(),
        format!("{good}&{good}"),
        format!("{good}&logout%5Ftoken=x"),
    ] {
        is_refused(&lab, &cookie, &form, &form).await;
    }
    let huge = post_form(lab.gateway.http, &format!("{good}&x={}", "x".repeat(70_000))).await;
    assert_eq!(huge.status(), 413);
    for head in [
        format!("GET {BACKCHANNEL}?{good} HTTP/1.1\r\n"),
        format!("PUT {BACKCHANNEL} HTTP/1.1\r\nContent-Length: 0\r\n"),
    ] {
        let request = format!("{head}Host: {HOST}\r\nConnection: close\r\n\r\n");
        let answer = exchange(lab.gateway.http, request).await.unwrap();
        assert_eq!((answer.status(), answer.header("allow")), (405, Some("POST")), "{head}");
    }
    assert_eq!(lab.get("/home", std::slice::from_ref(&cookie)).await.status(), 200);
    // None of them has used the token up; what is good ends the session, and does not count again.
    assert_eq!(post_logout(lab.gateway.http, &token).await.status(), 200);
    assert_eq!(lab.get("/home", &[cookie]).await.status(), 401);
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    is_refused(&lab, &cookie, &good, "replayed").await;
}
