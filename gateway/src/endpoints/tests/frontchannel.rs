use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::json;

use super::fixture::{Browser, Fixture, cookies};
use crate::base::SystemEntropy;
use crate::oidc::{FrontchannelLogout, Provider, ProviderSettings};

const PLACE: &str = "/.portcullis/frontchannel-logout/corp";
const ISS: &str = "iss=https%3A%2F%2Fcorp.test";

async fn signed_in(fixture: &Fixture, sub: &str, sid: &str) -> Browser {
    let mut browser = Browser::new();
    let at = fixture.begin(&mut browser, "/").await;
    let back = fixture.consent(&at, &json!({ "sub": sub, "sid": sid }));
    fixture.get(&mut browser, &back).await;
    browser
}

fn heeding(mode: FrontchannelLogout) -> Fixture {
    let mut fixture = Fixture::new();
    let mut settings = ProviderSettings::new("corp".into(), "https://corp.test", "gw");
    settings.frontchannel_logout = mode;
    let (fetch, clock) = (fixture.fetch.clone(), fixture.clock.clone());
    let provider = Provider::new(settings, fetch, clock, Arc::new(SystemEntropy));
    fixture.endpoints.parts.providers[0] = Arc::new(provider);
    fixture
}

async fn lives(fixture: &Fixture, browser: &Browser) -> bool {
    fixture.me(browser).await.0 == StatusCode::OK
}

#[tokio::test]
async fn the_cookie_of_the_session_that_is_named_ends_it() {
    let fixture = Fixture::new();
    let mut ann = signed_in(&fixture, "ann", "a&b").await;
    let stolen = ann.clone();
    let reply = fixture.get(&mut ann, &format!("{PLACE}?{ISS}&sid=a%26b")).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.headers["cache-control"], "no-store");
    let policy = "default-src 'none'; frame-ancestors https://corp.test";
    assert_eq!(reply.headers["content-security-policy"], policy);
    let cleared = "__Host-portcullis=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax";
    assert_eq!(cookies(&reply), [cleared]);
    assert!(!lives(&fixture, &stolen).await);
}

#[tokio::test]
async fn a_provider_that_leaves_its_name_out_is_known_by_the_address() {
    let fixture = Fixture::new();
    let mut ann = signed_in(&fixture, "ann", "a").await;
    let stolen = ann.clone();
    for (place, lives_on) in [("partner", true), ("corp", false)] {
        let place = format!("/.portcullis/frontchannel-logout/{place}?sid=a");
        assert_eq!(fixture.get(&mut ann, &place).await.status, StatusCode::OK);
        assert_eq!(lives(&fixture, &stolen).await, lives_on, "{place}");
    }
}

#[tokio::test]
async fn nobody_ends_a_session_that_is_not_in_their_browser() {
    let fixture = Fixture::new();
    let ann = signed_in(&fixture, "ann", "a").await;
    let bob = signed_in(&fixture, "bob", "b").await;
    let named = format!("{PLACE}?{ISS}&sid=a");
    for mut browser in [Browser::new(), bob.clone()] {
        let reply = fixture.get(&mut browser, &named).await;
        assert_eq!(reply.status, StatusCode::OK, "it does not tell whether there is one");
        assert!(cookies(&reply).is_empty());
    }
    assert!(lives(&fixture, &ann).await && lives(&fixture, &bob).await);
    for query in [
        String::new(),
        ISS.to_owned(),
        format!("{ISS}&sid="),
        format!("{ISS}&sid=a&sid=a"),
        format!("{ISS}&{ISS}&sid=a"),
        "iss=https%3A%2F%2Fpartner.test&sid=a".to_owned(),
        format!("{ISS}&sid={}", "a".repeat(300)),
    ] {
        let reply = fixture.get(&mut ann.clone(), &format!("{PLACE}?{query}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for method in [Method::HEAD, Method::POST] {
        let reply = fixture.send(&mut ann.clone(), method, &named, "").await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert!(lives(&fixture, &ann).await);
}

#[tokio::test]
async fn the_operator_may_let_the_name_be_enough_or_heed_none() {
    let fixture = heeding(FrontchannelLogout::Sid);
    let [ann, other] =
        [signed_in(&fixture, "ann", "a").await, signed_in(&fixture, "ann", "b").await];
    let named = format!("{PLACE}?{ISS}&sid=a");
    assert_eq!(fixture.get(&mut Browser::new(), &named).await.status, StatusCode::OK);
    assert!(!lives(&fixture, &ann).await && lives(&fixture, &other).await);
    let without_issuer = format!("{PLACE}?sid=b");
    assert_eq!(fixture.get(&mut Browser::new(), &without_issuer).await.status, StatusCode::OK);
    assert!(!lives(&fixture, &other).await);

    let fixture = heeding(FrontchannelLogout::Off);
    let ann = signed_in(&fixture, "ann", "a").await;
    let reply = fixture.get(&mut ann.clone(), &named).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert!(lives(&fixture, &ann).await);
}
