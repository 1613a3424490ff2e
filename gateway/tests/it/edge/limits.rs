//! Clients that take their time, or too many connections.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::edge::tools::{SLACK, dribble, get, http2, limited, on_time, tls, wait};
use crate::support::h2::{DATA, END_HEADERS, HEADERS, RST_STREAM, SETTINGS};
use crate::support::raw::{PATIENCE, Raw, status_of};
use crate::support::settings::HOST;

const HEAD: Duration = Duration::from_millis(600);
/// Long enough for a client that is held up between two requests.
const IDLE: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_head_that_dribbles_is_answered_408_in_time() {
    let lab = limited(true, "header_time = \"600ms\"").await;
    let begun = Instant::now();
    let mut first = Raw::connect(lab.gateway.http).await;
    first.send("GET /public/").await;
    let (took, said) = dribble(&mut first, begun, b'x').await;
    on_time("first request", took, HEAD);
    assert!(said.starts_with("HTTP/1.1 408 "), "first: {took:?} {said:?}");

    for mut later in [Raw::connect(lab.gateway.http).await, tls(&lab, &["http/1.1"]).await] {
        for path in ["/public/x", "/.portcullis/me"] {
            later.send(get(path)).await;
            later.answer().await.unwrap();
        }
        let begun = Instant::now();
        later.send("GET /public/x HTTP/1.1\r\nX-").await;
        let (took, said) = dribble(&mut later, begun, b'a').await;
        on_time("later request", took, HEAD);
        assert!(said.starts_with("HTTP/1.1 408 "), "later: {took:?} {said:?}");
    }
    assert!(lab.recorder.requests().iter().all(|seen| seen.target() == "/public/x"));
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let lab = limited(true, "idle_time = \"6s\"").await;
    let silent = async {
        let begun = Instant::now();
        let mut silent = Raw::connect(lab.gateway.http).await;
        on_time("no request at all", wait(&mut silent, begun).await, IDLE);
    };
    let kept = async |path: &str| {
        let mut kept = Raw::connect(lab.gateway.http).await;
        let mut begun = Instant::now();
        for _ in 0..4 {
            sleep(IDLE / 3).await;
            begun = Instant::now();
            kept.send(get(path)).await;
            kept.answer().await.unwrap_or_else(|e| panic!("{path} while it is in use: {e}"));
        }
        on_time(path, wait(&mut kept, begun).await, IDLE);
    };
    let http2 = async {
        let mut h2 = http2(&lab).await;
        let closed = timeout(IDLE + SLACK, async { while h2.read().await.is_ok() {} }).await;
        assert!(closed.is_ok(), "an idle HTTP/2 connection lives on");
    };
    tokio::join!(silent, kept("/public/x"), kept("/.portcullis/me"), http2);
}

#[tokio::test]
async fn a_handshake_that_is_left_is_closed_in_time() {
    let limit = Duration::from_millis(600);
    let lab = limited(true, "tls_handshake_time = \"600ms\"\nheader_time = \"600ms\"").await;
    for begun in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let since = Instant::now();
        let mut raw = Raw::connect(lab.gateway.https.unwrap()).await;
        raw.send(begun).await;
        on_time("TLS", wait(&mut raw, since).await, limit);
    }
    // ALPN chose HTTP/2, but its preface never comes, or not to its end.
    for begun in ["", "PRI * HTTP/2.0\r\n\r\nSM\r"] {
        let since = Instant::now();
        let mut raw = tls(&lab, &["h2"]).await;
        raw.send(begun).await;
        on_time("HTTP/2", wait(&mut raw, since).await, limit);
    }
    assert_eq!(status_of(lab.gateway.http, get("/public/x")).await, 200);
}

