//! Imports go down the floors, and files stay readable.

use std::fs;
use std::path::{Path, PathBuf};

/// Bottom to top; the modules of one floor do not import each other.
const FLOORS: [&[&str]; 5] = [
    &["error", "config", "clock", "observe", "fetch"],
    &["caller"],
    &["agent"],
    &["chat", "ui"],
    &["app"],
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn imports_go_down_and_no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 30, "the walk found the sources");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() <= 400, "{} has more than 400 lines", path.display());
        let inner = path.strip_prefix(&root).unwrap();
        let own = inner.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let Some(own_floor) = floor(own) else {
            continue;
        };
        for other in text.lines().filter_map(|line| line.trim().strip_prefix("use crate::")) {
            let other = other.split([':', ';', '{']).next().unwrap();
            let other_floor = floor(other).unwrap_or_else(|| panic!("{other} has no floor"));
            let down = other_floor < own_floor || other == own;
            assert!(down, "{} imports {other}, which is not below", path.display());
        }
    }
}
