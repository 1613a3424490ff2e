//! Faults of the proxy framework that we work around; each test fails without its workaround.

use crate::support::h2::H2;
use crate::support::lab::Lab;
use crate::support::raw::{Raw, exchange};
use crate::support::settings::HOST;
use crate::support::socket::handshake;

/// pingora #935: the last chunk was written twice to an HTTP/1.1 upstream where an HTTP/2 client
/// ended its body with an empty DATA frame; the next request on that connection was out of step.
#[tokio::test]
async fn a_body_that_ends_with_an_empty_frame_leaves_the_upstream_in_step() {
    let lab = Lab::with(|settings| settings.https = true).await;
    let (https, authority) = (lab.gateway.https.unwrap(), lab.gateway.authority.as_ref().unwrap());
    let raw =
        Raw::connect_tls(https, HOST, authority.client(&["h2"])).await.expect("a TLS handshake");
    let mut h2 = H2::start(raw).await;
    for round in 0..10 {
        let path = format!("/public/{round}");
        let fields = [(":scheme", "https"), (":authority", HOST), (":path", path.as_str())];
        let status = h2.post_with_empty_end(&fields, b"some body").await.unwrap();
        assert_eq!(status, 200, "round {round}");
    }
    for request in lab.recorder.requests() {
        assert_eq!(request.body, b"some body", "{request:?}");
        assert_eq!(request.method(), "POST", "{request:?}");
    }
    assert_eq!(lab.recorder.requests().len(), 10);
    for bytes in lab.recorder.bytes() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("0\r\n\r\n0\r\n\r\n"), "{text}");
    }
}

/// pingora #946: an upstream that answers 101 before the proxy has read the (empty) body of the
/// request had its WebSocket torn down.
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_upgrades_at_once_loses_no_handshake() {
    const HANDSHAKES: usize = 500;
    let lab = Lab::start().await;
    lab.recorder.be_hasty();
    let mut lost = 0;
    for _ in 0..HANDSHAKES {
        let mut raw = Raw::connect(lab.gateway.http).await;
        raw.send(handshake("/public/ws", &[])).await;
        let upgraded = raw.answer().await.is_ok_and(|answer| answer.status() == 101);
        let mut frame = [0; 7];
        let read = tokio::io::AsyncReadExt::read_exact(raw.stream(), &mut frame).await;
        if !upgraded || read.is_err() || frame != *b"\x81\x05hello" {
            lost += 1;
        }
    }
    assert_eq!(lost, 0, "of {HANDSHAKES}");
}

/// A request that the upstream answers early must not leave the rest of its body in the pool.
#[tokio::test]
async fn an_early_answer_leaves_the_pool_in_step() {
    let lab = Lab::start().await;
    for round in 0..20 {
        let body = "x".repeat(50_000);
        let post = format!(
            "POST /public/early HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = exchange(lab.gateway.http, post).await;
        let next = lab.get(&format!("/public/{round}"), &[]).await;
        assert_eq!(next.json()["target"], format!("/public/{round}"));
    }
}

/// A failed upstream is one 502 for one client, and never a second POST.
#[tokio::test]
async fn a_post_is_sent_once_even_if_the_upstream_hangs_up() {
    let lab = Lab::start().await;
    for _ in 0..5 {
        lab.recorder.clear();
        let post = format!(
            "POST /public/close HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
        );
        let answer = exchange(lab.gateway.http, post).await.unwrap();
        assert!(matches!(answer.status(), 502 | 504), "{answer:?}");
        assert_eq!(lab.recorder.requests().len(), 1);
    }
}
