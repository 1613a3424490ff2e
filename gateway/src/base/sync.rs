//! Locks, tasks and time. In the tests' build [`schedule`](super::schedule) has them instead: under a schedule,
//! whoever takes a lock may have to wait until everybody else has had a turn, and tasks are its own.

use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use tokio::spawn;
pub(crate) use tokio::time::{sleep, timeout};

/// Waits for a lock. One whose holder has panicked is as good as any: holders leave whole what they guard.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the sole right to a file, also among processes; it ends with the file.
///
/// # Errors
/// When the system cannot lock it.
pub(crate) fn lock_file(file: &File) -> io::Result<()> {
    file.lock()
}
