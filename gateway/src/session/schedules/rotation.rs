//! Refresh tokens that are good for one use, at two gateways.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::FutureExt as _;
use shuttle::future::{JoinHandle, block_on, spawn};
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::thread;

use crate::base::schedule::{explore, point};
use crate::session::events::EndCause;
use crate::session::manager::Hot;
use crate::session::record::Session;
use crate::session::schedules::provider::{Gateways, Manners, version_of};
use crate::session::schedules::world::{a_millisecond_passes, by_hand};
use crate::session::stream::{Judgement, Opening, Standing};

const BOTH: [usize; 2] = [0, 1];

fn at_two(times: usize, manners: Manners, run: impl Fn(Gateways) + Send + Sync + 'static) {
    explore(times, move || by_hand(|| run(Gateways::new(manners))));
}

fn served(asking: impl IntoIterator<Item = JoinHandle<Option<usize>>>) {
    for request in asking {
        assert!(block_on(request).unwrap().is_some(), "nobody is signed out");
    }
}

#[test]
fn a_token_is_used_once_and_none_is_lost_however_many_ask_and_writes_fail() {
    for (late, failures) in [(false, 0), (true, 0), (false, 2), (true, 3)] {
        at_two(150, Manners::Revokes, move |it| {
            for rotation in 2..=3 {
                it.expire(late);
                it.store.fail_writes(failures);
                let asking = [0, 1, 0, 1].map(|at| it.ask(at));
                let leaving = BOTH.map(|at| it.ask(at));
                leaving.iter().for_each(JoinHandle::abort);
                served(asking);
                it.settle();
                assert_eq!((it.provider.last(), it.stored()), (rotation, Some(rotation)));
            }
            let mut it = it;
            it.hear_all();
            a_millisecond_passes();
            assert_eq!(BOTH.map(|at| it.version(at)), [Some(3); 2]);
        });
    }
}

#[test]
fn a_session_that_ends_while_it_is_renewed_has_ended() {
    for (late, ender) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        at_two(150, Manners::Revokes, move |mut it| {
            let key = it.handle.key();
            let streams = BOTH.map(|at| it.each[at].manager.live().register(key).unwrap());
            it.expire(late);
            let gone = Arc::new(AtomicBool::new(false));
            let asking = [0, 1, 0, 1, ender, ender].map(|at| {
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
                manager.end(&key, EndCause::Logout).await.unwrap();
                gone.store(true, Ordering::SeqCst);
            });
            asking.into_iter().chain([ending]).for_each(|task| block_on(task).unwrap());
            it.settle();
            it.hear_all();
            for at in BOTH {
                let manager = &it.each[at].manager;
                assert!(matches!(manager.find_hot(&it.handle), Hot::Cold), "memory has it");
                assert_eq!((it.version(at), manager.count()), (None, 0));
            }
            for stream in streams {
                let cause = stream.ended().now_or_never();
                assert!(matches!(cause, Some(EndCause::Logout | EndCause::Revoked)), "{cause:?}");
            }
        });
    }
}

/// What a stream was judged by.
#[derive(Debug)]
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

/// Two renewals, while a gateway's memory is put in doubt as by a new connection.
#[test]
fn nobody_is_served_what_is_older_than_what_others_were_served() {
    at_two(400, Manners::Revokes, |mut it| {
        let judged = BOTH.map(|_| Arc::new(AtomicUsize::new(0)));
        let streams = BOTH.map(|at| {
            let standing = Judged(Arc::clone(&judged[at]));
            let opening = Opening { standing: Some(Box::new(standing)), ..Opening::default() };
            it.each[at].manager.live().bind(it.handle.key(), opening).unwrap()
        });
        let reviewers = BOTH.map(|at| {
            let manager = Arc::clone(&it.each[at].manager);
            spawn(async move { manager.review().await })
        });
        let asking = [0, 1, 0, 1].map(|at| {
            let (manager, handle) = (Arc::clone(&it.each[at].manager), it.handle.clone());
            (at, manager, handle)
        });
        let served = Arc::new(BOTH.map(|_| AtomicUsize::new(0)));
        let asking = asking.map(|(at, manager, handle)| {
            let served = Arc::clone(&served);
            thread::spawn(move || {
                for _ in 0..6 {
                    let least = served[at].load(Ordering::SeqCst);
                    let found = block_on(manager.find(&handle)).unwrap().unwrap();
                    let version = version_of(&found);
                    assert!(version >= least, "{version} after {least}");
                    served[at].fetch_max(version, Ordering::SeqCst);
                    point();
                }
            })
        });
        it.expire(false);
        (0..thread_rng().gen_range(0..60)).for_each(|_| point());
        it.each[1].ear.horizon.raise();
        a_millisecond_passes();
        it.expire(false);
        asking.into_iter().for_each(|thread| thread.join().unwrap());
        it.settle();
        self::served(BOTH.map(|at| it.ask(at)));
        it.settle();
        it.hear_all();
        a_millisecond_passes();
        let last = it.stored();
        assert_eq!(last, Some(it.provider.last()));
        assert_eq!(BOTH.map(|at| it.version(at)), [last; 2]);
        for (at, reviewer) in reviewers.into_iter().enumerate() {
            while Some(judged[at].load(Ordering::SeqCst)) != last {
                point();
            }
            reviewer.abort();
        }
        drop(streams);
    });
}

/// The next holder may ask while the first one still does; what that was given is then old.
#[test]
fn a_lost_lease_loses_no_token() {
    for late in [false, true] {
        at_two(400, Manners::Revokes, move |mut it| {
            it.expire(late);
            // Asked for tokens, and then who it is: those tokens are in the store by then.
            it.provider.lose_leases_in(2);
            let asking = [0, 1, 0, 1].map(|at| it.each[at].manager.clone()).map(|manager| {
                let handle = it.handle.clone();
                // One that waits may be told to come again.
                spawn(async move { drop(manager.find(&handle).await) })
            });
            asking.into_iter().for_each(|task| block_on(task).unwrap());
            it.settle();
            assert_eq!(it.stored(), Some(it.provider.last()));
            it.expire(late);
            served(BOTH.map(|at| it.ask(at)));
            it.settle();
            it.hear_all();
            a_millisecond_passes();
            assert_eq!(BOTH.map(|at| it.version(at)), [Some(it.provider.last()); 2]);
            assert_eq!(it.stored(), Some(it.provider.last()));
        });
    }
}

/// At a provider that only refuses what was used before.
#[test]
fn whoever_was_refused_because_another_was_faster_ends_no_session() {
    for (late, failures) in [(false, 0), (true, 0), (false, 1)] {
        at_two(300, Manners::Refuses, move |mut it| {
            it.expire(late);
            it.provider.lose_leases_in(1);
            it.store.fail_writes(failures);
            let asking = BOTH.map(|at| {
                let (manager, handle) = (it.each[at].manager.clone(), it.handle.clone());
                spawn(async move { drop(manager.find(&handle).await) })
            });
            asking.into_iter().for_each(|task| block_on(task).unwrap());
            it.settle();
            it.hear_all();
            a_millisecond_passes();
            match it.stored() {
                None => assert!(it.provider.refused_early.load(Ordering::SeqCst)),
                stored => assert_eq!(stored, Some(it.provider.last()), "a token was lost"),
            }
            let version = it.version(0);
            assert_eq!(it.version(1), version);
            assert_eq!(it.stored(), version);
        });
    }
}
