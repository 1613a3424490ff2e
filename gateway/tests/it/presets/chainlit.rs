//! Chainlit: a session of ours as one of its own, and its own sign-out as ours.

use serde_json::{Value, json};

use crate::presets::house::{app_cookies, fetch, routes, seen};
use crate::support::browser::Browser;
use crate::support::forge::{claims, header};
use crate::support::http::Message;
use crate::support::lab::{Lab, SITE};
use crate::support::raw::PATIENCE;
use crate::support::socket;

const NATIVE: &str = "[[routes]]\npreset = \"chainlit-native\"\n\
    token = { secret = { env = \"TEST_CLIENT_SECRET\" } }\n$";

fn token(lab: &Lab) -> String {
    seen(lab).split_once("access_token=").expect("a token").1.to_owned()
}

async fn sign_out_of_the_app(browser: &mut Browser, path: &str) -> Message {
    let headers = [("Origin", SITE), ("Content-Type", "application/json")];
    browser.fetch("POST", &format!("{SITE}{path}"), &headers, "{}").await
}

#[tokio::test]
async fn its_token_has_its_own_shape() {
    let lab = routes(NATIVE).await;
    lab.sign_in("engineer").await;
    let (head, token) = (header(&token(&lab)), claims(&token(&lab)));
    assert_eq!(head["alg"], "HS256");
    let names: Vec<_> = token.as_object().unwrap().keys().cloned().collect();
    let mut names = names;
    names.sort();
    assert_eq!(names, ["display_name", "exp", "iat", "identifier", "metadata"]);
    assert_eq!(token["identifier"], "sub-engineer");
    assert_eq!(token["display_name"], "engineer");
    let metadata = &token["metadata"];
    assert_eq!(metadata["groups"], json!(["engineering", "admin"]));
    assert_eq!(metadata["email"], "engineer@example.com");
    assert_eq!(metadata["provider"], "portcullis");
    assert_eq!(metadata["auth_method"], "oidc");
    let time = |name: &str| token[name].as_i64().unwrap();
    // It allows for no difference of clocks.
    assert!(time("exp") - time("iat") == 65, "{token}");
    assert_eq!(lab.recorder.last().header("x-user-jwt"), None);
}

#[tokio::test]
async fn the_identifier_is_the_routes_to_choose() {
    let text = NATIVE.replace("} }", "}, identifier = \"user\" }");
    let lab = routes(&text).await;
    lab.sign_in("engineer").await;
    assert_eq!(claims(&token(&lab))["identifier"], "engineer");
}

#[tokio::test]
async fn no_cookie_of_that_name_is_anybody_elses() {
    let lab = routes(NATIVE).await;
    let mut browser = lab.sign_in("engineer").await;
    for name in ["access_token", "access_token_0", "access_tokens"] {
        browser.plant("localhost", name, "forged");
    }
    browser.plant("localhost", "theme", "dark");
    let sets = [
        ("X-Answer-Cookie", "access_token=planted; Path=/"),
        ("X-Answer-Cookie", "access_token_0=planted; Path=/"),
        ("X-Answer-Cookie", "lang=en; Path=/; SameSite=Lax"),
        ("Authorization", "Bearer of-the-client"),
    ];
    let answer = fetch(&mut browser, "/user", &sets).await;
    let set: Vec<_> = answer.headers.all("set-cookie").collect();
    assert_eq!(set, ["lang=en; Path=/; SameSite=Lax"]);
    let sent = seen(&lab);
    assert!(sent.starts_with("theme=dark; access_token=eyJ") && !sent.contains("forged"), "{sent}");
    assert_eq!(lab.recorder.last().header("authorization"), None);
    // The WebSocket, where the app reads it, is no other way.
    let line = lab.cookie_line(&browser).replace("Cookie: ", "");
    lab.recorder.clear();
    let mut socket = socket::open_by_library(lab.gateway.http, "/ws/socket.io/", &line).await;
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    let sent = seen(&lab);
    assert!(sent.contains("access_token=eyJ") && !sent.contains("forged"), "{sent}");
}

