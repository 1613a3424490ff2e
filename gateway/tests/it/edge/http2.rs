//! HTTP/2 requests that are malformed, and what becomes of good ones on their way to HTTP/1.1.

use crate::edge::tools::{http2, limited};
use crate::support::h2::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, H2, HEADERS, RST_STREAM, literal, status_in,
};
use crate::support::settings::HOST;

const GOOD: [(&str, &str); 3] =
    [(":scheme", "https"), (":authority", HOST), (":path", "/public/x")];

#[tokio::test]
async fn malformed_requests_are_refused_and_nothing_goes_upstream() {
    let lab = limited(true, "").await;
    let with = |more: &[(&'static str, &'static str)]| [&GOOD[..], more].concat();
    let bad: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("connection", with(&[("connection", "close")])),
        ("keep-alive", with(&[("keep-alive", "5")])),
        ("proxy-connection", with(&[("proxy-connection", "close")])),
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("upgrade", with(&[("upgrade", "websocket")])),
        ("te", with(&[("te", "gzip")])),
        ("another host", with(&[("host", "evil.example")])),
        ("two hosts", with(&[("host", HOST), ("host", "evil.example")])),
        ("upper case", with(&[("X-User", "a")])),
        ("line break", with(&[("x-a", "b\r\nx-user: c")])),
        ("NUL", with(&[("x-a", "b\0c")])),
        ("colon in a name", with(&[("x:a", "b")])),
        ("pseudo-header after a field", vec![GOOD[0], GOOD[1], ("x-a", "b"), GOOD[2]]),
        ("two paths", with(&[(":path", "/home")])),
        ("unknown pseudo-header", with(&[(":x", "b")])),
        (":status", with(&[(":status", "200")])),
        (":protocol", with(&[(":protocol", "websocket")])),
        ("no path", vec![GOOD[0], GOOD[1]]),
        ("no authority", vec![GOOD[0], GOOD[2]]),
        ("empty path", vec![GOOD[0], GOOD[1], (":path", "")]),
        ("path without a slash", vec![GOOD[0], GOOD[1], (":path", "public/x")]),
        ("star", vec![GOOD[0], GOOD[1], (":path", "*")]),
        ("line break in the path", vec![GOOD[0], GOOD[1], (":path", "/public/x\r\nX-A: b")]),
        ("space in the path", vec![GOOD[0], GOOD[1], (":path", "/public/x HTTP/1.1")]),
        ("user in the authority", vec![GOOD[0], (":authority", "a@localhost"), GOOD[2]]),
        ("length without a body", with(&[("content-length", "5")])),
        ("signed length", with(&[("content-length", "+0")])),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "5")])),
    ];
    let mut faults = Vec::new();
    for (what, fields) in bad {
        let mut h2 = http2(&lab).await;
        let stream = h2.open_and_end("GET", &fields).await;
        match h2.status(stream).await {
            Ok(status) if !(400..500).contains(&status) => faults.push(format!("{what}: {status}")),
            _ => {}
        }
        if !lab.recorder.bytes().is_empty() {
            faults.push(format!("{what}: the upstream saw {:?}", lab.recorder.requests()));
            lab.recorder.clear();
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let mut h2 = http2(&lab).await;
    for method in ["TRACE", "CONNECT"] {
        let stream = h2.open_and_end(method, &GOOD).await;
        assert!(!matches!(h2.status(stream).await, Ok(200..=399)), "{method}");
        h2 = http2(&lab).await;
    }
    assert!(!lab.gateway.printed().contains("panicked"));
}

#[tokio::test]
async fn a_body_has_the_length_it_announces_or_the_request_fails() {
    let lab = limited(true, "").await;
    for (length, body) in [("5", &b"four"[..]), ("3", b"four")] {
        let mut h2 = http2(&lab).await;
        let fields = [&GOOD[..], &[("content-length", length)]].concat();
        let stream = h2.open("POST", &fields).await;
        h2.frame(DATA, END_STREAM, stream, body).await;
        let status = h2.status(stream).await;
        assert!(!matches!(status, Ok(200..=399)), "{length}: {status:?}");
    }
    assert!(lab.recorder.requests().is_empty(), "{:#?}", lab.recorder.requests());
    // A request that announces nothing is whole at once: it may be answered before what follows is
    // seen. What follows goes nowhere.
    let mut h2 = http2(&lab).await;
    let stream = h2.open("POST", &[&GOOD[..], &[("content-length", "0")]].concat()).await;
    h2.frame(DATA, END_STREAM, stream, b"not-announced").await;
    let _ = h2.status(stream).await;
    let seen = String::from_utf8_lossy(&lab.recorder.bytes().concat()).into_owned();
    assert!(!seen.contains("not-announced"), "{seen}");
    let mut h2 = http2(&lab).await;
    assert_eq!(h2.post_with_empty_end(&GOOD, b"good").await.unwrap(), 200);
}

#[tokio::test]
async fn cookie_crumbs_are_joined_and_ours_is_not_among_them() {
    let lab = limited(true, "").await;
    let mut h2 = http2(&lab).await;
    let crumbs =
        [("cookie", "a=1"), ("cookie", "portcullis=x"), ("cookie", "b=2; c=3"), ("cookie", "d=4")];
    let stream = h2.open_and_end("GET", &[&GOOD[..], &crumbs].concat()).await;
    assert_eq!(h2.status(stream).await.unwrap(), 200);
    let seen = lab.recorder.last();
    assert_eq!(seen.headers.all("cookie").collect::<Vec<_>>(), ["a=1; b=2; c=3; d=4"]);
    assert_eq!(seen.headers.all("host").collect::<Vec<_>>(), [HOST]);
    assert_eq!(seen.start, "GET /public/x HTTP/1.1");
}

#[tokio::test]
async fn answers_that_have_no_body_have_none() {
    let lab = limited(true, "").await;
    for (method, path, wanted) in [
        ("HEAD", "/public/x", 200),
        ("HEAD", "/home", 401),
        ("HEAD", "/.well-known/jwks.json", 200),
        ("GET", "/public/answer?code=204", 204),
        ("GET", "/public/answer?code=304", 304),
    ] {
        let mut h2 = http2(&lab).await;
        let fields = [GOOD[0], GOOD[1], (":path", path)];
        let stream = h2.open_and_end(method, &fields).await;
        let (status, body) = whole(&mut h2, stream).await;
        assert_eq!((status, body), (wanted, 0), "{method} {path}");
    }
}

#[tokio::test]
async fn trailers_of_a_request_are_not_fields() {
    let lab = limited(true, "").await;
    let mut h2 = http2(&lab).await;
    let stream = h2.open("POST", &GOOD).await;
    h2.frame(DATA, 0, stream, b"body").await;
    let mut block = Vec::new();
    literal(&mut block, "x-user-jwt", "forged");
    literal(&mut block, "authorization", "forged");
    h2.frame(HEADERS, END_HEADERS | END_STREAM, stream, &block).await;
    let status = h2.status(stream).await;
    println!("trailers: {status:?}");
    for bytes in lab.recorder.bytes() {
        assert!(!String::from_utf8_lossy(&bytes).contains("forged"));
    }
}

/// Reads an answer to its end: the status, and the bytes of its body.
async fn whole(h2: &mut H2, wanted: u32) -> (u16, usize) {
    let (mut status, mut body) = (0, 0);
    loop {
        let (kind, flags, stream, payload) = h2.read().await.expect("a frame");
        match kind {
            HEADERS if stream == wanted => status = status_in(&payload).unwrap(),
            DATA if stream == wanted => body += payload.len(),
            RST_STREAM if stream == wanted => return (status, body),
            GOAWAY => panic!("the connection ends"),
            _ => continue,
        }
        if flags & END_STREAM != 0 {
            return (status, body);
        }
    }
}
