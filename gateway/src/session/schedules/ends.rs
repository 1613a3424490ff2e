use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shuttle::future::{block_on, spawn};
use shuttle::thread;

use crate::base::schedule::explore;
use crate::session::events::EndCause;
use crate::session::handle::Handle;
use crate::session::manager::SessionManager;
use crate::session::schedules::world::{Shared, sign_in};

/// A session, and whether somebody has seen that it is gone.
#[derive(Clone)]
struct Watched {
    manager: Arc<SessionManager>,
    handle: Handle,
    gone: Arc<AtomicBool>,
}

impl Watched {
    /// One that memory knows, or only the store, which fails to remove anything so many times.
    fn new(warm: bool, failures: usize) -> Self {
        let store = Shared::new();
        let manager = store.failing(failures);
        let handle = block_on(sign_in(&manager));
        let manager = if warm { manager } else { store.failing(failures) };
        Self { manager, handle, gone: Arc::default() }
    }

    /// Asks for it. Nobody finds it who asks after somebody did not.
    fn ask(&self) -> bool {
        let was_gone = self.gone.load(Ordering::SeqCst);
        let found = block_on(self.manager.find(&self.handle)).unwrap().is_some();
        assert!(!(was_gone && found), "found again");
        self.gone.fetch_or(!found, Ordering::SeqCst);
        found
    }

    fn spawn(&self, work: impl FnOnce(Self) + Send + 'static) -> thread::JoinHandle<()> {
        let watched = self.clone();
        thread::spawn(move || work(watched))
    }
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn an_ended_session_is_never_found_again_also_while_the_store_fails() {
    for (warm, failures) in [(true, 0), (false, 0), (true, 2), (false, 1)] {
        explore(300, move || {
            let it = Watched::new(warm, failures);
            let ask = |it: Watched| {
                (0..3).for_each(|_| {
                    it.ask();
                })
            };
            let ender = it.spawn(|it| {
                let _ = block_on(it.manager.end(&it.handle.key(), EndCause::Logout));
                it.gone.store(true, Ordering::SeqCst);
            });
            let sweeper = it.spawn(|it| drop(block_on(it.manager.sweep())));
            join([it.spawn(ask), it.spawn(ask), ender, sweeper]);
            // However often the store has failed: now it does not any more.
            for _ in 0..=failures {
                block_on(it.manager.sweep());
            }
            assert!(!it.ask());
            assert_eq!(it.manager.count(), 0, "the end is durable");
        });
    }
}

/// Whoever signs out and closes the browser has signed out, or has not; never both in turn.
#[test]
fn an_end_whose_caller_goes_away_is_one_or_none() {
    explore(1_000, || {
        let it = Watched::new(false, 0);
        let ender = spawn({
            let it = it.clone();
            async move { it.manager.end(&it.handle.key(), EndCause::Logout).await.map(drop) }
        });
        let ask = |it: Watched| {
            (0..3).for_each(|_| {
                it.ask();
            })
        };
        let askers = [it.spawn(ask), it.spawn(ask)];
        ender.abort();
        let ended = block_on(ender).is_ok();
        join(askers);
        block_on(it.manager.sweep());
        let there = it.ask();
        assert!(!(ended && there));
        assert_eq!(it.manager.count(), usize::from(there), "store and memory agree");
    });
}
