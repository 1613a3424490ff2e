//! The keys' files where replicas share them: each holds a part of the table and is replaced as a whole, as
//! the files of sealing and signing keys are.
//!
//! Whoever changes one holds the lock of all, and starts from what is in the file, never from memory. Whoever
//! reads one takes no lock: it is the old file or the new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::authn::api_key::fault::ApiKeyFault;
use crate::authn::api_key::record::{ApiKey, Record};
use crate::authn::api_key::text::{ApiKeyId, Digest};
use crate::crypto::keyfile::{self, Lock, Stamp};

/// The directory of the keys' files, in the one that replicas share.
pub const SHARED_API_KEYS: &str = "api-keys";

/// In so many files are the keys. Where a key is, is part of the layout.
pub(super) const PARTS: usize = 64;

/// The keys of one file.
pub(super) type Rows = BTreeMap<ApiKeyId, (ApiKey, Digest)>;
/// When keys were last used, in milliseconds since the Unix epoch.
pub(super) type Uses = BTreeMap<ApiKeyId, i64>;

/// What a file holds, and which one it was.
type Read<T> = (BTreeMap<ApiKeyId, T>, Stamp);

/// The directory.
pub(super) struct Parts(PathBuf);

/// The layout of the files.
const VERSION: u8 = 1;
/// A file is read and written as a whole.
const MOST_BYTES: u64 = 64 << 20;
const USES: &str = "uses.json";

/// A file as it is written: each key's record or last use, by the key's public name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    version: u8,
    keys: BTreeMap<String, T>,
}

impl Parts {
    /// Makes the directory (mode 0700) where there is none, in one that must be there: else a share that is not
    /// mounted would be taken for an empty one.
    pub(super) fn open(folder: &Path) -> Result<Self, ApiKeyFault> {
        if let Some(share) = folder.parent().filter(|share| !share.is_dir()) {
            return Err(ApiKeyFault::Gone { path: share.to_owned() });
        }
        keyfile::create_private_dir(folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// In which file a key is.
    pub(super) fn of(id: ApiKeyId) -> usize {
        id.spread() % PARTS
    }

    /// Whether the directory is there. A share that is not mounted must not be taken for an empty one: keys
    /// that were made there would be gone with the next mount.
    pub(super) fn is_there(&self) -> Result<(), ApiKeyFault> {
        if self.0.is_dir() { Ok(()) } else { Err(ApiKeyFault::Gone { path: self.0.clone() }) }
    }

    /// The fault of a file that is not there any more.
    pub(super) fn gone(&self, part: usize) -> ApiKeyFault {
        ApiKeyFault::Gone { path: self.path(part) }
    }

    /// Waits for the sole right to change keys.
    pub(super) fn lock(&self) -> Result<Lock, ApiKeyFault> {
        self.is_there()?;
        Ok(keyfile::lock(&self.0.join("part"))?)
    }

    /// What tells whether a file has changed.
    pub(super) fn stamp(&self, part: usize) -> Result<Option<Stamp>, ApiKeyFault> {
        Ok(keyfile::stamp(&self.path(part))?)
    }

    /// The keys of a file; `None` where there is no such file.
    pub(super) fn read(&self, part: usize) -> Result<Option<(Rows, Stamp)>, ApiKeyFault> {
        let path = self.path(part);
        let Some((records, stamp)) = read::<Record>(&path)? else { return Ok(None) };
        let mut rows = Rows::new();
        for (id, record) in records {
            let here = Self::of(id) == part;
            let key = Some(record).filter(|_| here).and_then(|record| record.into_key(id));
            let key =
                key.ok_or_else(|| damaged(&path, &format!("`{id}` does not belong there")))?;
            rows.insert(id, key);
        }
        Ok(Some((rows, stamp)))
    }

    /// Puts a file in the place of the old one: it is on the disk when this returns.
    pub(super) fn write(
        &self,
        part: usize,
        rows: &Rows,
        _held: &Lock,
    ) -> Result<Option<Stamp>, ApiKeyFault> {
        let keys = rows.iter().map(|(id, (key, digest))| (*id, Record::of(key, digest))).collect();
        write(&self.path(part), keys)?;
        self.stamp(part)
    }

    /// What tells whether anybody has noted uses.
    pub(super) fn uses_stamp(&self) -> Result<Option<Stamp>, ApiKeyFault> {
        Ok(keyfile::stamp(&self.0.join(USES))?)
    }

    /// The last uses that anybody has noted.
    pub(super) fn uses(&self) -> Result<Uses, ApiKeyFault> {
        Ok(read(&self.0.join(USES))?.map(|(uses, _)| uses).unwrap_or_default())
    }

    /// Notes uses beside those that others have noted: the later one counts. Those of keys that are not
    /// `known` are left out.
    pub(super) fn note(
        &self,
        used: &[(ApiKeyId, i64)],
        known: impl Fn(ApiKeyId) -> bool,
    ) -> Result<(), ApiKeyFault> {
        self.is_there()?;
        let path = self.0.join(USES);
        // Not that of the keys: nobody who revokes one waits for this.
        let _lock = keyfile::lock(&path)?;
        let mut uses = self.uses()?;
        for (id, at) in used {
            let noted = uses.entry(*id).or_default();
            *noted = (*noted).max(*at);
        }
        uses.retain(|id, _| known(*id));
        write(&path, uses)
    }

    fn path(&self, part: usize) -> PathBuf {
        self.0.join(format!("part-{part:02}.json"))
    }
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<Read<T>>, ApiKeyFault> {
    let Some((text, stamp)) = keyfile::read_up_to(path, MOST_BYTES)? else { return Ok(None) };
    let file: File<T> = serde_json::from_slice(text.expose())
        .map_err(|_| damaged(path, "not the JSON that we write"))?;
    if file.version != VERSION {
        return Err(damaged(path, "another version wrote it"));
    }
    let name = |(id, value): (String, T)| {
        let id = ApiKeyId::parse(&id).ok_or_else(|| damaged(path, "no name of a key"))?;
        Ok((id, value))
    };
    let keys = file.keys.into_iter().map(name).collect::<Result<_, ApiKeyFault>>()?;
    Ok(Some((keys, stamp)))
}

fn write<T: Serialize>(path: &Path, keys: BTreeMap<ApiKeyId, T>) -> Result<(), ApiKeyFault> {
    let keys = keys.into_iter().map(|(id, value)| (id.to_string(), value)).collect();
    let text = serde_json::to_vec(&File { version: VERSION, keys })
        .map_err(|fault| ApiKeyFault::Io(fault.to_string()))?;
    // Else nobody could read it again.
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MOST_BYTES) {
        return Err(ApiKeyFault::Full);
    }
    Ok(keyfile::write_atomic(path, &text)?)
}

fn damaged(path: &Path, detail: &str) -> ApiKeyFault {
    ApiKeyFault::Damaged { path: path.to_owned(), detail: detail.to_owned() }
}
