use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

use super::fixture::{Browser, Fixture, cookies, location, text};
use crate::base::SystemEntropy;
use crate::oidc::{Provider, ProviderSettings};
use crate::web::Reply;

const LOGOUT: &str = "/.portcullis/logout";

async fn signed_in(fixture: &Fixture) -> (Browser, String) {
    let mut browser = Browser::new();
    fixture.sign_in(&mut browser, "/").await;
    let csrf = fixture.me(&browser).await.1["csrf"].as_str().unwrap().to_owned();
    (browser, csrf)
}

async fn post(fixture: &Fixture, browser: &mut Browser, form: String) -> Reply {
    fixture.post(browser, Method::POST, LOGOUT, Bytes::from(form)).await
}

#[tokio::test]
async fn signing_out_ends_the_session_clears_the_cookie_and_goes_on_to_the_provider() {
    let fixture = Fixture::new();
    let (mut ann, _) = signed_in(&fixture).await;
    let stolen = ann.clone();
    let asked = fixture.get(&mut ann, LOGOUT).await;
    let page = text(&asked);
    assert!(page.contains("Ann &#60;script&#62;") && !page.contains("<script"), "{page}");
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
    let csrf = csrf.split('"').next().unwrap();
    let reply = post(&fixture, &mut ann, format!("csrf={csrf}")).await;
    assert_eq!(reply.status, StatusCode::OK);
    let cleared = "__Host-portcullis=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax";
    assert_eq!(cookies(&reply), [cleared]);
    let page = text(&reply);
    let onward = page.split("content=\"0; url=").nth(1).unwrap().split('"').next().unwrap();
    assert!(onward.starts_with("https://corp.test/logout?id_token_hint="), "{onward}");
    let back = "post_logout_redirect_uri=https%3A%2F%2Fapp.test%2F.portcullis%2Fsigned-out";
    assert!(onward.contains(back) && onward.contains("client_id=gw"), "{onward}");
    assert_eq!(fixture.me(&stolen).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn people_who_follow_each_other_quickly_are_no_circle() {
    let (fixture, mut shared) = (Fixture::new(), Browser::new());
    for _ in 0..4 {
        fixture.sign_in(&mut shared, "/").await;
        let csrf = fixture.me(&shared).await.1["csrf"].as_str().unwrap().to_owned();
        let reply = post(&fixture, &mut shared, format!("csrf={csrf}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", text(&reply));
    }
}

#[tokio::test]
async fn a_form_without_its_proof_ends_nothing() {
    let fixture = Fixture::new();
    let (mut ann, csrf) = signed_in(&fixture).await;
    let (_, others) = signed_in(&fixture).await;
    for form in [
        String::new(),
        "csrf=".to_owned(),
        format!("csrf={others}"),
        format!("csrf={csrf}&csrf={csrf}"),
        format!("csrf={csrf}A"),
    ] {
        let reply = post(&fixture, &mut ann, form).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(cookies(&reply).is_empty());
    }
    assert_eq!(fixture.me(&ann).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_form_of_another_site_ends_nothing_even_with_the_proof() {
    let fixture = Fixture::new();
    let (ann, csrf) = signed_in(&fixture).await;
    for field in [
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let mut forged = ann.clone();
        forged.extra.push(field);
        let reply = post(&fixture, &mut forged, format!("csrf={csrf}")).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{field:?}");
    }
    assert_eq!(fixture.me(&ann).await.0, StatusCode::OK);
    let mut own = ann.clone();
    own.extra.extend([("origin", "null"), ("sec-fetch-site", "same-origin")]);
    let reply = post(&fixture, &mut own, format!("csrf={csrf}")).await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn reading_the_page_ends_nothing() {
    let fixture = Fixture::new();
    let (mut ann, _) = signed_in(&fixture).await;
    for method in [Method::GET, Method::HEAD] {
        let reply = fixture.send(&mut ann, method, LOGOUT, "").await;
        assert!(cookies(&reply).is_empty());
    }
    assert_eq!(fixture.me(&ann).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_script_is_told_where_to_send_the_tab() {
    let fixture = Fixture::new();
    let (mut ann, csrf) = signed_in(&fixture).await;
    ann.extra.push(("accept", "application/json"));
    let reply = post(&fixture, &mut ann, format!("csrf={csrf}")).await;
    let document: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(document["signed_in"], false);
    assert!(document["location"].as_str().unwrap().starts_with("https://corp.test/logout?"));
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_end() {
    let fixture = Fixture::new();
    for method in [Method::GET, Method::POST] {
        let reply = fixture.send(&mut Browser::new(), method, LOGOUT, "").await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
        assert_eq!(location(&reply), "/.portcullis/signed-out");
    }
}

#[tokio::test]
async fn a_failing_store_is_told_and_the_session_is_dead_all_the_same() {
    let fixture = Fixture::new();
    let (mut ann, csrf) = signed_in(&fixture).await;
    fixture.store.down.store(true, Ordering::SeqCst);
    let reply = post(&fixture, &mut ann, format!("csrf={csrf}")).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(cookies(&reply).is_empty());
    assert_eq!(fixture.me(&ann).await.0, StatusCode::UNAUTHORIZED);
}

/// The configuration has changed: the same id, another issuer. What the first one gave is a secret
/// between it and us.
#[tokio::test]
async fn another_provider_under_the_same_id_is_shown_no_token() {
    for (issuer, shown) in [("https://partner.test", false), ("https://corp.test", true)] {
        let mut fixture = Fixture::new();
        let (mut ann, csrf) = signed_in(&fixture).await;
        let settings = ProviderSettings::new("corp".into(), issuer, "gw");
        let (fetch, clock) = (fixture.fetch.clone(), fixture.clock.clone());
        let provider = Provider::new(settings, fetch, clock, Arc::new(SystemEntropy));
        fixture.endpoints.parts.providers[0] = Arc::new(provider);
        let revoke = format!("{issuer}/revoke");
        fixture.fetch.answer(&revoke, 200, "");
        // It is known, and takes tokens back.
        fixture.begin(&mut Browser::new(), "/").await;
        let page = text(&post(&fixture, &mut ann, format!("csrf={csrf}")).await);
        assert!(page.contains(&format!("{issuer}/logout?")), "{page}");
        assert_eq!(page.contains("id_token_hint="), shown, "{issuer}");
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(!fixture.fetch.asked(&revoke).is_empty(), shown, "{issuer}");
    }
}
