use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shuttle::future::{block_on, spawn};
use shuttle::thread;
use tokio::time::advance;

use crate::base::schedule::{explore, point};
use crate::session::events::EndCause;
use crate::session::schedules::world::{Shared, sign_in};

/// The horizon counts milliseconds: they pass when the test says so.
fn by_hand(run: impl Fn()) {
    let mut paused = tokio::runtime::Builder::new_current_thread();
    let runtime = paused.enable_time().start_paused(true).build().unwrap();
    let _inside = runtime.enter();
    run();
}

fn a_millisecond_passes() {
    block_on(advance(Duration::from_millis(1)));
}

/// One gateway ends a session. Another asks for it all the while, loses the connection by which it would be
/// told, notices that late, and has a new one in the end.
#[test]
fn an_end_elsewhere_counts_once_it_is_told_or_the_connection_is_new() {
    explore(1_500, || by_hand(an_end_elsewhere));
}

fn an_end_elsewhere() {
    let store = Shared::new();
    let ((one, _), (other, ear)) = (store.replica(), store.replica());
    let handle = block_on(sign_in(&one));
    let follower = spawn({
        let other = Arc::clone(&other);
        async move { other.follow().await }
    });
    let ended = Arc::new(AtomicBool::new(false));
    // The session ended before the connection was made anew: nothing excuses finding it.
    let missed = Arc::new(AtomicBool::new(false));

    let askers = [(); 2].map(|()| {
        let (other, handle, missed) = (Arc::clone(&other), handle.clone(), Arc::clone(&missed));
        thread::spawn(move || {
            for _ in 0..4 {
                let must_know = missed.load(Ordering::SeqCst);
                let found = block_on(other.find(&handle)).unwrap().is_some();
                assert!(!(must_know && found), "found by what memory held before");
                a_millisecond_passes();
            }
        })
    });
    let ender = thread::spawn({
        let (key, ended) = (handle.key(), Arc::clone(&ended));
        move || {
            block_on(one.end(&key, EndCause::Logout)).unwrap();
            ended.store(true, Ordering::SeqCst);
        }
    });
    let breaker = thread::spawn({
        let ear = Arc::clone(&ear);
        move || {
            point();
            ear.deaf.store(true, Ordering::SeqCst);
            point();
            ear.horizon.shut();
            point();
            ear.deaf.store(false, Ordering::SeqCst);
            let had_ended = ended.load(Ordering::SeqCst);
            ear.horizon.raise();
            missed.fetch_or(had_ended, Ordering::SeqCst);
            a_millisecond_passes();
        }
    });
    for thread in askers.into_iter().chain([ender, breaker]) {
        thread.join().unwrap();
    }
    ear.close();
    block_on(follower).unwrap();
    a_millisecond_passes();
    for _ in 0..2 {
        assert!(block_on(other.find(&handle)).unwrap().is_none(), "it is told, or was missed");
        a_millisecond_passes();
    }
}
