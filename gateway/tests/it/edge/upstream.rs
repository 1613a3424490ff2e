//! Upstreams that break off, lie or talk too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::edge::crook::{Crook, Then};
use crate::edge::tools::{get, http2, on_time};
use crate::support::h2::{DATA, END_STREAM, RST_STREAM};
use crate::support::lab::Lab;
use crate::support::port;
use crate::support::raw::{Raw, exchange, status_of};
use crate::support::settings::HOST;

async fn before(crook: &Crook, https: bool) -> Lab {
    Lab::with(|settings| {
        settings.upstream = crook.address;
        settings.upstream_more = "first_byte_time = \"4s\"".to_owned();
        settings.https = https;
    })
    .await
}

#[tokio::test]
async fn an_upstream_that_fails_before_its_answer_is_502_or_504() {
    let crook = Crook::start(|target| match target {
        "/public/reset" => (Vec::new(), Then::Reset),
        "/public/close" => (Vec::new(), Then::Close),
        "/public/half" => (b"HTTP/1.1 200 OK\r\nContent-".to_vec(), Then::Close),
        "/public/garbage" => (b"\x16\x03\x01\x00\x02\r\n\r\n\r\n".to_vec(), Then::Close),
        "/public/smtp" => (b"220 mail.example ESMTP\r\n\r\n".to_vec(), Then::Keep),
        "/public/length" => (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n".to_vec(), Then::Keep),
        "/public/lengths" => (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec(),
            Then::Keep,
        ),
        "/public/endless" => ([b'x'; 100_000].to_vec(), Then::Hang),
        "/public/hang" => (Vec::new(), Then::Hang),
        _ => (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(), Then::Keep),
    })
    .await;
    let lab = before(&crook, false).await;
    for fault in ["reset", "close", "half", "garbage", "smtp", "length", "lengths", "endless"] {
        let answer = exchange(lab.gateway.http, get(&format!("/public/{fault}"))).await.unwrap();
        assert_eq!(answer.status(), 502, "{fault}: {answer:?}");
        assert!(!answer.text().contains("127.0.0.1"), "{fault}: {}", answer.text());
        assert_eq!(status_of(lab.gateway.http, get("/public/well")).await, 200, "after {fault}");
    }
    let begun = Instant::now();
    assert_eq!(status_of(lab.gateway.http, get("/public/hang")).await, 504);
    on_time("first byte", begun.elapsed(), Duration::from_secs(4));
    assert!(!lab.gateway.printed().contains("panicked"));
}

#[tokio::test]
async fn an_answer_that_is_cut_looks_cut() {
    let crook = Crook::start(|target| match target {
        "/public/length" => (answer("Content-Length: 100", "part"), Then::Close),
        "/public/reset" => (answer("Content-Length: 100", "part"), Then::Reset),
        "/public/chunked" => {
            (answer("Transfer-Encoding: chunked", "4\r\npart\r\n5\r\nx"), Then::Close)
        }
        _ => (answer("Transfer-Encoding: chunked", "4\r\npart\r\nzz\r\n"), Then::Keep),
    })
    .await;
    let lab = before(&crook, true).await;
    for fault in ["length", "reset", "chunked", "chunks"] {
        let path = format!("/public/{fault}");
        let whole = exchange(lab.gateway.http, get(&path)).await;
        assert!(whole.is_err(), "{fault}: {whole:?}");
        let mut h2 = http2(&lab).await;
        let fields = [(":scheme", "https"), (":authority", HOST), (":path", path.as_str())];
        let stream = h2.open_and_end("GET", &fields).await;
        loop {
            match h2.read().await {
                Ok((RST_STREAM, _, cut, _)) if cut == stream => break,
                Ok((DATA, flags, ..)) => assert_eq!(flags & END_STREAM, 0, "{fault}: a clean end"),
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }
}

#[tokio::test]
async fn what_follows_an_answer_reaches_nobody() {
    const PLANTED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    let crook = Crook::start(|target| match target.rsplit('/').next() {
        Some("length") => (answer("Content-Length: 2", &format!("ok{PLANTED}")), Then::Keep),
        Some("none") => {
            (format!("HTTP/1.1 204 No Content\r\n\r\n{PLANTED}").into_bytes(), Then::Keep)
        }
        Some("not-modified") => (
            format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n{PLANTED}").into_bytes(),
            Then::Keep,
        ),
        Some("both") => (
            answer(
                "Content-Length: 4\r\nTransfer-Encoding: chunked",
                &format!("2\r\nok\r\n0\r\n\r\n{PLANTED}"),
            ),
            Then::Keep,
        ),
        _ => (answer("Content-Length: 4", "well"), Then::Keep),
    })
    .await;
    let lab = before(&crook, false).await;
    for round in 0..100 {
        let kind = ["length", "none", "not-modified", "both"][round % 4];
        if let Ok(answer) = exchange(lab.gateway.http, get(&format!("/public/{kind}"))).await {
            assert!(!answer.text().contains("forged"), "{kind}: {answer:?}");
        }
        let next = exchange(lab.gateway.http, get(&format!("/public/{round}"))).await.unwrap();
        assert_eq!(next.text(), "well", "round {round} after {kind}");
    }
}

#[tokio::test]
async fn a_dead_server_costs_no_request() {
    let alive = Crook::start(|_| (answer("Content-Length: 2", "ok"), Then::Keep)).await;
    let dead = format!("127.0.0.1:{}", port::free());
    let lab = Lab::with(|settings| {
        let both = format!("servers = [\"{dead}\", \"{}\"] # \"", alive.address);
        settings.swaps.push(("servers = [\"", both));
    })
    .await;
    for _ in 0..10 {
        assert_eq!(status_of(lab.gateway.http, get("/public/x")).await, 200);
    }
    let post = format!("POST /public/x HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\n\r\nx");
    for _ in 0..5 {
        let crowd = (0..40).map(|_| status_of(lab.gateway.http, &post));
        let refused = join_all(crowd).await.into_iter().filter(|status| *status != 200).count();
        assert_eq!(refused, 0, "of 40 requests at once");
    }
}

/// A kept connection that the upstream closes just now: the request is sent again, and its body is
/// not counted twice.
#[tokio::test]
async fn a_body_that_is_sent_again_is_as_large_as_before() {
    let puts = AtomicUsize::new(0);
    let crook = Crook::start(move |target| match target {
        "/public/put" if puts.fetch_add(1, Ordering::SeqCst) == 0 => (Vec::new(), Then::Close),
        _ => (answer("Content-Length: 2", "ok"), Then::Keep),
    })
    .await;
    let lab = Lab::with(|settings| {
        settings.upstream = crook.address;
        settings.limits = "body_bytes = \"50KiB\"".to_owned();
    })
    .await;
    assert_eq!(status_of(lab.gateway.http, get("/public/warm")).await, 200);
    // A connection is kept a moment after its answer was sent on.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let body = "x".repeat(40_000);
    let put = format!(
        "PUT /public/put HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(status_of(lab.gateway.http, put).await, 200);
}

#[tokio::test]
async fn an_upstream_cannot_plant_our_cookies_or_speak_to_the_next_hop() {
    let planted: &[&[u8]] = &[
        b"__Host-portcullis=evil; Path=/; Secure",
        b"portcullis=evil",
        b" portcullis = evil",
        b"portcullis-login=evil; Path=/",
        b"portcullis=evil; Comment=\xff",
        b"=portcullis=evil",
        b"= portcullis=evil",
    ];
    let crook = Crook::start(move |target| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Hop\r\n\
            Keep-Alive: timeout=9\r\nX-Hop: 1\r\nProxy-Connection: x\r\nX-Debug-User-JWT: forged\r\n"
            .to_vec();
        let index: usize = target.rsplit('/').next().and_then(|n| n.parse().ok()).unwrap();
        bytes.extend(b"Set-Cookie: app=1; Path=/\r\nSet-Cookie: ");
        bytes.extend(planted[index]);
        bytes.extend(b"\r\nSet-Cookie: portcullish=2\r\n\r\nok");
        (bytes, Then::Keep)
    })
    .await;
    let lab = before(&crook, false).await;
    for index in 0..planted.len() {
        let answer = exchange(lab.gateway.http, get(&format!("/public/{index}"))).await.unwrap();
        assert_eq!(answer.text(), "ok");
        let cookies: Vec<_> = answer.headers.all("set-cookie").collect();
        assert_eq!(cookies, ["app=1; Path=/", "portcullish=2"], "{index}");
        for name in ["keep-alive", "proxy-connection", "x-debug-user-jwt"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
    }
    let mut raw = Raw::connect(lab.gateway.http).await;
    for _ in 0..3 {
        raw.send(get("/public/0")).await;
        assert_eq!(raw.answer().await.unwrap().status(), 200, "the client's connection is ours");
    }
}

/// A client cannot tell where an interim answer that it has half of ends: whatever is said behind it
/// could be read as a part of it.
#[tokio::test]
async fn an_exchange_that_fails_behind_an_interim_answer_says_nothing_more() {
    const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
    let hinted = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&hinted);
    let crook = Crook::start(move |target| {
        let after = |bytes: &[u8]| [HINTS, bytes].concat();
        if !target.ends_with("warm") {
            counts.fetch_add(1, Ordering::SeqCst);
        }
        match target.rsplit('/').next() {
            Some("close") => (after(b""), Then::Close),
            Some("half") => (after(b"HTTP/1.1 200 OK\r\nContent-"), Then::Close),
            Some("hang") => (after(b""), Then::Hang),
            Some("well") => (after(&answer("Content-Length: 4", "well")), Then::Keep),
            _ => (answer("Content-Length: 4", "warm"), Then::Keep),
        }
    })
    .await;
    let lab = before(&crook, false).await;
    for fault in ["close", "half", "hang"] {
        // A request on a connection that was used before may be sent again, unless something was said.
        assert_eq!(status_of(lab.gateway.http, get("/public/warm")).await, 200);
        let asked = hinted.load(Ordering::SeqCst);
        let mut raw = Raw::connect(lab.gateway.http).await;
        raw.send(get(&format!("/public/{fault}"))).await;
        let said = raw.rest().await.unwrap();
        let text = String::from_utf8_lossy(&said);
        let whole = text.starts_with("HTTP/1.1 103 ") && text.ends_with("\r\n\r\n");
        assert!(whole && text.matches("HTTP/").count() == 1, "{fault}: {text}");
        assert_eq!(hinted.load(Ordering::SeqCst) - asked, 1, "{fault}: sent again");
    }
    let mut raw = Raw::connect(lab.gateway.http).await;
    raw.send(get("/public/well")).await;
    // The reader skips interim answers.
    assert_eq!(raw.answer().await.unwrap().text(), "well");
}

fn answer(fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}").into_bytes()
}
