use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shuttle::future::{block_on, spawn};
use shuttle::thread;

use crate::base::schedule::{explore, point};
use crate::session::events::EndCause;
use crate::session::handle::Handle;
use crate::session::manager::SessionManager;
use crate::session::schedules::world::{Ear, Shared, a_millisecond_passes, by_hand, sign_in};

/// What everybody could know by now.
#[derive(Default)]
struct Known {
    /// The end was acknowledged.
    ended: AtomicBool,
    /// The connection is a new one.
    renewed: AtomicBool,
    /// It is newer than the end: nothing excuses finding the session.
    missed: AtomicBool,
}

/// One gateway ends a session. Another asks for it all the while, loses the connection by which it would be
/// told, notices that late, and has a new one in the end.
#[test]
fn an_end_elsewhere_counts_once_it_is_told_or_the_connection_is_new() {
    explore(1_500, || by_hand(an_end_elsewhere));
}

fn an_end_elsewhere() {
    let (store, known) = (Shared::new(), Arc::new(Known::default()));
    let ((one, _), (other, ear)) = (store.replica(), store.replica());
    let handle = block_on(sign_in(&one));
    let follower = spawn({
        let other = Arc::clone(&other);
        async move { other.follow().await }
    });
    let askers = [false, true].map(|late| {
        let (other, handle, known) = (Arc::clone(&other), handle.clone(), Arc::clone(&known));
        thread::spawn(move || {
            while late && !known.renewed.load(Ordering::SeqCst) {
                point();
            }
            (0..3).for_each(|_| ask(&other, &handle, &known));
        })
    });
    let ender = thread::spawn({
        let (key, known) = (handle.key(), Arc::clone(&known));
        move || {
            block_on(one.end(&key, EndCause::Logout)).unwrap();
            known.ended.store(true, Ordering::SeqCst);
        }
    });
    let breaker = thread::spawn({
        let ear = Arc::clone(&ear);
        move || break_and_renew(&ear, &known)
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

fn ask(other: &SessionManager, handle: &Handle, known: &Known) {
    let must_know = known.missed.load(Ordering::SeqCst);
    let found = block_on(other.find(handle)).unwrap().is_some();
    assert!(!(must_know && found), "found by what was read before");
    a_millisecond_passes();
}

fn break_and_renew(ear: &Ear, known: &Known) {
    point();
    ear.deaf.store(true, Ordering::SeqCst);
    (0..8).for_each(|_| point());
    ear.horizon.shut();
    (0..8).for_each(|_| point());
    ear.deaf.store(false, Ordering::SeqCst);
    let had_ended = known.ended.load(Ordering::SeqCst);
    ear.horizon.raise();
    known.missed.store(had_ended, Ordering::SeqCst);
    known.renewed.store(true, Ordering::SeqCst);
    a_millisecond_passes();
}
