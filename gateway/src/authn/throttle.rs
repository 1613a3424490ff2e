//! How often somebody may try at this gateway: durable, so that a restart is no way to more tries.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use redb::{Database, ReadableTableMetadata as _, TableDefinition};

use crate::base::{Clock, ProviderId, Timestamp};

/// Counts tries. For each counted thing one moment is kept, that of the generic cell rate
/// algorithm: until when its tries are used up, were they spread evenly.
pub struct Throttle {
    database: Database,
    clock: Arc<dyn Clock>,
    swept: AtomicI64,
}

/// How many tries, and in what time they grow back.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// So many at once.
    pub tries: u32,
    /// Until all of them are there again.
    pub within: Duration,
}

/// What is counted. Keys are hashes: what people type as their name is a password now and then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Counted([u8; 32]);

/// Why nobody may try now.
#[derive(Debug)]
pub enum Held {
    /// The counter cannot be read or written.
    Broken(String),
    /// Too many tries; when the next one is allowed.
    TooMany(Duration),
}

const TRIES: TableDefinition<'_, &[u8; 32], i64> = TableDefinition::new("tries");
/// At most so many counters. A flood of names must not fill the disk; above it nobody may try.
const MOST: u64 = 1_000_000;
/// How often counters that say nothing any more are thrown away.
const SWEEP: Duration = Duration::from_secs(60);
const CACHE: usize = 4 << 20;

impl Throttle {
    /// Opens the counters' file, or makes it.
    ///
    /// # Errors
    /// In words: it cannot be opened, or is damaged.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let open = || -> Result<Database, redb::Error> {
            let database = Database::builder().set_cache_size(CACHE).create(path)?;
            let begun = database.begin_write()?;
            begun.open_table(TRIES)?;
            begun.commit()?;
            Ok(database)
        };
        let database = open().map_err(|cause| {
            format!("{}: {cause}; without it, tries are counted from nothing", path.display())
        })?;
        Ok(Self { database, clock, swept: AtomicI64::new(0) })
    }

    /// Takes one try of each; durable when it is `Ok`. Either all are taken or none. Waits for the disk.
    ///
    /// # Errors
    /// One of them has no try left, or nobody can say.
    pub fn take(&self, counted: &[(Counted, Allowance)]) -> Result<(), Held> {
        let now = self.clock.now();
        let result = self.change(|tries| {
            if self.sweep_is_due(now) {
                tries.retain(|_, until| until > now.as_millis())?;
            }
            let mut wait = Duration::ZERO;
            for (key, allowance) in counted {
                let until = until(tries, key, now)?.saturating_add(allowance.millis());
                let over = until.saturating_sub(now.as_millis()).saturating_sub(allowance.whole());
                wait = wait.max(Duration::from_millis(u64::try_from(over).unwrap_or(0)));
                tries.insert(&key.0, until)?;
            }
            let full = tries.len()? > MOST;
            Ok(if full {
                Err(None)
            } else if wait.is_zero() {
                Ok(())
            } else {
                Err(Some(wait))
            })
        });
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Some(wait))) => Err(Held::TooMany(wait)),
            Ok(Err(None)) => Err(Held::Broken("too many names are being tried".to_owned())),
            Err(cause) => Err(Held::Broken(cause.to_string())),
        }
    }

    /// Gives one try back to each: it was none.
    ///
    /// # Errors
    /// When the counters cannot be written.
    pub fn give_back(&self, counted: &[(Counted, Allowance)]) -> Result<(), String> {
        let now = self.clock.now();
        let result = self.change(|tries| {
            for (key, allowance) in counted {
                let until = until(tries, key, now)?.saturating_sub(allowance.millis());
                tries.insert(&key.0, until)?;
            }
            Ok(Ok::<_, ()>(()))
        });
        result.map(|_| ()).map_err(|cause| cause.to_string())
    }

    /// Forgets all tries of one thing: somebody showed that it is theirs.
    ///
    /// # Errors
    /// When the counters cannot be written.
    pub fn forget(&self, counted: Counted) -> Result<(), String> {
        let result = self.change(|tries| {
            tries.remove(&counted.0)?;
            Ok(Ok::<_, ()>(()))
        });
        result.map(|_| ()).map_err(|cause| cause.to_string())
    }

    /// One transaction; what ends in an inner error leaves nothing behind, and touches no disk.
    fn change<T, E>(
        &self,
        work: impl FnOnce(&mut redb::Table<'_, &[u8; 32], i64>) -> Result<Result<T, E>, redb::Error>,
    ) -> Result<Result<T, E>, redb::Error> {
        let begun = self.database.begin_write()?;
        let done = work(&mut begun.open_table(TRIES)?)?;
        if done.is_ok() {
            begun.commit()?
        } else {
            begun.abort()?
        }
        Ok(done)
    }

    fn sweep_is_due(&self, now: Timestamp) -> bool {
        let last = Timestamp::from_millis(self.swept.load(Ordering::Relaxed));
        let due = now.since(last) >= SWEEP;
        if due {
            self.swept.store(now.as_millis(), Ordering::Relaxed);
        }
        due
    }
}

fn until(
    tries: &redb::Table<'_, &[u8; 32], i64>,
    key: &Counted,
    now: Timestamp,
) -> Result<i64, redb::Error> {
    use redb::ReadableTable as _;
    let kept = tries.get(&key.0)?.map_or(0, |until| until.value());
    Ok(kept.max(now.as_millis()))
}

impl Allowance {
    /// In what time one try grows back.
    pub(in crate::authn) fn step(self) -> Duration {
        self.within / self.tries.max(1)
    }

    fn millis(self) -> i64 {
        self.whole() / i64::from(self.tries.max(1))
    }

    fn whole(self) -> i64 {
        i64::try_from(self.within.as_millis()).unwrap_or(i64::MAX / 4)
    }
}

impl Counted {
    /// A name that was typed, in its one spelling.
    pub fn account(name: &str) -> Self {
        Self::of("account", name.as_bytes())
    }

    /// An account, by what its directory calls it: `admin` of one is not `admin` of another, who could
    /// else clear its tries by a login of their own.
    pub fn account_of(directory: &ProviderId, key: &str) -> Self {
        // The id of a directory has no zero in it.
        let text = [directory.as_str().as_bytes(), &[0], key.as_bytes()].concat();
        Self::of("account of a directory", &text)
    }

    /// What stands for the account of a name that no directory knows.
    pub fn stranger(name: &str) -> Self {
        Self::of("stranger", name.as_bytes())
    }

    /// An address: of IPv6 the first 64 bits, because whoever has one has all of them.
    pub fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of("address", &address.octets()),
            IpAddr::V6(address) => {
                let octets = address.octets();
                Self::of("network", octets.first_chunk::<8>().map_or(&[], |it| it.as_slice()))
            }
        }
    }

    pub(in crate::authn) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn of(kind: &str, text: &[u8]) -> Self {
        let hash = digest(&SHA256, &[kind.as_bytes(), &[0], text].concat());
        Self(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Throttle")
    }
}

#[cfg(test)]
mod tests;
