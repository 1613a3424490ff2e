//! A file that is put aside when it is full.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Appends to a file. When a batch would make it larger than its limit, it becomes `<name>.1`, the
/// one before that `<name>.2`, and so on; the oldest is deleted. A file that somebody else moved away
/// is made anew.
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    limit: u64,
    keep: u32,
    open: Option<Open>,
    /// Whether the last write broke off: what comes next begins a line of its own.
    torn: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
    inode: u64,
}

impl RotatingFile {
    /// Opens it, so that a path that cannot work is found at the start.
    ///
    /// # Errors
    /// What the system says, or that there is something at the path that is no file.
    pub(super) fn open(path: PathBuf, limit: u64, keep: u32) -> std::io::Result<Self> {
        let open = Some(open(&path)?);
        Ok(Self { path, limit, keep, open, torn: false })
    }

    fn make_room(&mut self, bytes: u64) -> std::io::Result<Open> {
        let ours = |open: &Open| {
            std::fs::metadata(&self.path).is_ok_and(|found| found.ino() == open.inode)
        };
        match self.open.take() {
            Some(open) if !ours(&open) => {}
            Some(open) if open.size == 0 || open.size + bytes <= self.limit => return Ok(open),
            Some(_) => self.put_aside()?,
            None => {}
        }
        open(&self.path)
    }

    fn put_aside(&self) -> std::io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.keep == 0 {
            return std::fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match std::fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&self.path, numbered(1))
    }
}

fn open(path: &Path) -> std::io::Result<Open> {
    // Opening a pipe that nobody reads would wait for ever.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a file"));
    }
    // Names of people are in it.
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let found = file.metadata()?;
    Ok(Open { size: found.len(), inode: found.ino(), file })
}

impl Write for RotatingFile {
    fn write(&mut self, batch: &[u8]) -> std::io::Result<usize> {
        let bytes = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let mut open = self.make_room(bytes)?;
        if self.torn {
            open.file.write_all(b"\n")?;
            self.torn = false;
        }
        // The whole batch: lines are never split between two files.
        let written = open.file.write_all(batch);
        self.torn = written.is_err();
        open.size += bytes;
        self.open = Some(open);
        written.map(|()| batch.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn read(folder: &Path, name: &str) -> Option<String> {
        std::fs::read_to_string(folder.join(name)).ok()
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = RotatingFile::open(folder.path().join("audit.log"), 10, 2).unwrap();
        for line in ["first\n", "second\n", "third\n", "last\n", "end\n"] {
            file.write_all(line.as_bytes()).unwrap();
        }
        let read = |name| read(folder.path(), name);
        assert_eq!(read("audit.log").as_deref(), Some("last\nend\n"));
        assert_eq!(read("audit.log.1").as_deref(), Some("third\n"));
        assert_eq!(read("audit.log.2").as_deref(), Some("second\n"));
        assert_eq!(read("audit.log.3"), None);
        let mode = std::fs::metadata(folder.path().join("audit.log")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_was_there_goes_on_and_one_that_was_moved_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::fs::write(&path, "before\n").unwrap();
        let mut file = RotatingFile::open(path.clone(), 1 << 20, 3).unwrap();
        file.write_all(b"one\n").unwrap();
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        file.write_all(b"two\n").unwrap();
        assert_eq!(read(folder.path(), "moved").as_deref(), Some("before\none\n"));
        assert_eq!(read(folder.path(), "audit.log").as_deref(), Some("two\n"));
    }

    #[test]
    fn a_folder_or_a_pipe_is_refused_and_trouble_passes() {
        let folder = tempfile::tempdir().unwrap();
        assert!(RotatingFile::open(folder.path().to_owned(), 10, 1).is_err());
        let below = folder.path().join("gone");
        assert!(RotatingFile::open(below.join("audit.log"), 10, 1).is_err());
        std::fs::create_dir(&below).unwrap();
        let mut file = RotatingFile::open(below.join("audit.log"), 1 << 20, 1).unwrap();
        std::fs::remove_dir_all(&below).unwrap();
        assert!(file.write_all(b"lost\n").is_err());
        std::fs::create_dir(&below).unwrap();
        file.write_all(b"kept\n").unwrap();
        assert_eq!(read(&below, "audit.log").as_deref(), Some("kept\n"));
    }
}
