//! Refresh tokens that are good for one use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::FutureExt as _;
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::thread;

use crate::base::schedule::{explore, point};
use crate::session::events::EndCause;
use crate::session::manager::Hot;
use crate::session::record::Session;
use crate::session::schedules::provider::{Gateway, Gateways, Manners, version_of};
use crate::session::schedules::world::{a_millisecond_passes, by_hand};
use crate::session::stream::{Judgement, Opening, Standing, StreamTicket};

const BOTH: [usize; 2] = [0, 1];

fn among(
    gateways: usize,
    times: usize,
    manners: Manners,
    run: impl Fn(Gateways) + Send + Sync + 'static,
) {
    explore(times, move || by_hand(|| run(Gateways::new(gateways, manners))));
}

fn served(asking: impl IntoIterator<Item = JoinHandle<Option<usize>>>) {
    for request in asking {
        assert!(block_on(request).unwrap().is_some(), "nobody is signed out");
    }
}

/// Requests that may be told to come again.
fn ask_all(it: &Gateways) {
    let asking = [0, 1, 0, 1].map(|at| {
        let (manager, handle) = (Arc::clone(&it.each[at].manager), it.handle.clone());
        spawn(async move { drop(manager.find(&handle).await) })
    });
    asking.into_iter().for_each(|task| block_on(task).unwrap());
    it.settle();
}

/// The session lives, everywhere as in the store, and its token is the provider's last.
fn lives_on(mut it: Gateways) {
    served(BOTH.map(|at| it.ask(at)));
    it.settle();
    it.hear_all();
    let last = Some(it.provider.last());
    assert_eq!((it.stored(), it.stored_version()), (last, last));
    assert_eq!(it.versions(), [last; 2]);
}

#[test]
fn a_token_is_used_once_and_none_is_lost_however_many_ask_and_writes_fail() {
    for (gateways, late, failures) in
        [(1, true, 2), (2, false, 0), (2, true, 0), (2, false, 2), (2, true, 3)]
    {
        among(gateways, 60, Manners::Revokes, move |mut it| {
            for rotation in 2..=3 {
                it.expire(late);
                it.store.fail_writes(failures);
                let asking = [0, 1, 2, 3].map(|n| it.ask(n % gateways));
                let leaving = [0, 1].map(|n| it.ask(n % gateways));
                leaving.iter().for_each(JoinHandle::abort);
                served(asking);
                it.settle();
                assert_eq!((it.provider.last(), it.stored()), (rotation, Some(rotation)));
            }
            it.hear_all();
            assert_eq!(it.versions(), vec![Some(3); gateways]);
        });
    }
}

#[test]
fn a_session_that_ends_while_it_is_renewed_has_ended() {
    for (late, ender) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        among(2, 80, Manners::Revokes, move |it| an_end_meanwhile(it, late, ender));
    }
}

fn an_end_meanwhile(mut it: Gateways, late: bool, ender: usize) {
    let key = it.handle.key();
    let streams = BOTH.map(|at| it.each[at].manager.live().register(key).unwrap());
    it.expire(late);
    let gone = Arc::new(AtomicBool::new(false));
    let asking = [0, 1, 0, 1].map(|at| {
        let (manager, handle) = (Arc::clone(&it.each[at].manager), it.handle.clone());
        let gone = Arc::clone(&gone);
        spawn(async move {
            for _ in 0..2 {
                let was_gone = at == ender && gone.load(Ordering::SeqCst);
                let found = manager.find(&handle).await.unwrap();
                assert!(!(was_gone && found.is_some()), "it came back");
            }
        })
    });
    let manager = Arc::clone(&it.each[ender].manager);
    let ending = spawn(async move {
        for _ in 0..thread_rng().gen_range(0..150) {
            yield_now().await;
        }
        manager.end(&key, EndCause::Logout).await.unwrap();
        gone.store(true, Ordering::SeqCst);
    });
    asking.into_iter().chain([ending]).for_each(|task| block_on(task).unwrap());
    it.settle();
    it.hear_all();
    for Gateway { manager, .. } in &it.each {
        assert!(matches!(manager.find_hot(&it.handle), Hot::Cold), "memory has it");
        assert_eq!(manager.count(), 0);
    }
    assert_eq!(it.versions(), [None; 2]);
    for stream in streams {
        let cause = stream.ended().now_or_never();
        assert!(matches!(cause, Some(EndCause::Logout | EndCause::Revoked)), "{cause:?}");
    }
}