#[tokio::test]
async fn a_body_that_dribbles_is_cut_in_time() {
    let limit = Duration::from_secs(4);
    let lab = limited(true, "body_time = \"4s\"").await;
    for path in ["/public/x", "/.portcullis/logout"] {
        let begun = Instant::now();
        let mut raw = Raw::connect(lab.gateway.http).await;
        raw.send(format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5000\r\n\r\n"))
            .await;
        let (took, _) = dribble(&mut raw, begun, b'x').await;
        on_time(path, took, limit);
    }
    // Refused before its body came: nobody waits long for what nobody will read.
    let begun = Instant::now();
    let mut refused = Raw::connect(lab.gateway.http).await;
    refused
        .send(format!("POST /home HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5000\r\n\r\n"))
        .await;
    let (took, said) = dribble(&mut refused, begun, b'x').await;
    assert!(said.starts_with("HTTP/1.1 401 ") && took < SLACK, "{took:?} {said}");
    let mut h2 = http2(&lab).await;
    let fields = [(":scheme", "https"), (":authority", HOST), (":path", "/public/x")];
    let stream = h2.open("POST", &fields).await;
    let cut = async {
        loop {
            h2.frame(DATA, 0, stream, b"x").await;
            match timeout(Duration::from_millis(50), h2.read()).await {
                Ok(Ok((RST_STREAM, _, cut, _))) if cut == stream => return,
                Ok(Err(error)) => panic!("the whole connection fell: {error}"),
                _ => {}
            }
        }
    };
    timeout(limit + SLACK, cut).await.expect("the stream is reset in time");
    let next = h2.post_with_empty_end(&fields, b"x").await;
    assert_eq!(next.unwrap(), 200, "the other streams live on");
    assert_eq!(lab.recorder.requests().len(), 1);
}

#[tokio::test]
async fn requests_of_one_connection_are_counted() {
    let lab = limited(false, "requests_per_connection = 3").await;
    for path in ["/public/x", "/.portcullis/me"] {
        let mut raw = Raw::connect(lab.gateway.http).await;
        let mut served = 0;
        loop {
            raw.send(get(path)).await;
            let Ok(answer) = raw.answer().await else { break };
            served += 1;
            assert!(served <= 3, "{path}");
            if answer.headers.lists("connection", "close") {
                break;
            }
        }
        assert_eq!(served, 3, "{path}");
    }
}

#[tokio::test]
async fn connections_are_limited_in_all_and_for_each_client() {
    for limit in ["connections = 3", "connections_per_client = 3"] {
        let lab = limited(true, limit).await;
        let mut held = Vec::new();
        for _ in 0..3 {
            let mut raw = Raw::connect(lab.gateway.http).await;
            raw.send(get("/public/x")).await;
            assert_eq!(raw.answer().await.unwrap().status(), 200, "{limit}");
            held.push(raw);
        }
        for address in [lab.gateway.http, lab.gateway.https.unwrap()] {
            let mut over = TcpStream::connect(address).await.unwrap();
            let read = timeout(SLACK, over.read(&mut [0; 1])).await.expect("closed at once");
            assert!(matches!(read, Ok(0) | Err(_)), "{limit}");
        }
        assert_eq!(lab.recorder.requests().len(), 3);
        assert!(lab.gateway.admin("/livez").await.contains("ok"), "operators are let in");
        held.clear();
        let mut status = 0;
        for _ in 0..1_000 {
            status = status_of(lab.gateway.http, get("/public/x")).await;
            if status == 200 {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(status, 200, "{limit}: permits come back");
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut() {
    const BYTES: usize = 40_000_000;
    let lab = limited(false, "write_time = \"700ms\"").await;
    let mut raw = Raw::connect(lab.gateway.http).await;
    raw.send(get(&format!("/public/bytes?n={BYTES}"))).await;
    let cut = async {
        while !lab.gateway.admin("/metrics").await.contains("connections 0") {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, cut).await.expect("the connection ends without being read");
    let rest = raw.rest().await.unwrap_or_default();
    assert!(rest.len() < BYTES, "all was sent");
}

#[tokio::test]
async fn an_http2_client_that_opens_no_window_loses_its_stream() {
    let limit = Duration::from_millis(700);
    let lab = limited(true, "write_time = \"700ms\"").await;
    let mut h2 = http2(&lab).await;
    // SETTINGS_INITIAL_WINDOW_SIZE (4) is 0.
    h2.frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    let fields = [(":scheme", "https"), (":authority", HOST), (":path", "/public/bytes?n=9999")];
    let stream = h2.open_and_end("GET", &fields).await;
    let reset = async {
        while !matches!(h2.read().await.expect("the connection lives"), (RST_STREAM, _, id, _) if id == stream)
        {
        }
    };
    timeout(limit + SLACK, reset).await.expect("the stream is reset in time");
}

#[tokio::test]
async fn an_unfinished_header_block_is_idle() {
    let lab = limited(true, "idle_time = \"700ms\"").await;
    let mut h2 = http2(&lab).await;
    h2.frame(HEADERS, 0, 1, b"\x82").await;
    let closed = timeout(SLACK, async { while h2.read().await.is_ok() {} }).await;
    assert!(closed.is_ok(), "END_HEADERS ({END_HEADERS}) never comes, and nobody minds");
}
