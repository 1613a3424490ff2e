use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_stream_ends_with_its_session_and_no_other_does() {
    let streams = Arc::new(LiveStreams::new(10));
    let (mine, too) = (streams.register([1; 32]).unwrap(), streams.register([1; 32]).unwrap());
    let other = streams.register([2; 32]).unwrap();
    assert_eq!(mine.ended().now_or_never(), None);
    assert_eq!(streams.end(&[1; 32], EndCause::Logout), 2);
    assert_eq!(timeout(SOON, mine.ended()).await, Ok(EndCause::Logout));
    assert_eq!(timeout(SOON, too.ended()).await, Ok(EndCause::Logout));
    assert_eq!(mine.ended().await, EndCause::Logout, "may be asked again");
    assert_eq!(other.ended().now_or_never(), None);
}

#[tokio::test]
async fn a_stream_registered_just_after_the_end_is_over_at_once() {
    let streams = Arc::new(LiveStreams::new(10));
    streams.end(&[1; 32], EndCause::Revoked);
    let late = streams.register([1; 32]).unwrap();
    assert_eq!(late.ended().now_or_never(), Some(EndCause::Revoked));
    drop(late);
    assert_eq!((streams.open(), streams.sessions().len()), (0, 0));
}

#[tokio::test]
async fn a_stream_of_a_credential_ends_with_it_and_is_no_business_of_the_sweep() {
    let streams = Arc::new(LiveStreams::new(10));
    let (key, _session) =
        (streams.register_credential([1; 32]).unwrap(), streams.register([2; 32]).unwrap());
    assert_eq!(streams.sessions(), [[2; 32]], "no store knows a session of this name");
    assert_eq!((streams.open_of(&[1; 32]), streams.open_of(&[3; 32])), (1, 0));
    assert_eq!(streams.end(&[1; 32], EndCause::Revoked), 1);
    assert_eq!(key.over(), Some(EndCause::Revoked));
    let late = streams.register_credential([1; 32]).unwrap();
    assert_eq!(late.over(), Some(EndCause::Revoked), "it was decided before the end");
}

#[tokio::test]
async fn a_drain_ends_streams_and_no_session() {
    let streams = Arc::new(LiveStreams::new(10));
    let (one, two) = (streams.register([1; 32]).unwrap(), streams.register([2; 32]).unwrap());
    assert_eq!(streams.drain(), 2);
    assert_eq!(one.ended().now_or_never(), Some(EndCause::Drained));
    assert_eq!(two.ended().now_or_never(), Some(EndCause::Drained));
    let next = streams.register([1; 32]).unwrap();
    assert_eq!(next.ended().now_or_never(), None, "the session lives");
}

#[test]
fn a_full_registry_refuses_and_a_dropped_ticket_makes_room() {
    let streams = Arc::new(LiveStreams::new(2));
    let one = streams.register([1; 32]).unwrap();
    let _two = streams.register([1; 32]).unwrap();
    assert_eq!(streams.register([3; 32]).unwrap_err(), StreamsFull { limit: 2 });
    drop(one);
    assert_eq!(streams.open(), 1);
    let three = streams.register([3; 32]).unwrap();
    drop(three);
    assert_eq!(streams.sessions(), [[1; 32]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_streams_end_quickly() {
    let streams = Arc::new(LiveStreams::new(20_000));
    let key = |n: u32| {
        let mut key = [0; 32];
        // Half of them belong to one session.
        key[..4].copy_from_slice(&n.max(5_000).to_le_bytes());
        key
    };
    let waiting: Vec<_> = (0..10_000)
        .map(|n| {
            let ticket = streams.register(key(n)).unwrap();
            tokio::spawn(async move { ticket.ended().await })
        })
        .collect();
    assert_eq!(streams.open(), 10_000);
    let all = async {
        for key in streams.sessions() {
            streams.end(&key, EndCause::Revoked);
        }
        for stream in waiting {
            assert_eq!(stream.await.unwrap(), EndCause::Revoked);
        }
    };
    timeout(Duration::from_secs(2), all).await.expect("within two seconds");
    assert_eq!(streams.open(), 0);
    assert!(streams.sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_an_end_of_its_own_ends_then_or_with_its_session() {
    let live = Arc::new(LiveStreams::new(10));
    let minute = Duration::from_secs(60);
    let begun = Instant::now();
    let ticket = live.register(NOBODY).unwrap().until(minute);
    assert_eq!(ticket.over(), None);
    assert_eq!(ticket.ended().await, EndCause::Expired);
    assert_eq!((begun.elapsed().as_secs(), ticket.over()), (60, Some(EndCause::Expired)));
    let other = live.register([7; 32]).unwrap().until(minute);
    live.end(&[7; 32], EndCause::Logout);
    assert_eq!(other.ended().await, EndCause::Logout);
}
