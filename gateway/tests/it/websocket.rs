//! WebSockets: who may open one, and what passes through it.

use crate::support::http::Message;
use crate::support::lab::{Lab, SITE};
use crate::support::raw::Raw;
use crate::support::settings::HOST;
use crate::support::socket::{self, handshake};

#[tokio::test]
async fn a_signed_in_browser_opens_one_and_the_token_goes_along() {
    let lab = Lab::start().await;
    let browser = lab.sign_in("engineer").await;
    lab.recorder.clear();
    let url = url::Url::parse(SITE).unwrap();
    let mut socket =
        socket::open_by_library(lab.gateway.http, "/ws", &browser.cookie_header(&url)).await;
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    let long = "x".repeat(300_000);
    assert_eq!(socket.round_trip(&long).await.as_deref(), Some(long.as_str()));
    assert_eq!(lab.last_token().split('.').count(), 3);
    assert_eq!(lab.recorder.last().header("cookie"), None);
}

#[tokio::test]
async fn another_site_cannot_open_one_with_the_visitors_cookie() {
    let lab = Lab::start().await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    lab.recorder.clear();
    for origin in
        ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:81"]
    {
        let refused =
            open(&lab, &[cookie.clone(), format!("Origin: {origin}")]).await.expect_err(origin);
        assert_eq!(refused.status(), 403, "{origin}");
    }
    assert!(lab.recorder.requests().is_empty());
    open(&lab, &[cookie, format!("Origin: {SITE}")]).await.expect("our own origin");
}

#[tokio::test]
async fn a_handshake_that_is_not_strict_is_no_upgrade() {
    let lab = Lab::start().await;
    let good = handshake("/public/ws", &[]);
    let changes = [
        ("GET", "POST"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: short"),
        ("Connection: Upgrade", "Connection: keep-alive"),
        ("HTTP/1.1", "HTTP/1.0"),
    ];
    for (from, to) in changes {
        lab.recorder.clear();
        let mut raw = Raw::connect(lab.gateway.http).await;
        raw.send(good.replacen(from, to, 1)).await;
        let status = raw.answer().await.map_or(0, |answer| answer.status());
        assert_ne!(status, 101, "{to}");
        for seen in lab.recorder.requests() {
            assert_eq!(seen.header("upgrade"), None, "{to}");
        }
    }
}

#[tokio::test]
async fn bytes_sent_before_the_upgrade_do_not_reach_the_upstream_as_a_request() {
    let lab = Lab::start().await;
    let mut raw = Raw::connect(lab.gateway.http).await;
    let early = format!("GET /home HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    raw.send(handshake("/public/answer?code=200", &[]) + &early).await;
    let _ = raw.answer().await;
    if let Ok(second) = raw.answer().await {
        assert_eq!(second.status(), 401);
    }
    assert!(lab.recorder.requests().iter().all(|seen| seen.target() != "/home"));
}

async fn open(lab: &Lab, lines: &[String]) -> Result<(), Box<Message>> {
    socket::open(lab.gateway.http, "/ws", lines).await.map(|_| ())
}
