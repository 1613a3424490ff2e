//! Schedules: a test is run again and again, and each time its threads and tasks take turns in another order.
//!
//! Turns change where a lock is taken, where a future waits, and at each [`point`]. What lies between is one
//! step: memory ordering is not put to the test here.

use std::fs::{File, TryLockError as FileBusy};
use std::io;
use std::sync::{Mutex, MutexGuard, TryLockError};

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner, current, thread};

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
