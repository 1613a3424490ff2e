use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::{Browser, Fixture, cookies, text};
use crate::base::{Clock as _, SystemEntropy};
use crate::oidc::{Provider, ProviderSettings};
use crate::web::{FetchError, Reply};

const PLACE: &str = "/.portcullis/backchannel-logout/corp";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A browser in which somebody has signed in, whose session the provider calls `sid`.
async fn signed_in(fixture: &Fixture, sub: &str, sid: &str) -> Browser {
    let mut browser = Browser::new();
    let at = fixture.begin(&mut browser, "/").await;
    let back = fixture.consent(&at, &json!({ "sub": sub, "sid": sid, "oid": "o" }));
    assert_eq!(fixture.get(&mut browser, &back).await.status, StatusCode::SEE_OTHER);
    browser
}

/// The body of a logout, changed by the members of `change`; `null` takes one away.
fn logout(fixture: &Fixture, jti: &str, change: &Value) -> String {
    let now = fixture.clock.now().as_secs();
    let mut claims = json!({
        "iss": "https://corp.test", "aud": "gw", "iat": now, "exp": now + 100, "jti": jti,
        "sub": "ann", "events": { EVENT: {} },
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let token = fixture.signer.encode(&serde_json::to_vec(&claims).unwrap()).unwrap();
    format!("logout_token={token}")
}

async fn send_as(fixture: &Fixture, kind: &'static str, place: &str, body: String) -> Reply {
    let mut server = Browser::with(&[("accept", "*/*"), ("content-type", kind)]);
    let reply = fixture.post(&mut server, Method::POST, place, Bytes::from(body)).await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(cookies(&reply).is_empty());
    reply
}

async fn send(fixture: &Fixture, body: String) -> StatusCode {
    let reply = send_as(fixture, "application/x-www-form-urlencoded", PLACE, body).await;
    if !reply.status.is_success() {
        let said: Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(said["error"].is_string() && said["error_description"].is_string(), "{said}");
    }
    reply.status
}

async fn lives(fixture: &Fixture, browser: &Browser) -> bool {
    fixture.me(browser).await.0 == StatusCode::OK
}

#[tokio::test]
async fn by_its_name_a_person_is_signed_out_of_all_sessions() {
    let fixture = Fixture::new();
    let ann = [
        signed_in(&fixture, "ann", "a").await,
        signed_in(&fixture, "ann", "b").await,
        signed_in(&fixture, "ann", "c").await,
    ];
    let bob = signed_in(&fixture, "bob", "d").await;
    assert_eq!(send(&fixture, logout(&fixture, "1", &json!({}))).await, StatusCode::OK);
    for browser in &ann {
        assert!(!lives(&fixture, browser).await);
    }
    assert!(lives(&fixture, &bob).await);
    let nobody = logout(&fixture, "2", &json!({ "sub": "nobody" }));
    assert_eq!(send(&fixture, nobody).await, StatusCode::OK, "there is nothing more to do");
}

#[tokio::test]
async fn by_the_name_of_a_session_that_one_ends() {
    let fixture = Fixture::new();
    let [one, two] = [signed_in(&fixture, "ann", "a").await, signed_in(&fixture, "ann", "b").await];
    let of_another = logout(&fixture, "1", &json!({ "sub": "bob", "sid": "a" }));
    assert_eq!(send(&fixture, of_another).await, StatusCode::OK);
    assert!(lives(&fixture, &one).await, "sub and sid must name one session");
    for (jti, change) in [("2", json!({ "sid": "a" })), ("3", json!({ "sid": "b", "sub": null }))] {
        assert!(lives(&fixture, &two).await, "{change}");
        assert_eq!(send(&fixture, logout(&fixture, jti, &change)).await, StatusCode::OK);
        assert!(!lives(&fixture, &one).await, "{change}");
    }
    assert!(!lives(&fixture, &two).await);
}

#[tokio::test]
async fn a_token_counts_once() {
    let fixture = Fixture::new();
    let token = logout(&fixture, "1", &json!({}));
    assert_eq!(send(&fixture, token.clone()).await, StatusCode::OK);
    let ann = signed_in(&fixture, "ann", "a").await;
    assert_eq!(send(&fixture, token).await, StatusCode::BAD_REQUEST);
    assert!(lives(&fixture, &ann).await);
}

#[tokio::test]
async fn what_does_not_count_ends_nothing() {
    let fixture = Fixture::new();
    let ann = signed_in(&fixture, "ann", "a").await;
    for change in [
        json!({ "iss": "https://partner.test" }),
        json!({ "aud": "another" }),
        json!({ "events": null }),
        json!({ "events": { "https://other.test": {} } }),
        json!({ "nonce": "n" }),
        json!({ "iat": null }),
        json!({ "jti": null }),
        json!({ "exp": 1 }),
        json!({ "sub": null }),
    ] {
        let refused = send(&fixture, logout(&fixture, "1", &change)).await;
        assert_eq!(refused, StatusCode::BAD_REQUEST, "{change}");
        assert!(lives(&fixture, &ann).await, "{change}");
    }
    let good = logout(&fixture, "1", &json!({}));
    for body in [String::new(), format!("{good}&{good}"), format!("{good}&logout_token=")] {
        assert_eq!(send(&fixture, body).await, StatusCode::BAD_REQUEST);
    }
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        let reply = send_as(&fixture, kind, PLACE, good.clone()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{kind}");
    }
    let query = format!("{PLACE}?{good}");
    assert_eq!(
        fixture.get(&mut Browser::new(), &query).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    // Neither the token of another provider, nor a place without one.
    for (place, status) in [("partner", StatusCode::BAD_REQUEST), ("x", StatusCode::NOT_FOUND)] {
        let place = format!("/.portcullis/backchannel-logout/{place}");
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(send_as(&fixture, kind, &place, good.clone()).await.status, status);
    }
    assert!(lives(&fixture, &ann).await);
    // None of them has used up the name, and other fields and parameters of the type do not matter.
    let kind = "Application/X-WWW-Form-URLEncoded; charset=UTF-8";
    let reply = send_as(&fixture, kind, PLACE, format!("more=1&{good}")).await;
    assert_eq!((reply.status, text(&reply).as_str()), (StatusCode::OK, ""));
    assert!(!lives(&fixture, &ann).await);
}

#[tokio::test]
async fn what_could_not_be_done_may_be_sent_again() {
    let fixture = Fixture::new();
    let ann = signed_in(&fixture, "ann", "a").await;
    let token = logout(&fixture, "1", &json!({}));
    fixture.store.down.store(true, Ordering::SeqCst);
    assert_eq!(send(&fixture, token.clone()).await, StatusCode::SERVICE_UNAVAILABLE);
    fixture.store.down.store(false, Ordering::SeqCst);
    assert!(lives(&fixture, &ann).await);
    assert_eq!(send(&fixture, token).await, StatusCode::OK);
    assert!(!lives(&fixture, &ann).await);
}

#[tokio::test]
async fn without_keys_nobody_is_believed_and_nothing_is_used_up() {
    let fixture = Fixture::new();
    let place = "https://corp.test/jwks";
    let published = fixture.fetch.clone();
    published.fail(place, FetchError::TimedOut { host: "corp.test".to_owned(), millis: 1 });
    let token = logout(&fixture, "1", &json!({}));
    assert_eq!(send(&fixture, token.clone()).await, StatusCode::SERVICE_UNAVAILABLE);
    let keys = json!({ "keys": [fixture.signer.key().public_jwk().unwrap()] });
    published.answer(place, 200, keys.to_string());
    fixture.clock.advance(std::time::Duration::from_secs(2));
    assert_eq!(send(&fixture, token).await, StatusCode::OK);
}

#[tokio::test]
async fn people_who_are_known_by_another_claim_are_found_by_the_providers_own_name() {
    let mut fixture = Fixture::new();
    let mut settings = ProviderSettings::new("corp".into(), "https://corp.test", "gw");
    "oid".clone_into(&mut settings.subject);
    let (fetch, clock) = (fixture.fetch.clone(), fixture.clock.clone());
    let provider = Provider::new(settings, fetch, clock, Arc::new(SystemEntropy));
    fixture.endpoints.parts.providers[0] = Arc::new(provider);
    let ann = signed_in(&fixture, "ann", "a").await;
    // The subject that is kept could be somebody else's `sub`.
    let by_sub = logout(&fixture, "1", &json!({ "sub": "o" }));
    assert_eq!(send(&fixture, by_sub).await, StatusCode::OK);
    assert!(lives(&fixture, &ann).await);
    let by_sid = logout(&fixture, "2", &json!({ "sid": "a" }));
    assert_eq!(send(&fixture, by_sid).await, StatusCode::OK);
    assert!(!lives(&fixture, &ann).await);
}
