use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use super::fixture::{Browser, Fixture, TOKEN, cookies, location, query, text};
use crate::web::{FetchError, Scheme};

#[tokio::test]
async fn a_login_ends_where_it_was_wanted_with_a_session() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let at = fixture.begin(&mut ann, "/chat?x=1%262").await;
    assert_eq!(at.origin().ascii_serialization(), "https://corp.test");
    assert_eq!(query(&at, "redirect_uri"), "https://app.test/.portcullis/callback/corp");
    let back = fixture.consent(&at, &json!({}));
    let reply = fixture.get(&mut ann, &back).await;
    assert_eq!((reply.status, location(&reply)), (StatusCode::SEE_OTHER, "/chat?x=1&2"));
    assert_eq!(reply.headers["referrer-policy"], "no-referrer");
    assert_eq!(reply.headers["cache-control"], "no-store");
    let (status, me) = fixture.me(&ann).await;
    assert_eq!((status, &me["name"]), (StatusCode::OK, &json!("Ann <script>")));
}

#[tokio::test]
async fn the_cookies_have_exactly_these_attributes() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let begun = fixture.get(&mut ann, "/.portcullis/login").await;
    let mark = ann.jar["__Host-portcullis-login"].clone();
    let mark = format!(
        "__Host-portcullis-login={mark}; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"
    );
    assert_eq!(cookies(&begun), [mark]);
    let done = fixture.sign_in(&mut ann, "/").await;
    let handle = ann.jar["__Host-portcullis"].clone();
    assert_eq!(handle.len(), 43);
    let session = format!(
        "__Host-portcullis={handle}; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax"
    );
    assert_eq!(cookies(&done), [session]);
    let mut local = Browser::new();
    (local.scheme, local.authority) = (Scheme::Http, "localhost:8080");
    let at = fixture.begin(&mut local, "/").await;
    assert_eq!(query(&at, "redirect_uri"), "http://localhost:8080/.portcullis/callback/corp");
    assert!(!local.jar["portcullis-login"].is_empty());
}

#[tokio::test]
async fn a_callback_in_another_browser_is_refused_and_nothing_is_redeemed() {
    let fixture = Fixture::new();
    let (mut mallory, mut ann, mut bare) = (Browser::new(), Browser::new(), Browser::new());
    let back = fixture.consent(&fixture.begin(&mut mallory, "/").await, &json!({}));
    fixture.begin(&mut ann, "/").await;
    for victim in [&mut ann, &mut bare] {
        let reply = fixture.get(victim, &back).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(text(&reply).contains("login_other_browser"));
        assert!(text(&reply).contains("/.portcullis/login/corp?return_to=/"));
        assert!(cookies(&reply).is_empty());
    }
    assert!(fixture.fetch.asked(TOKEN).is_empty());
}

