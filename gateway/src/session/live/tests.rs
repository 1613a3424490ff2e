use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::{Instant, timeout};

use super::*;

const SOON: Duration = Duration::from_secs(20);

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
    timeout(2 * SOON, all).await.expect("all of them end");
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

#[tokio::test(start_paused = true)]
async fn a_route_may_grant_more_where_time_ends_a_stream_and_never_where_somebody_does() {
    use EndCause::{Absolute, Drained, Expired, Idle, Logout, Policy, Replaced, Revoked};
    const GRACE: Duration = Duration::from_secs(30);
    for cause in [Absolute, Drained, Expired, Idle, Logout, Policy, Replaced, Revoked] {
        let live = Arc::new(LiveStreams::new(10));
        let open = |at_end| live.bind([1; 32], Opening { at_end, ..Opening::default() }).unwrap();
        let (shut, grace, keep) =
            (open(AtEnd::Close), open(AtEnd::Grace(GRACE)), open(AtEnd::Keep));
        let begun = Instant::now();
        assert_eq!(live.end(&[1; 32], cause), 3);
        assert_eq!(shut.over(), Some(cause));
        if !cause.is_by_time() {
            assert_eq!((grace.over(), keep.over()), (Some(cause), Some(cause)), "{cause}");
            assert!(live.of(&[1; 32]).streams.is_empty());
            continue;
        }
        assert_eq!((grace.over(), keep.over()), (None, None), "{cause}");
        assert!(live.sessions().is_empty(), "there is no session that the sweep could look for");
        assert_eq!(grace.ended().await, cause);
        assert_eq!((begun.elapsed(), grace.over()), (GRACE, Some(cause)));
        assert_eq!(open(AtEnd::Keep).over(), Some(cause), "what is opened behind the end has none");
        assert_eq!((keep.over(), live.open()), (None, 3));
        live.end(&[1; 32], Revoked);
        assert_eq!(timeout(SOON, keep.ended()).await, Ok(Revoked));
        drop((shut, grace, keep));
        assert_eq!((live.open(), live.of(&[1; 32]).streams.len()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_credential_grants_is_extended_by_grace_and_replaced_by_a_later_word() {
    let live = Arc::new(LiveStreams::new(10));
    let second = Duration::from_secs(1);
    let open = |at_end| live.bind(NOBODY, Opening { at_end, ..Opening::default() }).unwrap();
    let grace = open(AtEnd::Grace(5 * second)).until(10 * second);
    let keep = open(AtEnd::Keep).until(10 * second);
    let moved = open(AtEnd::Close).until(10 * second);
    let begun = Instant::now();
    let waits = tokio::spawn(moved.signal());
    tokio::task::yield_now().await;
    let (_, before) = moved.look();
    live.of(&NOBODY).streams[2].limit(Some(60 * second));
    assert_ne!(moved.look().1, before, "whoever waits must look again");
    assert_eq!(grace.ended().await, EndCause::Expired);
    assert_eq!((begun.elapsed(), keep.over(), moved.over()), (15 * second, None, None));
    assert_eq!(waits.await.unwrap(), EndCause::Expired);
    assert_eq!(begun.elapsed(), 60 * second);
    assert_eq!(keep.over(), None);
}

#[test]
fn a_request_that_only_lasts_takes_no_streams_place() {
    let live = Arc::new(LiveStreams::new(1));
    let lasts = || live.bind([1; 32], Opening { counted: false, ..Opening::default() }).unwrap();
    let (one, two) = (lasts(), lasts());
    let stream = live.register([1; 32]).unwrap();
    assert!(live.register([2; 32]).is_err());
    assert_eq!((live.open(), live.open_of(&[1; 32])), (1, 1));
    live.end(&[1; 32], EndCause::Logout);
    assert!([&one, &two, &stream].iter().all(|it| it.over() == Some(EndCause::Logout)));
    drop((one, two, stream));
    assert_eq!(live.open(), 0);
}

#[test]
fn streams_leave_in_any_order() {
    let live = Arc::new(LiveStreams::new(100));
    let mut open: Vec<_> = (0..50).map(|_| live.register([1; 32]).unwrap()).collect();
    let mut next = 7_usize;
    while !open.is_empty() {
        next = (next * 31 + 11) % 1_009;
        drop(open.swap_remove(next % open.len()));
        let left = live.of(&[1; 32]).streams;
        assert_eq!((left.len(), live.open()), (open.len(), open.len()));
        for (place, stream) in left.iter().enumerate() {
            assert_eq!(stream.place.load(Ordering::Relaxed), place);
        }
    }
    assert!(live.sessions().is_empty());
}
