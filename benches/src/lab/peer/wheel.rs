//! Servers that come as Python wheels, in a folder of the lab's own.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The program at `inside` the lab's Python environment.
///
/// # Errors
/// When it is not there.
pub(crate) fn program(inside: &[&str]) -> Result<PathBuf> {
    let root = Path::new("benches/peers/.venv");
    let libraries = std::fs::read_dir(root.join("lib")).into_iter().flatten().flatten();
    let packages = libraries.map(|python| python.path().join("site-packages"));
    for folder in packages.chain([root.join("bin")]) {
        let path = inside.iter().fold(folder, |path, part| path.join(part));
        if path.is_file() {
            return Ok(path.canonicalize()?);
        }
    }
    bail!("its wheel is not installed (make bench does that; see benches/peers/requirements.txt)")
}
