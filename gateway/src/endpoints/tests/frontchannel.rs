use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{Method, StatusCode};
use serde_json::json;

use super::fixture::{Browser, Fixture, cookies};
use crate::base::SystemEntropy;
use crate::oidc::{FrontchannelLogout, Provider, ProviderSettings, Tenants};

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
    let mut settings = ProviderSettings::new("corp".into(), "https://corp.test", "gw");
    settings.frontchannel_logout = mode;
    at_provider(settings)
}

fn at_provider(settings: ProviderSettings) -> Fixture {
    let mut fixture = Fixture::new();
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

const ONE: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const TWO: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// A provider like Entra: each tenant has an issuer of its own, and logouts leave it out.
fn with_tenants(tenants: Tenants) -> Fixture {
    let issuer = format!("https://corp.test/{}/v2.0", Tenants::PLACE);
    let place = "https://corp.test/.well-known/openid-configuration";
    let mut settings = ProviderSettings::new("corp".into(), issuer.clone(), "gw");
    settings.frontchannel_logout = FrontchannelLogout::Sid;
    settings.tenants = Some(tenants);
    settings.discovery = Some("https://corp.test".parse().unwrap());
    let fixture = at_provider(settings);
    let metadata = json!({
        "issuer": issuer, "authorization_endpoint": "https://corp.test/authorize",
        "token_endpoint": "https://corp.test/token", "jwks_uri": "https://corp.test/jwks",
        "id_token_signing_alg_values_supported": ["EdDSA"],
    });
    fixture.fetch.answer(place, 200, metadata.to_string());
    fixture
}

async fn of_tenant(fixture: &Fixture, tenant: &str, sid: &str) -> Browser {
    let mut browser = Browser::new();
    let at = fixture.begin(&mut browser, "/").await;
    let iss = format!("https://corp.test/{tenant}/v2.0");
    let claims = json!({ "iss": iss, "tid": tenant, "sid": sid });
    fixture.get(&mut browser, &fixture.consent(&at, &claims)).await;
    assert!(lives(fixture, &browser).await);
    browser
}

#[tokio::test]
async fn a_strangers_request_reads_no_session_but_those_that_it_names() {
    let fixture = with_tenants(Tenants::Only(vec![ONE.to_owned(), TWO.to_owned()]));
    let (one, two) = (of_tenant(&fixture, ONE, "a").await, of_tenant(&fixture, TWO, "b").await);
    for (sid, ones, twos) in [("nobody", true, true), ("b", true, false), ("a", false, false)] {
        let reply = fixture.get(&mut Browser::new(), &format!("{PLACE}?sid={sid}")).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!((lives(&fixture, &one).await, lives(&fixture, &two).await), (ones, twos));
    }
    assert_eq!(fixture.store.walks.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn where_any_tenant_may_come_a_session_is_named_with_its_issuer_only() {
    let fixture = with_tenants(Tenants::Any);
    let one = of_tenant(&fixture, ONE, "a").await;
    let reply = fixture.get(&mut Browser::new(), &format!("{PLACE}?sid=a")).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(lives(&fixture, &one).await);
    let iss = |tenant: &str| format!("{PLACE}?iss=https%3A%2F%2Fcorp.test%2F{tenant}%2Fv2.0&sid=a");
    for (tenant, lives_on) in [(TWO, true), (ONE, false)] {
        assert_eq!(fixture.get(&mut Browser::new(), &iss(tenant)).await.status, StatusCode::OK);
        assert_eq!(lives(&fixture, &one).await, lives_on, "{tenant}");
    }
    assert_eq!(fixture.store.walks.load(Ordering::SeqCst), 0);
}
