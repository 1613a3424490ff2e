//! Looks for damage in the file, while the store is in use already.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use redb::{Database, ReadableDatabase as _, ReadableMultimapTable as _, ReadableTable as _};

use crate::session::embedded::file::{NAMES, ROWS, SEALED, names};

/// Reads everything once after each start. A file of a million sessions takes many seconds to read, and
/// nobody who is let in by a public route should wait for that.
///
/// It finds pages that cannot be read, and an index that does not agree with the sessions: a sign-out at
/// the provider would miss those that it has lost. Records and tokens need no look: they are sealed, and
/// what was altered does not open.
#[derive(Debug, Default)]
pub(crate) struct Check {
    damage: OnceLock<String>,
    stopped: AtomicBool,
}

/// Entries between two pauses, and how long these are: about half of one core, until it is done.
const AT_ONCE: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(2);

impl Check {
    /// What is wrong with the file, if something has been found.
    pub(crate) fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    /// Looks through the whole file; in a thread of its own.
    pub(crate) fn run(&self, database: &Database) {
        // The library can panic over a page that somebody overwrote.
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(database)));
        let damage = match looked {
            Ok(Ok(None)) => return,
            Ok(Ok(Some(damage))) => damage.to_owned(),
            Ok(Err(fault)) => fault.to_string(),
            Err(_) => "unreadable pages".to_owned(),
        };
        let _ = self.damage.set(damage);
    }

    /// Ends a look that is under way, soon.
    pub(crate) fn stop(&self, thread: &thread::Thread) {
        self.stopped.store(true, Ordering::Relaxed);
        thread.unpark();
    }

    fn look(&self, database: &Database) -> Result<Option<&'static str>, redb::Error> {
        let reading = database.begin_read()?;
        // Sums over sets that must be equal, in whichever order they are read.
        let (mut sessions, mut names_of) = (Sum::default(), Sum::default());
        let mut seen = 0_usize;
        for row in reading.open_table(ROWS)?.iter()? {
            sessions.add(row?.0.value());
            if self.rests(&mut seen) {
                return Ok(None);
            }
        }
        for row in reading.open_table(SEALED)?.iter()? {
            let (key, contents) = row?;
            sessions.take(key.value());
            for name in names(contents.value().0) {
                names_of.add(&(name.0, *key.value()));
            }
            if self.rests(&mut seen) {
                return Ok(None);
            }
        }
        for entry in reading.open_multimap_table(NAMES)?.iter()? {
            let (name, keys) = entry?;
            for key in keys {
                names_of.take(&(*name.value(), *key?.value()));
            }
            if self.rests(&mut seen) {
                return Ok(None);
            }
        }
        let agree = sessions == Sum::default() && names_of == Sum::default();
        Ok((!agree).then_some("its indexes do not agree with its sessions"))
    }

    /// Rests now and then; true when nobody waits for an answer any more.
    fn rests(&self, seen: &mut usize) -> bool {
        *seen = seen.wrapping_add(1);
        if seen.is_multiple_of(AT_ONCE) {
            thread::park_timeout(PAUSE);
        }
        self.stopped.load(Ordering::Relaxed)
    }
}

/// A sum of digests. Damage is chance, not skill: who can write the file as they like needs no collision.
#[derive(Default, PartialEq, Eq)]
struct Sum(u64);

impl Sum {
    fn add(&mut self, item: &impl Hash) {
        self.0 = self.0.wrapping_add(digest(item));
    }

    fn take(&mut self, item: &impl Hash) {
        self.0 = self.0.wrapping_sub(digest(item));
    }
}

fn digest(item: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    item.hash(&mut hasher);
    hasher.finish()
}