/// What a stream was judged by.
#[derive(Clone, Debug)]
struct Judged(Arc<AtomicUsize>);

impl Standing for Judged {
    fn is_outdated(&self) -> bool {
        false
    }

    fn judge(&self, session: Option<&Session>) -> Judgement {
        self.0.store(session.map_or(0, version_of), Ordering::SeqCst);
        Judgement::GoesOn(None)
    }
}

fn stream(it: &Gateways, at: usize) -> (StreamTicket, Judged, JoinHandle<()>) {
    let judged = Judged(Arc::new(AtomicUsize::new(1)));
    let opening = Opening { standing: Some(Box::new(judged.clone())), ..Opening::default() };
    let manager = Arc::clone(&it.each[at].manager);
    let ticket = manager.live().bind(it.handle.key(), opening).unwrap();
    (ticket, judged, spawn(async move { manager.review().await }))
}

/// One gateway renews, the other is told of it, and both have new connections now and then, so that they ask
/// the store.
#[test]
fn nobody_is_served_what_is_older_than_what_a_gateway_knows() {
    among(2, 300, Manners::Revokes, |mut it| {
        let streams = BOTH.map(|at| stream(&it, at));
        let served = Arc::new(BOTH.map(|_| AtomicUsize::new(0)));
        let asking = [0, 1, 0, 1].map(|at| {
            let (manager, handle) = (Arc::clone(&it.each[at].manager), it.handle.clone());
            let (client, served) = (Arc::clone(&it.each[at].client), Arc::clone(&served));
            thread::spawn(move || {
                for _ in 0..8 {
                    let least = served[at].load(Ordering::SeqCst).max(client.told());
                    // Only a use has it renewed.
                    let found = match at {
                        0 => block_on(manager.find(&handle)),
                        _ => block_on(manager.peek(&handle)),
                    };
                    let version = version_of(&found.unwrap().unwrap());
                    assert!(version >= least, "{version} after {least}");
                    served[at].fetch_max(version, Ordering::SeqCst);
                }
            })
        });
        for round in 0..10 {
            if round % 5 == 0 {
                it.expire(false);
            }
            (0..thread_rng().gen_range(0..30)).for_each(|_| point());
            if let Some(gateway) = it.each.get(thread_rng().gen_range(0..4)) {
                gateway.ear.as_ref().unwrap().horizon.raise();
                a_millisecond_passes();
            }
        }
        asking.into_iter().for_each(|thread| thread.join().unwrap());
        it.settle();
        it.hear_all();
        let version = it.stored_version();
        assert_eq!(it.versions(), [version; 2]);
        assert_eq!(it.stored(), Some(it.provider.last()));
        for (_ticket, judged, reviewer) in streams {
            // One that is not judged by the last word waits here for ever, which ends the test.
            while Some(judged.0.load(Ordering::SeqCst)) != version {
                point();
            }
            reviewer.abort();
        }
    });
}

/// The next holder may ask while the first one still does; what that one was given is then old.
#[test]
fn a_lost_lease_loses_no_token() {
    for late in [false, true] {
        among(2, 100, Manners::Revokes, move |it| {
            it.expire(late);
            // While it says who it is: the new tokens are in the store by then.
            it.provider.lose_leases_in(2);
            ask_all(&it);
            assert_eq!(it.stored(), Some(it.provider.last()));
            it.expire(late);
            lives_on(it);
        });
    }
}

/// At a provider that only refuses what was used before.
#[test]
fn whoever_was_refused_because_another_was_faster_ends_no_session() {
    for (late, failures) in [(false, 0), (true, 0), (false, 1)] {
        among(2, 60, Manners::Refuses, move |mut it| {
            it.expire(late);
            it.provider.lose_leases_in(1);
            it.store.fail_writes(failures);
            ask_all(&it);
            if it.stored().is_some() {
                return lives_on(it);
            }
            assert!(it.provider.refused_early.load(Ordering::SeqCst), "it had been written");
            it.hear_all();
            assert_eq!(it.versions(), [None; 2]);
        });
    }
}
