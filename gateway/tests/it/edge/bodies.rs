//! Bodies that are too large.

use crate::edge::tools::{get, http2, limited};
use crate::support::h2::{DATA, END_STREAM};
use crate::support::raw::{Raw, exchange};
use crate::support::settings::HOST;

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_unread_and_unheard() {
    let lab = limited(true, "body_bytes = \"1KiB\"").await;
    for (path, more) in
        [("/public/x", ""), ("/public/x", "Expect: 100-continue\r\n"), ("/.portcullis/logout", "")]
    {
        let mut raw = Raw::connect(lab.gateway.http).await;
        let size = if path.starts_with("/public") { 1025 } else { 70_000 };
        raw.send(format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{more}Content-Length: {size}\r\n\r\n"
        ))
        .await;
        if path.starts_with("/.portcullis") {
            raw.send(vec![b'x'; size]).await;
        }
        let answer = raw.answer().await.unwrap();
        assert_eq!(answer.status(), 413, "{path} {more}");
        // What comes now is not the next request.
        raw.send(get("/public/hidden")).await;
        assert!(raw.answer().await.is_err(), "{path}: the connection lives on");
    }
    assert!(lab.recorder.bytes().is_empty());
    let fits = format!(
        "POST /public/x HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1024\r\n\r\n{}",
        "x".repeat(1024)
    );
    assert_eq!(exchange(lab.gateway.http, fits).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_cut_and_its_connection_is_not_used_again() {
    let lab = limited(true, "body_bytes = \"10KiB\"").await;
    for round in 0..3 {
        assert_eq!(lab.get("/public/warm", &[]).await.status(), 200);
        let mut raw = Raw::connect(lab.gateway.http).await;
        raw.send(format!(
            "POST /public/big HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n"
        ))
        .await;
        for _ in 0..6 {
            raw.send(format!("800\r\n{}\r\n", "x".repeat(0x800))).await;
        }
        if let Ok(answer) = raw.answer().await {
            assert_eq!(answer.status(), 413);
        }
        let next = lab.get(&format!("/public/{round}"), &[]).await;
        assert_eq!(next.json()["target"], format!("/public/{round}"));
    }
    let mut h2 = http2(&lab).await;
    let fields = [(":scheme", "https"), (":authority", HOST), (":path", "/public/big")];
    let stream = h2.open("POST", &fields).await;
    h2.frame(DATA, 0, stream, &[b'x'; 8_000]).await;
    h2.frame(DATA, END_STREAM, stream, &[b'x'; 8_000]).await;
    assert!(!matches!(h2.status(stream).await, Ok(200..=399)));
    assert!(lab.recorder.requests().iter().all(|seen| seen.target() != "/public/big"));
}

#[tokio::test]
async fn chunks_that_another_parser_could_read_differently_hide_no_request() {
    let lab = limited(false, "body_time = \"1s\"").await;
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100_000));
    let bad = [
        ("no number", "\r\nhello\r\n0\r\n\r\n"),
        ("hexadecimal prefix", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("plus", "+5\r\nhello\r\n0\r\n\r\n"),
        ("minus", "-5\r\nhello\r\n0\r\n\r\n"),
        ("underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
        ("letters", "5g\r\nhello\r\n0\r\n\r\n"),
        ("too large a number", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("bare line feed", "5\nhello\r\n0\r\n\r\n"),
        ("bare carriage return", "5\rhello\r\n0\r\n\r\n"),
        ("longer than it says", "4\r\nhello\r\n0\r\n\r\n"),
        ("shorter than it says", "6\r\nhello\r\n0\r\n\r\n"),
        ("no end of the data", "5\r\nhello0\r\n\r\n"),
        ("line feed in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
        ("an endless extension", long.as_str()),
    ];
    let mut faults = Vec::new();
    for (what, body) in bad {
        let mut raw = Raw::connect(lab.gateway.http).await;
        raw.send(format!(
            "POST /public/x HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{body}{}",
            get("/public/hidden")
        ))
        .await;
        let status = raw.answer().await.map_or(0, |answer| answer.status());
        // pingora is kind to these two; then the connection must end behind them.
        let pingora = lab.settings.engine == "pingora";
        let kind = pingora && ["no number", "line feed in an extension"].contains(&what);
        let again = raw.answer().await.is_ok();
        let seen = lab.recorder.requests();
        let hidden = seen.iter().any(|seen| seen.target() != "/public/x");
        if again || hidden || (!kind && (matches!(status, 200..=399) || !seen.is_empty())) {
            faults.push(format!("{what}: {status}, again {again}, {seen:?}"));
        }
        lab.recorder.clear();
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let mut raw = Raw::connect(lab.gateway.http).await;
    raw.send(format!(
        "POST /public/x HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"
    ))
    .await;
    let good = raw.answer().await.unwrap();
    let close = (lab.settings.engine == "pingora").then_some("close");
    assert_eq!((good.status(), good.header("connection")), (200, close));
    assert_eq!(lab.recorder.last().body, b"hello");
}
