//! What only raw bytes can say: request framing, ambiguous targets, limits.
//!
//! The upstream's recorder is asked as well as the status: a 400 alone hid several such faults.

use crate::support::lab::Lab;
use crate::support::raw::{Raw, status_of};
use crate::support::settings::HOST;

/// Requests that must be refused, and the statuses that do. `$` stands for the host line.
const REFUSED: &[(&str, &str, &[u16])] = &[
    ("no Host", "GET /public/x HTTP/1.1\r\n\r\n", &[400]),
    ("empty Host", "GET /public/x HTTP/1.1\r\nHost:\r\n\r\n", &[400]),
    ("Host with a path", "GET /public/x HTTP/1.1\r\nHost: x/y\r\n\r\n", &[400]),
    ("Host with a user", "GET /public/x HTTP/1.1\r\nHost: a@localhost\r\n\r\n", &[400]),
    ("Host list", "GET /public/x HTTP/1.1\r\nHost: localhost, evil\r\n\r\n", &[400]),
    ("two Hosts", "GET /public/x HTTP/1.1\r\n$Host: evil\r\n\r\n", &[400]),
    ("absolute form of another host", "GET http://evil/public/x HTTP/1.1\r\n$\r\n", &[400]),
    ("fragment", "GET /public/x#b HTTP/1.1\r\n$\r\n", &[400]),
    ("fragment before an open path", "GET /home#/public/x HTTP/1.1\r\n$\r\n", &[400]),
    ("space in the target", "GET /public/x /../home HTTP/1.1\r\n$\r\n", &[400]),
    ("dot segments", "GET /public/../home HTTP/1.1\r\n$\r\n", &[400]),
    ("encoded dots", "GET /public/%2e%2e/home HTTP/1.1\r\n$\r\n", &[400]),
    ("half-encoded dots", "GET /public/.%2E/home HTTP/1.1\r\n$\r\n", &[400]),
    ("twice encoded dots", "GET /public/%252e%252e/home HTTP/1.1\r\n$\r\n", &[400]),
    ("dots with a parameter", "GET /public/..;/home HTTP/1.1\r\n$\r\n", &[400]),
    ("encoded slash", "GET /public/..%2fhome HTTP/1.1\r\n$\r\n", &[400]),
    ("encoded backslash", "GET /public/..%5chome HTTP/1.1\r\n$\r\n", &[400]),
    ("backslash", "GET /public/..\\home HTTP/1.1\r\n$\r\n", &[400]),
    ("empty segment", "GET //public/x HTTP/1.1\r\n$\r\n", &[400]),
    ("NUL", "GET /public/%00 HTTP/1.1\r\n$\r\n", &[400]),
    ("overlong UTF-8", "GET /public/%c0%ae%c0%ae/home HTTP/1.1\r\n$\r\n", &[400]),
    ("bad escape", "GET /public/%zz HTTP/1.1\r\n$\r\n", &[400]),
    ("no leading slash", "GET public/x HTTP/1.1\r\n$\r\n", &[400]),
    ("TRACE", "TRACE /public/x HTTP/1.1\r\n$\r\n", &[405]),
    ("CONNECT", "CONNECT localhost:80 HTTP/1.1\r\n$\r\n", &[400, 405]),
    (
        "unknown expectation",
        "POST /public/x HTTP/1.1\r\n$Expect: foo\r\nContent-Length: 0\r\n\r\n",
        &[417],
    ),
    (
        "identity before chunked",
        "POST /public/x HTTP/1.1\r\n$Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        &[400, 501],
    ),
    (
        "gzip before chunked",
        "POST /public/x HTTP/1.1\r\n$Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        &[400, 501],
    ),
    (
        "two transfer codings",
        "POST /public/x HTTP/1.1\r\n$Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        &[400, 501],
    ),
    (
        "odd transfer coding",
        "POST /public/x HTTP/1.1\r\n$Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        &[400, 501],
    ),
    (
        "both framings",
        "POST /public/x HTTP/1.1\r\n$Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    ("signed length", "POST /public/x HTTP/1.1\r\n$Content-Length: +5\r\n\r\nabcde", &[400]),
    ("hexadecimal length", "POST /public/x HTTP/1.1\r\n$Content-Length: 0x5\r\n\r\nabcde", &[400]),
    ("negative length", "POST /public/x HTTP/1.1\r\n$Content-Length: -0\r\n\r\n", &[400]),
    (
        "two lengths",
        "POST /public/x HTTP/1.1\r\n$Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        &[400],
    ),
    (
        "a length that is the connection's own",
        "POST /public/x HTTP/1.1\r\n$Connection: content-length\r\nContent-Length: 41\r\n\r\nGET /engineering/x HTTP/1.1\r\nHost: a\r\n\r\n",
        &[400],
    ),
    (
        "a length behind a form feed",
        "POST /public/x HTTP/1.1\r\n$Content-Length:\u{c}5\r\n\r\nabcde",
        &[400],
    ),
    ("bare line feeds", "GET /public/x HTTP/1.1\nHost: localhost\n\n", &[400]),
    ("one bare line feed", "GET /public/x HTTP/1.1\r\n$X-A: 1\nX-B: 2\r\n\r\n", &[400]),
    ("space before the colon", "GET /public/x HTTP/1.1\r\n$X-A : 1\r\n\r\n", &[400]),
    ("folded line", "GET /public/x HTTP/1.1\r\n$X-A: 1\r\n  2\r\n\r\n", &[400]),
    ("NUL in a value", "GET /public/x HTTP/1.1\r\n$X-A: 1\u{0}2\r\n\r\n", &[400]),
    (
        "old version with chunks",
        "POST /public/x HTTP/1.0\r\n$Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    ("version of tomorrow", "GET /public/x HTTP/3.7\r\n$\r\n", &[400, 505]),
];

#[tokio::test]
async fn ambiguous_requests_are_refused_and_nothing_goes_upstream() {
    let lab = Lab::start().await;
    let mut faults = Vec::new();
    for (what, request, allowed) in REFUSED {
        let request = request.replace('$', &format!("Host: {HOST}\r\n"));
        let status = status_of(lab.gateway.http, &request).await;
        // Closing without a word is a refusal too.
        if status != 0 && !allowed.contains(&status) {
            faults.push(format!("{what}: {status}"));
        }
        if !lab.recorder.bytes().is_empty() {
            faults.push(format!("{what}: the upstream saw {:?}", lab.recorder.requests()));
            lab.recorder.clear();
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn names_with_underscores_do_not_pass() {
    let lab = Lab::start().await;
    let lines = [
        "X_User_JWT: forged".to_owned(),
        "Transfer_Encoding: chunked".to_owned(),
        "Content_Length: 5".to_owned(),
    ];
    let answer = lab.get("/public/x", &lines).await;
    assert!(matches!(answer.status(), 200 | 400));
    for seen in lab.recorder.requests() {
        assert!(!seen.headers.0.iter().any(|(name, _)| name.contains('_')), "{:?}", seen.headers);
    }
}

#[tokio::test]
async fn large_heads_are_refused() {
    let lab = Lab::start().await;
    let long = format!(
        "GET /public/x HTTP/1.1\r\nHost: {HOST}\r\nX-Long: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    assert!(matches!(status_of(lab.gateway.http, long).await, 0 | 400 | 431));
    let many: String = (0..300).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = format!("GET /public/x HTTP/1.1\r\nHost: {HOST}\r\n{many}\r\n");
    assert!(matches!(status_of(lab.gateway.http, many).await, 0 | 400 | 431));
    let far = format!("GET /public/{} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "x".repeat(20_000));
    assert!(matches!(status_of(lab.gateway.http, far).await, 0 | 400 | 414 | 431));
    assert!(lab.recorder.bytes().is_empty());
}

#[tokio::test]
async fn only_websocket_is_an_upgrade() {
    let lab = Lab::start().await;
    for upgrade in ["foo", "h2c", "TLS/1.0", "websocket, h2c"] {
        lab.recorder.clear();
        let mut raw = Raw::connect(lab.gateway.http).await;
        let second = format!("GET /home HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        raw.send(format!(
            "GET /public/x HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n\
             HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n{second}"
        ))
        .await;
        let first = raw.answer().await.map_or(0, |answer| answer.status());
        assert!(matches!(first, 0 | 200 | 400 | 426), "{upgrade}: {first}");
        // Smuggled or not: the second request needs a session, and never reaches the upstream.
        if let Ok(answer) = raw.answer().await {
            assert_eq!(answer.status(), 401, "{upgrade}");
        }
        for seen in lab.recorder.requests() {
            assert_eq!(seen.target(), "/public/x", "{upgrade}");
            assert_eq!(seen.header("upgrade"), None, "{upgrade}");
            assert_eq!(seen.header("http2-settings"), None, "{upgrade}");
        }
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_judged_alone() {
    let lab = Lab::start().await;
    let mut raw = Raw::connect(lab.gateway.http).await;
    let paths =
        (0..20).map(|n| if n % 3 == 2 { "/home".to_owned() } else { format!("/public/{n}") });
    let paths: Vec<_> = paths.collect();
    let requests: String =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).collect();
    raw.send(requests).await;
    for path in paths {
        let answer = raw.answer().await.unwrap_or_else(|e| panic!("no answer for {path}: {e}"));
        if path == "/home" {
            assert_eq!(answer.status(), 401);
        } else {
            assert_eq!(answer.json()["target"], path);
        }
    }
}

#[tokio::test]
async fn a_body_that_nobody_read_is_not_the_next_request() {
    let lab = Lab::start().await;
    let hidden = format!("GET /public/hidden HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    for path in ["/home", "/.portcullis/me", "/.well-known/jwks.json", "/public/early"] {
        lab.recorder.clear();
        let mut raw = Raw::connect(lab.gateway.http).await;
        raw.send(format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{hidden}",
            hidden.len()
        ))
        .await;
        raw.answer().await.unwrap_or_else(|e| panic!("{path}: {e}"));
        raw.send(format!("GET /public/next HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"))
            .await;
        if let Ok(answer) = raw.answer().await {
            assert_eq!(answer.json()["target"], "/public/next", "after {path}");
        }
        for seen in lab.recorder.requests() {
            assert_ne!(seen.target(), "/public/hidden", "{path}: the body became a request");
        }
    }
}

#[tokio::test]
async fn a_get_with_a_body_keeps_its_frame() {
    let lab = Lab::start().await;
    let mut raw = Raw::connect(lab.gateway.http).await;
    let hidden = format!("GET /home HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    raw.send(format!(
        "GET /public/a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{hidden}",
        hidden.len()
    ))
    .await;
    let answer = raw.answer().await.unwrap();
    assert!(matches!(answer.status(), 200 | 400), "{answer:?}");
    assert!(lab.recorder.requests().iter().all(|seen| seen.target() == "/public/a"));
}
