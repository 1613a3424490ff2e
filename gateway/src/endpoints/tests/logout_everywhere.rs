use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::{Browser, Fixture, text};
use crate::web::Reply;

const LOGOUT: &str = "/.portcullis/logout";
const REVOKE: &str = "https://corp.test/revoke";

async fn signed_in(fixture: &Fixture, sub: &str) -> (Browser, String) {
    let mut browser = Browser::new();
    let at = fixture.begin(&mut browser, "/").await;
    let back = fixture.consent(&at, &json!({ "sub": sub }));
    fixture.get(&mut browser, &back).await;
    let csrf = fixture.me(&browser).await.1["csrf"].as_str().unwrap().to_owned();
    (browser, csrf)
}

async fn post(fixture: &Fixture, browser: &mut Browser, form: String) -> Reply {
    fixture.post(browser, Method::POST, LOGOUT, Bytes::from(form)).await
}

async fn lives(fixture: &Fixture, browser: &Browser) -> bool {
    fixture.me(browser).await.0 == StatusCode::OK
}

/// What was handed back, once there are `wanted`.
async fn handed_back(fixture: &Fixture, wanted: usize) -> Vec<String> {
    for _ in 0..1_000 {
        if fixture.fetch.asked(REVOKE).len() >= wanted {
            break;
        }
        tokio::task::yield_now().await;
    }
    let asked = fixture.fetch.asked(REVOKE).into_iter();
    asked.map(|request| String::from_utf8(request.into_body().to_vec()).unwrap()).collect()
}

/// Where an answer leads on to.
fn onward(reply: &Reply) -> String {
    let page = text(reply);
    let onward = page.split("content=\"0; url=").nth(1).unwrap().split('"').next().unwrap();
    onward.replace("&#38;", "&")
}

#[tokio::test]
async fn everywhere_means_all_sessions_of_the_person_and_of_nobody_else() {
    let fixture = Fixture::new();
    let (mut ann, csrf) = signed_in(&fixture, "ann").await;
    let [second, third] = [signed_in(&fixture, "ann").await.0, signed_in(&fixture, "ann").await.0];
    let (bob, _) = signed_in(&fixture, "bob").await;
    for forged in ["everywhere=1".to_owned(), format!("everywhere=1&csrf={csrf}A")] {
        let reply = post(&fixture, &mut ann.clone(), forged).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
    assert!(lives(&fixture, &second).await);
    ann.extra.push(("accept", "application/json"));
    let reply = post(&fixture, &mut ann, format!("csrf={csrf}&everywhere=1")).await;
    let said: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((&said["signed_in"], &said["ended"]), (&json!(false), &json!(3)), "{said}");
    assert!(said["location"].as_str().unwrap().starts_with("https://corp.test/logout?"));
    for browser in [&ann, &second, &third] {
        assert!(!lives(&fixture, browser).await);
    }
    assert!(lives(&fixture, &bob).await);
    let handed = handed_back(&fixture, 3).await;
    assert_eq!(handed.len(), 3, "{handed:?}");
}

#[tokio::test]
async fn the_page_offers_both_and_one_ends_one() {
    let fixture = Fixture::new();
    let (mut ann, csrf) = signed_in(&fixture, "ann").await;
    let other = signed_in(&fixture, "ann").await.0;
    let page = text(&fixture.get(&mut ann, LOGOUT).await);
    assert!(page.contains("name=\"everywhere\" value=\"1\""), "{page}");
    post(&fixture, &mut ann, format!("csrf={csrf}")).await;
    assert!(lives(&fixture, &other).await);
    let handed = handed_back(&fixture, 1).await;
    assert_eq!(handed, ["token=at-secret&token_type_hint=access_token&client_id=gw"]);
}

#[tokio::test]
async fn whoever_comes_back_from_the_provider_is_known_by_the_state() {
    let fixture = Fixture::new();
    let (mut ann, csrf) = signed_in(&fixture, "ann").await;
    let (mut bob, _) = signed_in(&fixture, "bob").await;
    bob.jar.retain(|name, _| name.ends_with("-login"));
    let reply = post(&fixture, &mut ann, format!("csrf={csrf}")).await;
    let onward = onward(&reply);
    let state = onward.split("state=").nth(1).unwrap();
    let place = |query: &str| format!("/.portcullis/signed-out{query}");
    let page = text(&fixture.get(&mut ann, &place(&format!("?state={state}"))).await);
    assert!(page.contains("Corp &#38; Sons &#60;b&#62; has sent you back"), "{page}");
    for foreign in ["?state=".to_owned(), "?state=x".to_owned(), format!("?state={state}&state=x")]
    {
        let page = text(&fixture.get(&mut ann, &place(&foreign)).await);
        assert!(page.contains("You are signed out") && page.contains("is not known"), "{page}");
    }
    let others = text(&fixture.get(&mut bob, &place(&format!("?state={state}"))).await);
    assert!(others.contains("is not known"), "another browser's: {others}");
    let silent = text(&fixture.get(&mut ann, &place("")).await);
    assert!(silent.contains("You are signed out") && !silent.contains("is not known"), "{silent}");
    fixture.clock.advance(std::time::Duration::from_secs(3_601));
    let late = text(&fixture.get(&mut ann, &place(&format!("?state={state}"))).await);
    assert!(late.contains("is not known"), "{late}");
}

#[tokio::test]
async fn browsers_forget_what_the_operator_says_when_somebody_signs_out_and_else_never() {
    let mut fixture = Fixture::new();
    "\"cache\", \"storage\"".clone_into(&mut fixture.endpoints.parts.logout.clear_site_data);
    let (mut ann, csrf) = signed_in(&fixture, "ann").await;
    let clears = |reply: &Reply| reply.headers.get("clear-site-data").cloned();
    let signed_out = "/.portcullis/signed-out";
    let mut stranger = Browser::new();
    for reply in [
        post(&fixture, &mut ann, "csrf=x".to_owned()).await,
        fixture.get(&mut ann, LOGOUT).await,
        fixture.get(&mut ann, signed_out).await,
        // What a page of another site can make a browser send: without the cookie.
        fixture.get(&mut stranger, signed_out).await,
        fixture.get(&mut stranger, &format!("{signed_out}?state=x")).await,
        post(&fixture, &mut stranger, "csrf=x".to_owned()).await,
    ] {
        assert_eq!(clears(&reply), None);
    }
    let reply = post(&fixture, &mut ann, format!("csrf={csrf}")).await;
    assert_eq!(clears(&reply).unwrap(), "\"cache\", \"storage\"");
    let onward = onward(&reply);
    let back = format!("{signed_out}?state={}", onward.split("state=").nth(1).unwrap());
    let reply = fixture.get(&mut ann, &back).await;
    assert_eq!(clears(&reply).unwrap(), "\"cache\", \"storage\"");
}
