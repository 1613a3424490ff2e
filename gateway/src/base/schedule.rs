//! Schedules: a test is run again and again, and each time its threads and tasks take turns in another order.
//!
//! Turns change where a lock is taken, where a future waits, and at each [`point`]. What lies between is one
//! step: memory ordering is not put to the test here. Nor is time, which does not pass by itself: a sleep is
//! a few turns of the others, and nobody waits too long.

use std::fs::{File, TryLockError as FileBusy};
use std::io;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use shuttle::future::yield_now;
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner, current, thread};
use tokio::time::error::Elapsed;

use crate::base::sync;

/// Sealing, signing and printing a failure need more than the default.
const STACK: usize = 512 * 1024;

/// Runs `run` under `times` schedules. The seed of one that fails is printed: with it in `SHUTTLE_RANDOM_SEED`
/// the test fails again at once.
pub(crate) fn explore(times: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK;
    Runner::new(RandomScheduler::new(times), config).run(run);
}

/// Somebody else may take a turn here; nothing happens where there is no schedule.
pub(crate) fn point() {
    if current::try_get_current_task().is_some() {
        thread::yield_now();
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    if current::try_get_current_task().is_none() {
        return sync::lock(mutex);
    }
    // All threads of a schedule are one of the system's, which a wait for the lock would stop for good.
    loop {
        thread::yield_now();
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(guard)) => return guard.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if current::try_get_current_task().is_none() {
        sync::spawn(task);
    } else {
        drop(shuttle::future::spawn(task));
    }
}

pub(crate) async fn sleep(time: Duration) {
    if current::try_get_current_task().is_none() {
        return sync::sleep(time).await;
    }
    for _ in 0..thread_rng().gen_range(1..6) {
        yield_now().await;
    }
}

pub(crate) async fn timeout<F: Future>(time: Duration, waiting: F) -> Result<F::Output, Elapsed> {
    if current::try_get_current_task().is_none() {
        return sync::timeout(time, waiting).await;
    }
    Ok(waiting.await)
}

pub(crate) fn lock_file(file: &File) -> io::Result<()> {
    if current::try_get_current_task().is_none() {
        return sync::lock_file(file);
    }
    loop {
        thread::yield_now();
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(FileBusy::WouldBlock) => {}
            Err(FileBusy::Error(fault)) => return Err(fault),
        }
    }
}
