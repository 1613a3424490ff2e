use std::future::poll_fn;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Sends `wire` in pieces of `step` through a pump with a sink that takes `room` bytes at a time.
async fn through(
    wire: &[u8],
    body: Body,
    coding: Coding,
    (step, room): (usize, usize),
) -> (Result<(), String>, Vec<u8>, Vec<u8>) {
    let (mut theirs, mut from) = tokio::io::duplex(step);
    let (mut to, mut client) = tokio::io::duplex(room);
    let wire = wire.to_vec();
    let sender = tokio::spawn(async move { theirs.write_all(&wire).await });
    let reader = tokio::spawn(async move {
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.map(|_| all)
    });
    let mut inlet = Inlet::default();
    let mut pump = Pump::new(body, coding, 1 << 20);
    pump.out().extend_from_slice(b"HEAD\r\n\r\n");
    let done = poll_fn(|cx| pump.poll((&mut inlet, &mut from), &mut to, cx)).await;
    assert_eq!(done.is_ok(), pump.is_done());
    drop(to);
    let written = reader.await.unwrap().unwrap();
    sender.abort();
    (done.map_err(|fault| format!("{fault:?}")), written, inlet.bytes().to_vec())
}

#[tokio::test]
async fn head_and_body_arrive_and_what_is_behind_stays() {
    let wire = b"hello worldNEXT";
    let (done, written, rest) = through(wire, Body::Length(11), Coding::Raw, (99, 99)).await;
    assert_eq!((done, &*written), (Ok(()), &b"HEAD\r\n\r\nhello world"[..]));
    assert_eq!(rest, b"NEXT");
    let (_, written, _) = through(b"ab", Body::Length(2), Coding::Chunked, (99, 99)).await;
    assert_eq!(written, b"HEAD\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    let (done, written, _) = through(b"to the end", Body::UntilClose, Coding::Raw, (99, 99)).await;
    assert_eq!((done, &*written), (Ok(()), &b"HEAD\r\n\r\nto the end"[..]));
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_malformed_is_no_whole_body() {
    let (done, ..) = through(b"hell", Body::Length(5), Coding::Raw, (9, 9)).await;
    assert!(done.unwrap_err().contains("UnexpectedEof"));
    let (done, ..) = through(b"3\r\nabcX", Body::CHUNKED, Coding::Raw, (9, 9)).await;
    assert!(done.unwrap_err().contains("Malformed"));
    let (done, written, _) = through(b"5\r\nhe", Body::CHUNKED, Coding::Chunked, (9, 9)).await;
    assert!(
        done.is_err() && !written.ends_with(b"0\r\n\r\n"),
        "the client must not take it as whole"
    );
}

#[tokio::test]
async fn a_long_head_before_no_body_is_all_there_is() {
    let (mut nobody, _theirs) = tokio::io::duplex(1);
    let (mut inlet, mut sink) = (Inlet::default(), Vec::new());
    let mut pump = Pump::new(Body::EMPTY, Coding::Raw, 0);
    pump.out().resize(40_000, b'x');
    poll_fn(|cx| pump.poll((&mut inlet, &mut nobody), &mut sink, cx)).await.unwrap();
    assert_eq!(sink.len(), 40_000);
}

/// Else what is left of the body would be taken for the next request.
#[tokio::test]
async fn a_body_has_not_ended_while_some_of_it_is_still_in_the_source() {
    let (mut theirs, mut from) = tokio::io::duplex(20_000);
    theirs.write_all(&[b'x'; 10_000]).await.unwrap();
    let (mut to, _client) = tokio::io::duplex(100);
    let mut inlet = Inlet::default();
    let mut pump = Pump::new(Body::Length(10_000), Coding::Raw, 10_000);
    let waits =
        poll_fn(|cx| Poll::Ready(pump.poll((&mut inlet, &mut from), &mut to, cx).is_pending()));
    assert!(waits.await && !inlet.is_empty());
    assert!(!pump.has_ended());
}

#[tokio::test]
async fn a_limit_is_a_limit() {
    let (mut theirs, mut from) = tokio::io::duplex(99);
    theirs.write_all(b"5\r\nhello\r\n").await.unwrap();
    let mut pump = Pump::new(Body::CHUNKED, Coding::Raw, 4);
    let (mut inlet, mut sink) = (Inlet::default(), Vec::new());
    let done = poll_fn(|cx| pump.poll((&mut inlet, &mut from), &mut sink, cx)).await;
    assert!(matches!(done, Err(PumpFault::TooLarge)) && sink.is_empty());
}

#[tokio::test]
async fn an_event_leaves_before_the_next_one_is_there() {
    let (mut theirs, mut from) = tokio::io::duplex(99);
    let mut pump = Pump::new(Body::CHUNKED, Coding::Chunked, 99);
    let (mut inlet, mut sink) = (Inlet::default(), Vec::new());
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        theirs.write_all(format!("9\r\n{event}\r\n").as_bytes()).await.unwrap();
        let waits = poll_fn(|cx| {
            Poll::Ready(pump.poll((&mut inlet, &mut from), &mut sink, cx).is_pending())
        });
        assert!(waits.await && pump.waits() == Waits::Source && pump.has_moved());
        assert_eq!(std::mem::take(&mut sink), format!("9\r\n{event}\r\n").as_bytes());
    }
}

/// A sink may take a chunk and not its end; what comes behind must wait for that.
#[tokio::test]
async fn nothing_overtakes_the_end_of_a_chunk() {
    for room in 1..300 {
        let body = [b'x'; COPIED + 100];
        let wire =
            [&format!("{:x}\r\n", body.len()).into_bytes()[..], &body, b"\r\n0\r\n\r\n"].concat();
        let cuts = (wire.len(), room);
        let (done, coded, _) = through(&wire, Body::CHUNKED, Coding::Chunked, cuts).await;
        assert_eq!(done, Ok(()));
        assert!(coded.ends_with(&wire), "{room}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_body_is_the_same_behind_it_however_it_is_cut(
        sizes in proptest::collection::vec(1_usize..9_000, 0..5),
        cuts in (1_usize..20_000, 1_usize..20_000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let parts: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
        let mut wire = Vec::new();
        for part in &parts {
            wire.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            wire.extend_from_slice(part);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n\r\nNEXT");
        let (done, raw, rest) = runtime.block_on(through(&wire, Body::CHUNKED, Coding::Raw, cuts));
        prop_assert_eq!(done, Ok(()));
        prop_assert_eq!(&raw[8..], parts.concat());
        prop_assert!(b"NEXT".starts_with(&rest));
        let coded = runtime.block_on(through(&wire, Body::CHUNKED, Coding::Chunked, cuts)).1;
        let again = runtime.block_on(through(&coded[8..], Body::CHUNKED, Coding::Raw, (999, 999))).1;
        prop_assert_eq!(&again[8..], parts.concat());
    }
}
