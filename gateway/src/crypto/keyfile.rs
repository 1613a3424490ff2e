//! Files that hold secret keys: only their owner may read them, and a crash leaves the old file or
//! the new one, never half of one.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::{Entropy, Secret, SystemEntropy, Timestamp, lock_file};

/// More than any key file holds: a file of this size is not one, and is not read into memory.
const MAX_BYTES: u64 = 1 << 20;

/// Why a key file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyfileFault {
    /// Somebody else may read the keys.
    #[error("{} can be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system refused.
    #[error("cannot {step} {}: {cause}; see that the state directory exists and is ours", path.display())]
    Io {
        /// What was tried.
        step: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The gateways would not be able to read what we write.
    #[error(
        "{} belongs to user {owner}, and what this user ({ours}) writes there would be lost to its owner; do it \
         as the owner: sudo -u '#{owner}' …", path.display()
    )]
    NotOurs {
        /// Which directory.
        path: PathBuf,
        /// The number of its owner.
        owner: u32,
        /// Whose our files would be.
        ours: u32,
    },
    /// Not a file that could hold keys.
    #[error("{} is not a regular file of at most {most} bytes; name a key file", path.display())]
    NotAKeyFile {
        /// Which path.
        path: PathBuf,
        /// The bytes it may have.
        most: u64,
    },
}

/// Sole right to change a key file; given back when dropped. Advisory: between our own processes.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its lock, which ends with it")] File);

/// What tells one version of a file from the next without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

/// A key file's contents with the stamp of the very file they were read from.
pub type Stamped = (Secret<Vec<u8>>, Stamp);

/// The contents of a key file; `None` where there is no such file.
///
/// # Errors
/// When others may read the file, when it is no regular file or too big, or on a failed read.
pub fn read_private(path: &Path) -> Result<Option<Secret<Vec<u8>>>, KeyfileFault> {
    Ok(read_stamped(path)?.map(|(contents, _)| contents))
}

/// As [`read_private`], with the stamp of the very file that was read.
///
/// # Errors
/// As [`read_private`].
pub fn read_stamped(path: &Path) -> Result<Option<Stamped>, KeyfileFault> {
    read_up_to(path, MAX_BYTES)
}

/// As [`read_stamped`], for a file of at most `most` bytes.
///
/// # Errors
/// As [`read_private`].
pub fn read_up_to(path: &Path, most: u64) -> Result<Option<Stamped>, KeyfileFault> {
    let io = |step| move |cause| KeyfileFault::Io { step, path: path.to_owned(), cause };
    // Opening a FIFO would wait for a writer for ever.
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err(KeyfileFault::NotAKeyFile { path: path.to_owned(), most });
        }
        Ok(_) => {}
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(io("look at")(cause)),
    }
    let file = File::open(path).map_err(io("open"))?;
    // Of the open file, not of the path: the path may name another file by now.
    let facts = file.metadata().map_err(io("look at"))?;
    if !facts.is_file() || facts.len() > most {
        return Err(KeyfileFault::NotAKeyFile { path: path.to_owned(), most });
    }
    let mode = facts.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyfileFault::Exposed { path: path.to_owned(), mode });
    }
    let size = usize::try_from(facts.len()).unwrap_or(0);
    // Room for all at once: a growing buffer would leave copies of keys behind in memory.
    let mut contents = Vec::with_capacity(size.saturating_add(1));
    file.take(most).read_to_end(&mut contents).map_err(io("read"))?;
    Ok(Some((Secret::new(contents), Stamp::of(&facts))))
}

/// Puts `contents` in the place of the file: mode 0600, on the disk before the old one is gone.
///
/// # Errors
/// When any step fails; the old file is then untouched.
pub fn write_atomic(path: &Path, contents: &[u8]) -> Result<(), KeyfileFault> {
    let nameless = || KeyfileFault::NotAKeyFile { path: path.to_owned(), most: MAX_BYTES };
    let name = path.file_name().ok_or_else(nameless)?;
    let folder = folder_of(path);
    create_private_dir(folder)?;
    let temp = temp_in(folder, name);
    let written = write_new(&temp, contents)
        .map_err(|cause| KeyfileFault::Io { step: "write", path: temp.clone(), cause })
        .and_then(|()| {
            fs::rename(&temp, path).map_err(|cause| KeyfileFault::Io {
                step: "replace",
                path: path.to_owned(),
                cause,
            })
        });
    if written.is_err() {
        let _ = fs::remove_file(&temp);
    }
    written?;
    // Without this a power cut may bring the old name back.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|cause| KeyfileFault::Io {
        step: "sync",
        path: folder.to_owned(),
        cause,
    })
}

/// Makes the directory (mode 0700) and its parents where they are missing.
///
/// # Errors
/// When the system refuses.
pub fn create_private_dir(path: &Path) -> Result<(), KeyfileFault> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|cause| KeyfileFault::Io {
        step: "create",
        path: path.to_owned(),
        cause,
    })
}

/// Sees that what we write in a directory has the owner of the directory.
///
/// # Errors
/// When it has another one, or the system refuses.
pub fn check_owner(folder: &Path) -> Result<(), KeyfileFault> {
    let io = |cause| KeyfileFault::Io { step: "write in", path: folder.to_owned(), cause };
    let owner = fs::metadata(folder).map_err(io)?.uid();
    // Seen by a file, and not asked of the system: a share may make another user of us.
    let probe = temp_in(folder, "owner".as_ref());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe);
    let ours = made.and_then(|file| file.metadata()).map(|facts| facts.uid());
    let _ = fs::remove_file(&probe);
    let ours = ours.map_err(io)?;
    if ours == owner {
        return Ok(());
    }
    Err(KeyfileFault::NotOurs { path: folder.to_owned(), owner, ours })
}

/// Waits for the sole right to change `path`, by a lock file beside it.
///
/// # Errors
/// When the lock file cannot be made or locked.
pub fn lock(path: &Path) -> Result<Lock, KeyfileFault> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    create_private_dir(folder_of(path))?;
    let io = |cause| KeyfileFault::Io { step: "lock", path: beside.clone(), cause };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&beside)
        .map_err(io)?;
    lock_file(&file).map_err(io)?;
    Ok(Lock(file))
}

/// The file's stamp; `None` where there is no such file.
///
/// # Errors
/// When the file cannot be looked at.
pub fn stamp(path: &Path) -> Result<Option<Stamp>, KeyfileFault> {
    match fs::metadata(path) {
        Ok(facts) => Ok(Some(Stamp::of(&facts))),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(KeyfileFault::Io { step: "look at", path: path.to_owned(), cause }),
    }
}

impl Stamp {
    /// When the file was last written.
    pub fn modified(&self) -> Timestamp {
        let (secs, nanos) = self.modified;
        let part = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
        Timestamp::from_secs(secs).after(part)
    }

    fn of(facts: &fs::Metadata) -> Self {
        let modified = (facts.mtime(), facts.mtime_nsec());
        Self { inode: facts.ino(), bytes: facts.len(), modified }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A name that nobody else has: of those who share a directory, each may be the process of the same number.
fn temp_in(folder: &Path, name: &OsStr) -> PathBuf {
    let entropy: &dyn Entropy = &SystemEntropy;
    let mut temp = OsString::from(".");
    temp.push(name);
    temp.push(format!(".{}.tmp", entropy.token::<9>()));
    folder.join(temp)
}

fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
