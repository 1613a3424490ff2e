use std::sync::atomic::Ordering;

use http::{Method, StatusCode};
use serde_json::json;

use super::fixture::{Browser, Fixture, NOW, cookies, location, text};
use crate::endpoints::Endpoints;

const ALL: [&str; 9] = [
    "/.portcullis",
    "/.portcullis/login",
    "/.portcullis/login/corp",
    "/.portcullis/logout",
    "/.portcullis/signed-out",
    "/.portcullis/me",
    "/.portcullis/nothing",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
];

#[test]
fn what_is_ours_is_ours() {
    assert!(ALL.into_iter().all(Endpoints::owns));
    for other in ["/", "/.portcullisx", "/x/.portcullis/me", "/.well-known/jwks.json/", "/me"] {
        assert!(!Endpoints::owns(other), "{other}");
    }
}

#[tokio::test]
async fn only_login_callback_and_logout_set_cookies_and_every_page_has_a_policy() {
    let fixture = Fixture::new();
    let mut ann = Browser::new();
    fixture.sign_in(&mut ann, "/").await;
    for browser in [&ann, &Browser::new(), &Browser::with(&[("accept", "*/*")])] {
        for path in ALL {
            for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
                let reply = fixture.send(&mut browser.clone(), method, path, "").await;
                let may = path.starts_with("/.portcullis/login");
                assert!(may || cookies(&reply).is_empty(), "{path}");
                assert!(reply.status.as_u16() < 500, "{path}");
                let kind = reply.headers.get("content-type").map(|kind| kind.to_str().unwrap());
                if kind.is_some_and(|kind| kind.starts_with("text/html")) {
                    assert!(reply.headers.contains_key("content-security-policy"), "{path}");
                }
                if path.starts_with("/.portcullis") {
                    assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let fixture = Fixture::new();
    for (path, allowed) in [
        ("/.portcullis/login", "GET, HEAD"),
        ("/.portcullis/me", "GET, HEAD"),
        ("/.portcullis/signed-out", "GET, HEAD"),
        ("/.portcullis/logout", "GET, HEAD, POST"),
        ("/.portcullis/callback/corp", "GET, HEAD"),
        ("/.well-known/jwks.json", "GET, HEAD"),
    ] {
        let reply = fixture.send(&mut Browser::new(), Method::PUT, path, "").await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(reply.headers["allow"], allowed, "{path}");
    }
}

#[tokio::test]
async fn polling_me_keeps_no_session_alive() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    fixture.sign_in(&mut ann, "/").await;
    for _ in 0..2 {
        fixture.clock.advance(std::time::Duration::from_secs(29 * 60));
        assert_eq!(fixture.me(&ann).await.0, StatusCode::OK);
    }
    fixture.clock.advance(std::time::Duration::from_secs(3 * 60));
    assert_eq!(fixture.me(&ann).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn me_says_who_it_is_and_shows_no_token() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    fixture.sign_in(&mut ann, "/").await;
    let (status, mut me) = fixture.me(&ann).await;
    assert_eq!(status, StatusCode::OK);
    let csrf = me.as_object_mut().unwrap().remove("csrf").unwrap();
    assert!(!csrf.as_str().unwrap().is_empty());
    let expected = json!({
        "signed_in": true, "name": "Ann <script>", "email": "ann@corp.test",
        "preferred_username": null, "groups": ["staff", "\"><i>"], "roles": [],
        "provider": "corp", "signed_in_by": "oidc", "auth_time": NOW, "expires_at": NOW + 43_200,
        "ends_in": 3_600,
    });
    assert_eq!(me, expected);
    let page = text(&fixture.get(&mut ann, "/.portcullis/me").await);
    assert!(page.contains("Ann &#60;script&#62;") && page.contains("Corp &#38; Sons"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<i>") && !page.contains("at-secret"));
}

#[tokio::test]
async fn me_without_a_session_says_where_to_get_one() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let (status, document) = fixture.me(&ann).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(document, json!({"signed_in": false, "login_url": "/.portcullis/login"}));
    let reply = fixture.get(&mut ann, "/.portcullis/me").await;
    assert_eq!(reply.status, StatusCode::FOUND);
    assert_eq!(location(&reply), "/.portcullis/login?return_to=/.portcullis/me");
    ann.jar.insert("__Host-portcullis".to_owned(), "A".repeat(43));
    fixture.store.down.store(true, Ordering::SeqCst);
    assert_eq!(fixture.me(&ann).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn signed_out_offers_a_button_and_nothing_by_itself() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let page = text(&fixture.get(&mut ann, "/.portcullis/signed-out").await);
    assert!(page.contains("<a class=\"button\" href=\"/.portcullis/login\">Sign in again</a>"));
    assert!(!page.contains("http-equiv"));
    fixture.sign_in(&mut ann, "/").await;
    let page = text(&fixture.get(&mut ann, "/.portcullis/signed-out").await);
    assert!(page.contains("You are signed in"));
}

#[tokio::test]
async fn documents_are_cached_by_their_tags() {
    let (fixture, mut anybody) = (Fixture::new(), Browser::with(&[("accept", "*/*")]));
    let keys = fixture.get(&mut anybody, "/.well-known/jwks.json").await;
    assert_eq!(keys.status, StatusCode::OK);
    // Half of the time that a new key is published before it signs.
    assert_eq!(keys.headers["cache-control"], "public, max-age=60");
    assert_eq!(keys.headers["access-control-allow-origin"], "*");
    assert!(text(&keys).contains("\"kid\"") && !text(&keys).contains("\"d\""));
    let etag = keys.headers["etag"].to_str().unwrap();
    let tags = [etag.to_owned(), format!("\"x\", W/{etag}"), "*".to_owned()];
    for known in tags {
        let known: &'static str = known.leak();
        let mut again = Browser::with(&[("if-none-match", known)]);
        let reply = fixture.get(&mut again, "/.well-known/jwks.json").await;
        assert_eq!(reply.status, StatusCode::NOT_MODIFIED);
        assert!(reply.body.is_empty() && reply.headers.contains_key("etag"));
    }
    let mut stale = Browser::with(&[("if-none-match", "\"x\"")]);
    let document = fixture.get(&mut stale, "/.well-known/openid-configuration").await;
    assert_eq!(document.headers["cache-control"], "public, max-age=300");
    assert_eq!(text(&document), r#"{"issuer":"https://app.test"}"#);
}
