//! The keys' file: durable before anybody hears of success.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use crate::authn::api_key::fault::ApiKeyFault;
use crate::authn::api_key::text::ApiKeyId;
use crate::base::Timestamp;

/// The keys' file in the state directory.
pub const API_KEYS: &str = "api-keys.redb";
/// What that file is called when its keys are where replicas share them.
pub const TAKEN_OVER_API_KEYS: &str = "api-keys.redb.taken-over";

/// Each key's record, by its public name.
const KEYS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("keys");
/// When each was last used, as far as the file has heard: it changes often, the record seldom.
const USES: TableDefinition<'_, &str, i64> = TableDefinition::new("uses");
const PAGE_CACHE: usize = 4 << 20;

/// All keys, in one file.
pub(super) struct KeyFile(Database);

/// A key's record and its last use.
pub(super) type Row = (ApiKeyId, Vec<u8>, Option<Timestamp>);

impl KeyFile {
    /// Opens the file, or makes it (mode 0600).
    pub(super) fn open(path: &Path) -> Result<Self, ApiKeyFault> {
        let shown = || path.to_owned();
        let damaged = |detail: String| ApiKeyFault::Damaged { path: shown(), detail };
        prepare(path).map_err(|fault| ApiKeyFault::Io(format!("{}: {fault}", path.display())))?;
        let build = || {
            let mut builder = Database::builder();
            builder.set_cache_size(PAGE_CACHE).set_check_integrity_on_open(true);
            let database = builder.create(path).map_err(|fault| match fault {
                DatabaseError::DatabaseAlreadyOpen => ApiKeyFault::InUse { path: shown() },
                fault => damaged(fault.to_string()),
            })?;
            let made = || -> Result<(), redb::Error> {
                let writing = database.begin_write()?;
                writing.open_table(KEYS)?;
                writing.open_table(USES)?;
                Ok(writing.commit()?)
            };
            made().map_err(|fault| damaged(fault.to_string()))?;
            Ok(Self(database))
        };
        // The library can panic over a file that somebody cut or overwrote.
        catch_unwind(AssertUnwindSafe(build))
            .unwrap_or_else(|_| Err(damaged("unreadable pages".to_owned())))
    }

    /// All rows.
    pub(super) fn read(&self) -> Result<Vec<Row>, ApiKeyFault> {
        let read = || -> Result<Vec<Row>, redb::Error> {
            let reading = self.0.begin_read()?;
            let (keys, uses) = (reading.open_table(KEYS)?, reading.open_table(USES)?);
            let mut rows = Vec::new();
            for row in keys.iter()? {
                let (id, record) = row?;
                let used = uses.get(id.value())?.map(|at| Timestamp::from_millis(at.value()));
                if let Some(id) = ApiKeyId::parse(id.value()) {
                    rows.push((id, record.value().to_vec(), used));
                }
            }
            Ok(rows)
        };
        read().map_err(io)
    }

    /// Writes one key.
    pub(super) fn write(&self, id: ApiKeyId, record: &[u8]) -> Result<(), ApiKeyFault> {
        let write = || -> Result<(), redb::Error> {
            let writing = self.0.begin_write()?;
            writing.open_table(KEYS)?.insert(id.as_str(), record)?;
            Ok(writing.commit()?)
        };
        write().map_err(io)
    }

    /// Forgets keys.
    pub(super) fn forget(&self, ids: &[ApiKeyId]) -> Result<(), ApiKeyFault> {
        let forget = || -> Result<(), redb::Error> {
            let writing = self.0.begin_write()?;
            {
                let (mut keys, mut uses) = (writing.open_table(KEYS)?, writing.open_table(USES)?);
                for id in ids {
                    keys.remove(id.as_str())?;
                    uses.remove(id.as_str())?;
                }
            }
            Ok(writing.commit()?)
        };
        if ids.is_empty() { Ok(()) } else { forget().map_err(io) }
    }

    /// Writes when keys were last used.
    pub(super) fn note(&self, used: &[(ApiKeyId, i64)]) -> Result<(), ApiKeyFault> {
        let note = || -> Result<(), redb::Error> {
            let writing = self.0.begin_write()?;
            {
                let mut uses = writing.open_table(USES)?;
                for (id, at) in used {
                    uses.insert(id.as_str(), at)?;
                }
            }
            Ok(writing.commit()?)
        };
        note().map_err(io)
    }
}

/// Makes the file before the library does, so that nobody else can read it at any time, and makes its
/// name durable.
fn prepare(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn io(fault: redb::Error) -> ApiKeyFault {
    ApiKeyFault::Io(fault.to_string())
}
