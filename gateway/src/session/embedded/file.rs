//! The file: its tables, how it is opened, and its errors in an operator's words.

use std::fs::{File, OpenOptions, Permissions};
use std::ops::Bound;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use redb::{
    Builder, Database, DatabaseError, MultimapTableDefinition, ReadableDatabase as _,
    ReadableTable as _, ReadableTableMetadata as _, StorageError, TableDefinition,
    TableHandle as _, WriteTransaction,
};

use crate::base::Timestamp;
use crate::session::handle::SessionKey;
use crate::session::lifetime::{Moments, over};
use crate::session::store::{IndexKey, SWEEP_BATCH, StoreError};

/// A session's absolute expiry and last use: what changes, and what each sweep looks through.
pub(crate) const ROWS: TableDefinition<'_, &[u8; 32], (i64, i64)> = TableDefinition::new("times");
/// A session's names, one behind the other, its sealed record and sealed tokens: what changes seldom.
pub(crate) const SEALED: TableDefinition<'_, &[u8; 32], Bytes> = TableDefinition::new("contents");
/// The keys of all sessions of each name (one slot for each would forget the others).
pub(crate) const NAMES: MultimapTableDefinition<'_, &[u8; 32], &[u8; 32]> =
    MultimapTableDefinition::new("names");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Names, record and tokens.
pub(crate) type Bytes = (&'static [u8], &'static [u8], &'static [u8]);

const LAYOUT: u64 = 2;
/// Whose sessions are found by their person only, so that a sign-out at the provider would miss them: they
/// are forgotten, and everybody signs in anew.
const OLDER: u64 = 1;
const OLDER_TABLES: [&str; 2] = ["rows", "sealed"];

/// What the file's pages may take in memory: the manager has its own, so this need not hold them all.
const PAGE_CACHE: usize = 32 << 20;

pub(crate) fn open(path: &Path) -> Result<Database, StoreError> {
    // Its pages are looked at later, see `check.rs`: a million sessions take many seconds.
    open_as(path, (PAGE_CACHE, false), |database| tables(path, database))
}

/// Begins a change after which the file opens at once, also if the process is killed. Without it the
/// library would have to read the whole file to find out which pages are free; it costs each commit a
/// second `fsync`, which all changes of the commit share.
pub(crate) fn change(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut writing = database.begin_write()?;
    writing.set_quick_repair(true);
    Ok(writing)
}

/// Opens a file of ours, or makes it (mode 0600) with these tables; with so much memory for its pages, and
/// looking at each of them before, or not.
pub(crate) fn open_as(
    path: &Path,
    (cache, looks): (usize, bool),
    tables: impl Fn(&Database) -> Result<(), StoreError>,
) -> Result<Database, StoreError> {
    prepare(path).map_err(|fault| io("open its file")(fault.into()))?;
    let build = || {
        let mut builder = Builder::new();
        builder.set_cache_size(cache).set_check_integrity_on_open(looks);
        let database = builder.create(path).map_err(|fault| named(path, fault))?;
        tables(&database)?;
        Ok(database)
    };
    // The library can panic over a file that somebody cut or overwrote. At start that must read
    // as what it is: a damaged file, with a remedy.
    catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|_| Err(damaged(path, "unreadable pages")))
}

pub(crate) fn count(database: &Database) -> Result<usize, StoreError> {
    let count =
        || -> Result<u64, redb::Error> { Ok(database.begin_read()?.open_table(ROWS)?.len()?) };
    count().map(|count| usize::try_from(count).unwrap_or(usize::MAX)).map_err(io("read"))
}

/// Some sessions that are over at `now`.
pub(crate) fn over_at(
    database: &Database,
    now: Timestamp,
    idle: Duration,
) -> Result<Vec<SessionKey>, redb::Error> {
    let rows = database.begin_read()?.open_table(ROWS)?;
    let mut found = Vec::new();
    for row in rows.iter()? {
        let (key, row) = row?;
        let (expiry, seen) = row.value();
        if over(moments(expiry, seen), idle, now).is_some() {
            found.push(*key.value());
        }
        if found.len() >= SWEEP_BATCH {
            break;
        }
    }
    Ok(found)
}

/// At most so many keys, in order, behind one of them.
pub(crate) fn keys_after(
    database: &Database,
    from: Option<SessionKey>,
    most: usize,
) -> Result<Vec<SessionKey>, redb::Error> {
    let rows = database.begin_read()?.open_table(ROWS)?;
    let begin = from.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let range = rows.range::<&SessionKey>((begin, Bound::Unbounded))?;
    range.take(most).map(|row| Ok(*row?.0.value())).collect()
}

pub(crate) fn moments(expiry: i64, seen: i64) -> Moments {
    Moments {
        absolute_expiry: Timestamp::from_millis(expiry),
        last_seen: Timestamp::from_millis(seen),
    }
}

/// Names as [`SEALED`] holds them.
pub(crate) fn joined(names: &[IndexKey]) -> Vec<u8> {
    names.iter().flat_map(|name| name.0).collect()
}

/// The names that [`SEALED`] holds.
pub(crate) fn names(bytes: &[u8]) -> Vec<IndexKey> {
    bytes.as_chunks::<32>().0.iter().copied().map(IndexKey).collect()
}

/// Words for a failure while `doing` something.
pub(crate) fn io(doing: &'static str) -> impl Fn(redb::Error) -> StoreError {
    move |fault| StoreError::Io { doing, detail: fault.to_string() }
}

/// Makes the file before the library does, so that nobody else can read it at any time, and makes
/// its name durable.
fn prepare(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn tables(path: &Path, database: &Database) -> Result<(), StoreError> {
    let make = || -> Result<u64, redb::Error> {
        let writing = change(database)?;
        let layout = {
            let mut meta = writing.open_table(META)?;
            let found = meta.get("layout")?.map_or(LAYOUT, |layout| layout.value());
            if found == OLDER || found == LAYOUT {
                meta.insert("layout", LAYOUT)?;
            }
            found
        };
        if layout == OLDER {
            forget_older(&writing)?;
        }
        writing.open_table(ROWS)?;
        writing.open_table(SEALED)?;
        writing.open_multimap_table(NAMES)?;
        writing.commit()?;
        Ok(layout)
    };
    match make() {
        Ok(LAYOUT) => Ok(()),
        Ok(OLDER) => {
            tracing::warn!(path = %path.display(), "the session file is of an older version: everybody signs in anew");
            Ok(())
        }
        Ok(_) => Err(damaged(path, "written by a newer version")),
        Err(fault) => Err(damaged(path, &fault.to_string())),
    }
}

fn forget_older(writing: &WriteTransaction) -> Result<(), redb::Error> {
    let tables = writing.list_tables()?.filter(|table| OLDER_TABLES.contains(&table.name()));
    for table in tables.collect::<Vec<_>>() {
        writing.delete_table(table)?;
    }
    for table in writing.list_multimap_tables()?.collect::<Vec<_>>() {
        writing.delete_multimap_table(table)?;
    }
    Ok(())
}

fn named(path: &Path, fault: DatabaseError) -> StoreError {
    match fault {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
        DatabaseError::Storage(StorageError::Io(fault))
            if !matches!(
                fault.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            io("open its file")(fault.into())
        }
        fault => damaged(path, &fault.to_string()),
    }
}

pub(crate) fn damaged(path: &Path, detail: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() }
}
