//! HTTP/2 clients that cost more than they send. Each flood is small; what it would cost if nothing
//! held it back is far above the bounds.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::edge::tools::{SLACK, get, http2, limited};
use crate::support::h2::{DATA, END_HEADERS, END_STREAM, GOAWAY, H2, HEADERS, RST_STREAM, literal};
use crate::support::lab::Lab;
use crate::support::raw::status_of;
use crate::support::settings::HOST;

const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// What all the memory that a flood makes the gateway hold must fit into.
const BOUND: usize = 64 * 1024 * 1024;

const GOOD: [(&str, &str); 3] =
    [(":scheme", "https"), (":authority", HOST), (":path", "/public/x")];

#[tokio::test]
async fn a_list_of_tiny_references_to_a_large_field_is_not_unpacked() {
    let lab = limited(true, "").await;
    let before = lab.gateway.resident();
    let mut h2 = http2(&lab).await;
    let mut held = Vec::new();
    for stream in (1..200).step_by(2) {
        // A field of 4,000 bytes goes into the table once; each further byte means all of it again.
        let mut block = block("GET");
        block.extend([0x40, 6]);
        block.extend(b"cookie");
        block.extend([0x7f, 0xa1, 0x1e]);
        block.extend([b'a'; 4_000]);
        block.extend([0xbe; 8_000]);
        h2.frame(HEADERS, END_HEADERS, stream, &block).await;
    }
    held.push(h2);
    sleep(Duration::from_millis(500)).await;
    bounded(&lab, before).await;
    assert!(lab.recorder.requests().is_empty());
}

#[tokio::test]
async fn streams_that_are_reset_at_once_do_not_pile_up() {
    const STREAMS: u32 = 2_000;
    let lab = limited(true, "").await;
    let before = lab.gateway.resident();
    let mut h2 = http2(&lab).await;
    for n in 0..STREAMS {
        let stream = 1 + 2 * n;
        h2.frame(HEADERS, END_HEADERS | END_STREAM, stream, &block("GET")).await;
        h2.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).await;
    }
    let ended = ended(&mut h2).await;
    let reached = lab.recorder.requests().len();
    println!("connection ended: {ended}, {reached} of {STREAMS} reached the upstream");
    assert!(ended || reached < 200, "{reached} requests were worked on for nothing");
    bounded(&lab, before).await;
}

/// `MadeYouReset` (CVE-2025-8671): the client breaks a rule on each stream, so that we must reset it.
#[tokio::test]
async fn streams_that_we_must_reset_do_not_pile_up() {
    const STREAMS: u32 = 2_000;
    let lab = limited(true, "").await;
    let before = lab.gateway.resident();
    let mut h2 = http2(&lab).await;
    for n in 0..STREAMS {
        let stream = 1 + 2 * n;
        h2.frame(HEADERS, END_HEADERS | END_STREAM, stream, &block("GET")).await;
        h2.frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes()).await;
    }
    let ended = ended(&mut h2).await;
    let reached = lab.recorder.requests().len();
    println!("connection ended: {ended}, {reached} of {STREAMS} reached the upstream");
    assert!(ended && reached < 200, "{reached} requests were worked on for nothing");
    bounded(&lab, before).await;
}

#[tokio::test]
async fn a_header_block_without_an_end_is_refused() {
    let lab = limited(true, "").await;
    let before = lab.gateway.resident();
    for part in [&b""[..], &[0xbe; 1][..], &[0x20; 16_000][..], &[b'a'; 16_000][..]] {
        let mut h2 = http2(&lab).await;
        h2.frame(HEADERS, 0, 1, &block("GET")).await;
        for _ in 0..2_000 {
            h2.frame(CONTINUATION, 0, 1, part).await;
        }
        assert!(ended(&mut h2).await, "{} bytes each", part.len());
    }
    bounded(&lab, before).await;
}

#[tokio::test]
async fn empty_frames_do_not_pile_up() {
    let lab = limited(true, "").await;
    let before = lab.gateway.resident();
    let mut h2 = http2(&lab).await;
    let slow = [GOOD[0], GOOD[1], (":path", "/public/slow?ms=3000")];
    let stream = h2.open("POST", &slow).await;
    for _ in 0..20_000 {
        h2.frame(DATA, 0, stream, b"").await;
    }
    bounded(&lab, before).await;
}

#[tokio::test]
async fn more_streams_than_agreed_are_refused() {
    let lab = limited(true, "http2_streams = 5").await;
    let mut h2 = http2(&lab).await;
    let slow = [GOOD[0], GOOD[1], (":path", "/public/slow?ms=5000")];
    for _ in 0..50 {
        h2.open_and_end("GET", &slow).await;
    }
    sleep(Duration::from_millis(800)).await;
    assert!(lab.recorder.open() <= 5, "{} at once", lab.recorder.open());
    assert_eq!(status_of(lab.gateway.http, get("/public/x")).await, 200);
}

fn block(method: &str) -> Vec<u8> {
    let mut block = Vec::new();
    literal(&mut block, ":method", method);
    GOOD.iter().for_each(|(name, value)| literal(&mut block, name, value));
    block
}

/// Whether the gateway gives the connection up.
async fn ended(h2: &mut H2) -> bool {
    let ended = async { while !matches!(h2.read().await, Ok((GOAWAY, ..)) | Err(_)) {} };
    timeout(SLACK, ended).await.is_ok()
}

async fn bounded(lab: &Lab, before: usize) {
    assert_eq!(status_of(lab.gateway.http, get("/public/after")).await, 200, "others are served");
    let grown = lab.gateway.resident().saturating_sub(before);
    println!("{} KiB more", grown / 1024);
    assert!(grown < BOUND, "{grown} bytes more");
    assert!(!lab.gateway.printed().contains("panicked"));
    lab.recorder.clear();
}