#[tokio::test]
async fn a_state_is_used_once_even_across_a_reload() {
    let (mut fixture, mut ann) = (Fixture::new(), Browser::new());
    let back = fixture.consent(&fixture.begin(&mut ann, "/chat").await, &json!({}));
    assert_eq!(fixture.get(&mut ann, &back).await.status, StatusCode::SEE_OTHER);
    fixture.reload();
    let again = fixture.get(&mut ann, &back).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(text(&again).contains("login_replayed") && text(&again).contains("href=\"/chat\""));
    assert_eq!(fixture.fetch.asked(TOKEN).len(), 1);
    assert_eq!(fixture.me(&ann).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_state_has_ten_minutes() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let back = fixture.consent(&fixture.begin(&mut ann, "/").await, &json!({}));
    fixture.clock.advance(Duration::from_secs(601));
    let reply = fixture.get(&mut ann, &back).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(text(&reply).contains("login_too_slow"));
    assert!(fixture.fetch.asked(TOKEN).is_empty());
}

#[tokio::test]
async fn a_login_comes_back_to_its_own_provider_only() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let back = fixture.consent(&fixture.begin(&mut ann, "/").await, &json!({}));
    let mixed_up = back.replace("/callback/corp", "/callback/partner");
    let reply = fixture.get(&mut ann, &mixed_up).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(text(&reply).contains("login_provider_wrong"));
    let nowhere = back.replace("/callback/corp", "/callback/none");
    assert_eq!(fixture.get(&mut ann, &nowhere).await.status, StatusCode::NOT_FOUND);
    assert_eq!(fixture.get(&mut ann, &back).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn repeated_parameters_and_form_posts_are_refused() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let back = fixture.consent(&fixture.begin(&mut ann, "/").await, &json!({}));
    for bad in [format!("{back}&code=d"), format!("{back}&state=x"), format!("{back}&iss=a&iss=b")]
    {
        assert_eq!(fixture.get(&mut ann, &bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let posted = fixture.send(&mut ann, Method::POST, &back, "").await;
    assert_eq!(posted.status, StatusCode::BAD_REQUEST);
    assert!(fixture.fetch.asked(TOKEN).is_empty());
}

#[tokio::test]
async fn what_a_provider_says_of_an_error_is_not_shown() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let at = fixture.begin(&mut ann, "/").await;
    let target = format!(
        "/.portcullis/callback/corp?error=%3Cscript%3Ex&error_description=%3Cimg%20src=x%3E&state={}",
        query(&at, "state")
    );
    let reply = fixture.get(&mut ann, &target).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let page = text(&reply);
    assert!(page.contains("login_provider_refused"));
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert!(reply.headers.contains_key("content-security-policy"));
}

#[tokio::test]
async fn eight_tabs_at_once_all_arrive_at_their_own_pages() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let mut begun = Vec::new();
    for tab in 0..8 {
        begun.push(fixture.begin(&mut ann, &format!("/tab/{tab}")).await);
    }
    assert_eq!(ann.jar.len(), 1);
    for (tab, at) in begun.iter().enumerate().rev() {
        let back = fixture.consent(at, &json!({}));
        let reply = fixture.get(&mut ann, &back).await;
        assert_eq!(location(&reply), format!("/tab/{tab}"), "{}", text(&reply));
    }
    // A ninth that was on its way meanwhile has a session, and is not taken for a loop.
    fixture.begin(&mut ann, "/tab/9").await;
    assert_eq!(fixture.me(&ann).await.0, StatusCode::OK);
}

#[tokio::test]
async fn two_hundred_abandoned_logins_leave_one_cookie() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    for _ in 0..200 {
        fixture.begin(&mut ann, "/").await;
    }
    assert_eq!(ann.jar.len(), 1);
    assert_eq!(fixture.sign_in(&mut ann, "/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_third_login_without_a_cookie_is_stopped_until_the_person_wants_it() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    for _ in 0..2 {
        fixture.sign_in(&mut ann, "/chat").await;
        ann.jar.remove("__Host-portcullis");
    }
    let stopped = fixture.get(&mut ann, "/.portcullis/login?return_to=/chat").await;
    assert_eq!(stopped.status, StatusCode::BAD_REQUEST);
    let page = text(&stopped);
    assert!(page.contains("login_loop"));
    assert!(page.contains("/.portcullis/login/corp?return_to=/chat&#38;again=1"), "{page}");
    let mut later = ann.clone();
    let again = "/.portcullis/login/corp?return_to=/chat&again=1";
    assert_eq!(fixture.get(&mut ann, again).await.status, StatusCode::FOUND);
    assert_eq!(fixture.sign_in(&mut later, "/chat").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn logins_of_a_minute_ago_are_no_loop() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    for _ in 0..2 {
        fixture.sign_in(&mut ann, "/").await;
        ann.jar.remove("__Host-portcullis");
    }
    fixture.clock.advance(Duration::from_secs(61));
    fixture.begin(&mut ann, "/").await;
}

#[tokio::test]
async fn no_target_leads_off_the_site() {
    let fixture = Fixture::new();
    for target in [
        "https://evil.test",
        "//evil.test",
        "/%5Cevil.test",
        "%5C%5Cevil.test",
        "/%09/evil.test",
        "http:evil.test",
        "javascript:alert(1)",
        "/%2F/evil.test",
        "///evil.test",
        "https:%5C%5Cevil.test",
        "/.portcullis/logout",
        "%0d%0aSet-Cookie:x=1",
        "/a&return_to=/b",
        "https://app.test@evil.test",
        "/..//evil.test",
        "%20//evil.test",
    ] {
        let reply = fixture.sign_in(&mut Browser::new(), target).await;
        assert_eq!((reply.status, location(&reply)), (StatusCode::SEE_OTHER, "/"), "{target}");
    }
}

#[tokio::test]
async fn a_login_link_cannot_choose_what_is_asked_of_the_provider() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let link = "/.portcullis/login/corp?scope=admin&prompt=none&acr_values=x&redirect_uri=https://e\
        vil.test&client_id=evil&login_hint=mallory";
    let reply = fixture.get(&mut ann, link).await;
    assert_eq!(reply.status, StatusCode::FOUND);
    let at = location(&reply);
    // With what stands around them: sealed text may hold any word of a few letters.
    for theirs in ["admin", "evil.test", "=evil", "mallory", "prompt=", "acr_values"] {
        assert!(!at.contains(theirs), "{theirs}: {at}");
    }
}

#[tokio::test]
async fn a_frame_or_a_script_is_not_redirected() {
    let fixture = Fixture::new();
    for fields in [
        [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
        [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
    ] {
        for target in ["/.portcullis/login", "/.portcullis/login/corp"] {
            let reply = fixture.get(&mut Browser::with(&fields), target).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
            assert_eq!(reply.headers["content-type"], "application/json");
            assert!(cookies(&reply).is_empty());
        }
    }
}

#[tokio::test]
async fn the_route_decides_who_is_offered() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let chooser = fixture.get(&mut ann, "/.portcullis/login?return_to=/many/x?a=1").await;
    assert_eq!(chooser.status, StatusCode::OK);
    let page = text(&chooser);
    assert!(page.contains("/.portcullis/login/corp?return_to=/many/x%3Fa%3D1"), "{page}");
    assert!(page.contains("Corp &#38; Sons &#60;b&#62;") && page.contains(">Partner</a>"));
    let none = fixture.get(&mut ann, "/.portcullis/login?return_to=/none/x").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(ann.jar.is_empty());
}

#[tokio::test]
async fn at_an_address_that_is_not_configured_nobody_signs_in() {
    let fixture = Fixture::new();
    for (scheme, authority) in
        [(Scheme::Https, "evil.test"), (Scheme::Http, "app.test"), (Scheme::Https, "app.test:8443")]
    {
        let mut browser = Browser::new();
        (browser.scheme, browser.authority) = (scheme, authority);
        let reply = fixture.get(&mut browser, "/.portcullis/login").await;
        assert_eq!(reply.status, StatusCode::MISDIRECTED_REQUEST);
        assert!(text(&reply).contains("href=\"https://app.test/\""));
        assert!(browser.jar.is_empty());
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_worth_another_try() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let document = "https://corp.test/.well-known/openid-configuration";
    let (host, millis) = ("corp.test".to_owned(), 5_000);
    fixture.fetch.fail(document, FetchError::TimedOut { host, millis });
    let reply = fixture.get(&mut ann, "/.portcullis/login?return_to=/chat").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.headers.contains_key("retry-after"));
    assert!(text(&reply).contains("href=\"/.portcullis/login/corp?return_to=/chat\""));
}

#[tokio::test]
async fn who_may_not_sign_in_gets_no_session() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let reply = fixture.get(&mut ann, "/.portcullis/login/partner?return_to=/many/x").await;
    let at = url::Url::parse(location(&reply)).unwrap();
    let reply = fixture.get(&mut ann, &fixture.consent(&at, &json!({}))).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(text(&reply).contains("login_not_allowed"));
    assert!(cookies(&reply).is_empty());
}

#[tokio::test]
async fn a_session_that_cannot_be_kept_is_not_begun() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    let back = fixture.consent(&fixture.begin(&mut ann, "/").await, &json!({}));
    fixture.store.down.store(true, Ordering::SeqCst);
    let reply = fixture.get(&mut ann, &back).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(cookies(&reply).is_empty());
}

#[tokio::test]
async fn a_new_login_ends_the_session_that_the_browser_brought() {
    let (fixture, mut ann) = (Fixture::new(), Browser::new());
    fixture.sign_in(&mut ann, "/").await;
    let planted = ann.clone();
    fixture.sign_in(&mut ann, "/").await;
    assert_ne!(planted.jar, ann.jar);
    assert_eq!(fixture.me(&planted).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.me(&ann).await.0, StatusCode::OK);
}