#[tokio::test]
async fn signing_out_of_the_app_is_signing_out() {
    let lab = routes(NATIVE).await;
    let mut browser = lab.sign_in("engineer").await;
    let old = lab.cookie_line(&browser);
    let url = url::Url::parse(SITE).unwrap();
    let cookies = browser.cookie_header(&url);
    let mut socket = socket::open_by_library(lab.gateway.http, "/ws", &cookies).await;
    lab.recorder.clear();
    let answer = sign_out_of_the_app(&mut browser, "/logout").await;
    assert_eq!(answer.status(), 200, "the app's own answer");
    assert_eq!(lab.recorder.last().target(), "/logout", "the app hears of it");
    let ending = socket.ending(PATIENCE).await;
    assert_eq!(ending, Some(socket::Ending::Frame(1008)));
    lab.recorder.clear();
    assert_eq!(lab.get("/user", &[old]).await.status(), 401, "the session is over");
    assert!(lab.recorder.requests().is_empty());
    // The page loads itself again, wherever it is: no silent login at the provider.
    for path in ["/", "/login", "/"] {
        let page = browser.navigate(&format!("{SITE}{path}")).await;
        assert_eq!(page.url.path(), "/.portcullis/signed-out", "{:#?}", page.hops);
        assert!(page.answer.text().contains("You are signed out"), "{}", page.answer.text());
        assert!(page.answer.text().contains("href=\"/.portcullis/login\""));
    }
    lab.provider.remember(&mut browser, "engineer");
    let page = browser.navigate(&format!("{SITE}/.portcullis/login")).await;
    assert_eq!((page.answer.status(), page.url.path()), (200, "/"), "{:#?}", page.hops);
}

#[tokio::test]
async fn another_sites_page_cannot_sign_anybody_out() {
    let lab = routes(NATIVE).await;
    let mut browser = lab.sign_in("engineer").await;
    for origin in ["https://evil.example", "null"] {
        let url = format!("{SITE}/logout");
        let headers = [("Origin", origin), ("Sec-Fetch-Site", "cross-site")];
        let answer = browser.fetch("POST", &url, &headers, "").await;
        assert_eq!(answer.header("set-cookie"), None, "{origin}");
    }
    assert_eq!(fetch(&mut browser, "/logout", &[]).await.header("set-cookie"), None, "a GET");
    assert_eq!(fetch(&mut browser, "/user", &[]).await.status(), 200);
}

#[tokio::test]
async fn nobody_is_sent_back_to_the_apps_login_page() {
    let lab = routes(&NATIVE.replace("[[routes]]", "[[routes]]\npath = \"/chat/*\"")).await;
    let mut browser = lab.browser();
    lab.provider.remember(&mut browser, "engineer");
    let page = browser.navigate(&format!("{SITE}/chat/login?x=1")).await;
    assert_eq!((page.answer.status(), page.url.path()), (200, "/chat/"), "{:#?}", page.hops);
    let mut other = lab.browser();
    lab.provider.remember(&mut other, "engineer");
    let page = other.navigate(&format!("{SITE}/chat/thread/7")).await;
    assert_eq!(page.url.path(), "/chat/thread/7");
    let answer = sign_out_of_the_app(&mut other, "/chat/logout").await;
    assert!(answer.headers.all("set-cookie").any(|it| it.starts_with("portcullis-signed-out=1")));
}

#[tokio::test]
async fn with_a_callback_its_cookie_never_serves_the_next_person() {
    let lab = routes("[[routes]]\npreset = \"chainlit-header\"\n$").await;
    let mut browser = lab.sign_in("engineer").await;
    let first = ("X-Answer-Cookie", "access_token=of-ann; Path=/; HttpOnly; SameSite=lax");
    fetch(&mut browser, "/auth/header", &[first]).await;
    fetch(&mut browser, "/user", &[]).await;
    assert_eq!(seen(&lab), "access_token=of-ann");
    let stale = app_cookies(&browser);
    // Somebody else signs in at the same browser, without a sign-out before.
    lab.provider.remember(&mut browser, "sales");
    let page = browser.navigate(&format!("{SITE}/.portcullis/login")).await;
    assert_eq!(page.answer.status(), 200, "{:#?}", page.hops);
    assert_eq!(app_cookies(&browser), Vec::<String>::new(), "removed at the login");
    let (name, value) = stale[0].split_once('=').unwrap();
    browser.plant("localhost", name, value);
    let answer = fetch(&mut browser, "/user", &[]).await;
    assert_eq!((answer.status(), seen(&lab).as_str()), (200, ""));
    let token = claims(&lab.last_token());
    assert_eq!(token["user"], Value::from("sales"));
}
