//! A "no" in the shape that each kind of caller can use.

use crate::support::browser::Kind;
use crate::support::http::Message;
use crate::support::lab::{Lab, SITE};
use crate::support::raw::exchange;
use crate::support::settings::HOST;
use crate::support::socket;

#[tokio::test]
async fn a_navigation_is_sent_to_the_login() {
    let lab = Lab::start().await;
    let answer = lab.browser().get(Kind::Navigate, &format!("{SITE}/deep/page?x=1")).await;
    assert_eq!(answer.status(), 302);
    let location = answer.header("location").expect("a Location");
    assert!(
        location.contains("/.portcullis/login") || location.starts_with(&lab.provider.issuer()),
        "{location}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // A client that sends no Sec-Fetch headers but wants HTML is a browser too.
    let old = lab.get("/deep/page", &["Accept: text/html".to_owned()]).await;
    assert_eq!(old.status(), 302);
    nothing_went_upstream(&lab);
}

#[tokio::test]
async fn a_script_learns_where_to_sign_in() {
    let lab = Lab::start().await;
    let answer = lab.browser().get(Kind::Fetch, &format!("{SITE}/api")).await;
    is_plain_401(&answer);
    let body = answer.json();
    assert!(
        body["login_url"].as_str().is_some_and(|url| url.contains("/.portcullis/login")),
        "{body}"
    );
    assert!(body["error"].is_string() && body["request_id"].is_string(), "{body}");
    let bare = lab.get("/api", &[]).await;
    is_plain_401(&bare);
    nothing_went_upstream(&lab);
}

#[tokio::test]
async fn an_event_source_is_refused_and_not_redirected() {
    let lab = Lab::start().await;
    let answer = lab.browser().get(Kind::EventSource, &format!("{SITE}/sse")).await;
    is_plain_401(&answer);
    nothing_went_upstream(&lab);
}

#[tokio::test]
async fn an_iframe_is_not_sent_to_a_login_that_would_not_show() {
    let lab = Lab::start().await;
    let answer = lab.browser().get(Kind::Iframe, &format!("{SITE}/home")).await;
    assert!(matches!(answer.status(), 401 | 403), "{answer:?}");
    assert_eq!(answer.header("location"), None);
    nothing_went_upstream(&lab);
}

#[tokio::test]
async fn a_websocket_is_refused_before_the_upgrade() {
    let lab = Lab::start().await;
    let origin = format!("Origin: {SITE}");
    let refused = socket::open(lab.gateway.http, "/ws", &[origin]).await.err().expect("a refusal");
    is_plain_401(&refused);
    nothing_went_upstream(&lab);
}

#[tokio::test]
async fn a_post_is_not_redirected() {
    let lab = Lab::start().await;
    let answer = lab.browser().fetch("POST", &format!("{SITE}/api"), &[], "data").await;
    is_plain_401(&answer);
    let form = format!(
        "POST /api HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n\
         Sec-Fetch-Dest: document\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let answer = exchange(lab.gateway.http, form).await.unwrap();
    assert!(matches!(answer.status(), 401 | 303), "a 302 or 307 would replay the form: {answer:?}");
    nothing_went_upstream(&lab);
}

#[tokio::test]
async fn grpc_is_told_in_its_own_status() {
    let lab = Lab::start().await;
    let call = format!(
        "POST /agent.Chat/Say HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/grpc\r\nTE: trailers\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let answer = exchange(lab.gateway.http, call).await.unwrap();
    let status = answer.trailers.first("grpc-status").or(answer.header("grpc-status"));
    assert_eq!((answer.status(), status), (200, Some("16")), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/grpc"));
    nothing_went_upstream(&lab);
}

#[tokio::test]
async fn a_bad_session_is_not_an_anonymous_one() {
    let lab = Lab::start().await;
    let twice = "Cookie: portcullis=a; portcullis=b".to_owned();
    assert_eq!(
        lab.get("/maybe/x", &[twice]).await.status(),
        401,
        "nobody can say which one counts"
    );
    // An unknown session opens what nobody needs to open, and no more.
    let stale = format!("Cookie: portcullis={}", "A".repeat(43));
    assert_eq!(lab.get("/maybe/x", std::slice::from_ref(&stale)).await.status(), 200);
    assert_eq!(lab.get("/home", &[stale]).await.status(), 401);
}

#[tokio::test]
async fn a_refusal_does_not_name_its_cause() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("sales").await;
    let answer = browser.get(Kind::Fetch, &format!("{SITE}/engineering/x")).await;
    assert_eq!(answer.status(), 403);
    let text = answer.text();
    assert!(!text.contains("engineering") && !text.contains("not_listed"), "{text}");
    assert!(answer.json()["error"].is_string(), "{text}");
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn an_unknown_host_or_page_is_not_found() {
    let lab = Lab::start().await;
    let stranger = "GET /public/x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    let answer = exchange(lab.gateway.http, stranger).await.unwrap();
    assert!(matches!(answer.status(), 404 | 421), "{answer:?}");
    assert_eq!(lab.get("/.portcullis/no-such-page", &[]).await.status(), 404);
    nothing_went_upstream(&lab);
}

fn is_plain_401(answer: &Message) {
    assert_eq!(answer.status(), 401, "{answer:?}");
    assert!(answer.header("www-authenticate").is_some(), "{answer:?}");
    assert_eq!(answer.header("set-cookie"), None, "only a navigation may change cookies");
    assert_eq!(answer.header("location"), None);
}

fn nothing_went_upstream(lab: &Lab) {
    assert!(lab.recorder.bytes().is_empty(), "the upstream saw {:?}", lab.recorder.requests());
}
