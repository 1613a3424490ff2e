//! The floors of the house, held by reading the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Every module of the gateway and its floor. Imports go to a lower floor only.
const FLOORS: &[(&str, u8)] = &[
    ("main", 11),
    ("cli", 10),
    ("app", 9),
    ("edge", 8),
    ("proxy", 7),
    ("endpoints", 6),
    ("gate", 5),
    ("authn", 4),
    ("session", 3),
    ("oidc", 3),
    ("token", 3),
    ("authz", 3),
    ("directory", 3),
    ("upstream", 3),
    ("route", 3),
    ("config", 2),
    ("observe", 2),
    ("crypto", 1),
    ("http1", 1),
    ("identity", 1),
    ("web", 1),
    ("base", 0),
];

/// Words that only some modules may write. A proof made elsewhere proves nothing.
const RESERVED: &[(&str, &[&str])] = &[
    ("pingora", &["proxy", "upstream", "edge", "app"]),
    ("Authenticated::assertion", &["authn"]),
    ("Permit::assertion", &["authz"]),
    ("Checked::assertion", &["config"]),
    ("ReturnTo::assertion", &["web"]),
];

const LONGEST_FILE: usize = 400;

#[test]
fn imports_only_go_down() {
    let faults = faults_of_sources(imports);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn proofs_and_frameworks_stay_where_they_belong() {
    let faults = faults_of_sources(reserved_words);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nobody_writes_unsafe() {
    let faults = faults_of_sources(|_, text| unsafe_code(text));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_too_long_to_read_in_one_sitting() {
    let root = root();
    let faults: Vec<String> = ["gateway", "agent-backend", "benches"]
        .iter()
        .flat_map(|package| rust_files(&root.join(package)))
        .filter_map(|file| {
            let lines = read(&file).lines().count();
            (lines > LONGEST_FILE).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert!(faults.is_empty(), "over {LONGEST_FILE} lines:\n{}", faults.join("\n"));
}

#[test]
fn a_contents_page_holds_no_logic() {
    let faults: Vec<String> = rust_files(&root().join("gateway/src"))
        .into_iter()
        .filter(|file| file.ends_with("mod.rs"))
        .flat_map(|file| {
            code(&read(&file))
                .into_iter()
                .filter(|(_, line)| words(line).any(|word| word == "fn" || word == "impl"))
                .map(|(number, _)| format!("{}:{number}: logic in mod.rs", file.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_module_has_a_floor() {
    let unknown: Vec<_> = fs::read_dir(root().join("gateway/src"))
        .unwrap()
        .map(|entry| module_of(Path::new(&entry.unwrap().file_name())))
        .filter(|module| module != "lib" && floor(module).is_none())
        .collect();
    assert!(unknown.is_empty(), "give a floor in FLOORS to: {unknown:?}");
}

#[test]
fn a_wrong_import_is_found_in_every_spelling() {
    let wrong = [
        "use crate::proxy::Service;",
        "use crate::{base::Clock, proxy};",
        "use crate::{\n    base::Clock,\n    gate::{Gate, Plan},\n};",
        "    let x = crate::session::Handle::parse(text);",
        "pub use crate::app::Parts;",
        "use crate::*;",
        "use portcullis::gate::Gate;",
    ];
    for text in wrong {
        assert_eq!(imports("oidc", text).len(), 1, "{text}");
    }
    let right = [
        "use crate::{base::Clock, oidc::Provider};",
        "// use crate::proxy::Service;",
        "use crate::web::{Reply, Request};\nuse crate::config::Settings;",
    ];
    for text in right {
        assert_eq!(imports("oidc", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_reserved_word_is_found_outside_its_home_but_not_in_tests() {
    assert_eq!(reserved_words("gate", "Permit::assertion(who, route)").len(), 1);
    assert_eq!(reserved_words("authz", "Permit::assertion(who, route)").len(), 0);
    assert_eq!(reserved_words("gate", "use pingora_core::Error;").len(), 1);
    assert_eq!(reserved_words("observe", "const QUIET: &str = \"pingora=off\";").len(), 0);
    let in_tests = "fn a() {}\n#[cfg(test)]\nmod tests { fn p() { Permit::assertion(w, r); } }";
    assert_eq!(reserved_words("token", in_tests).len(), 0);
    assert_eq!(unsafe_code("unsafe { x }").len(), 1);
    assert_eq!(unsafe_code("\"style-src 'unsafe-inline'\"").len(), 0);
}

/// Runs `check` on each source file of the gateway; prefixes each fault with the file.
fn faults_of_sources(check: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let sources = root().join("gateway/src");
    let files = rust_files(&sources);
    assert!(files.len() > 20, "the sources were not found under {}", sources.display());
    let mut faults = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&sources).unwrap();
        let module = module_of(inside);
        // A file of tests makes its own proofs, as the code under test would be handed them.
        let text = if inside.ends_with("tests.rs") || inside.ends_with("conformance.rs") {
            format!("{TESTS_BEGIN}\n{}", read(&file))
        } else {
            read(&file)
        };
        faults
            .extend(check(&module, &text).into_iter().map(|f| format!("{}:{f}", inside.display())));
    }
    faults
}

const TESTS_BEGIN: &str = "#[cfg(test)]";

fn imports(module: &str, text: &str) -> Vec<String> {
    let joined = join_use_statements(&code(text));
    let mut faults = Vec::new();
    for (number, line) in joined {
        for target in crate_paths(&line) {
            let fault = match (module, target.as_str()) {
                ("lib", _) => None,
                (_, "*") => Some("glob import of the whole crate".to_owned()),
                (own, other) if own == other => None,
                (own, other) => match (floor(own), floor(other)) {
                    (Some(from), Some(to)) if to < from => None,
                    (_, None) => None,
                    _ => Some(format!("{own} may not import {other}")),
                },
            };
            faults.extend(fault.map(|fault| format!("{number}: {fault}: {}", line.trim())));
        }
    }
    faults
}

/// The first path segment of every `crate::…` (and of our own name, as `main` writes it).
fn crate_paths(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["crate::", "portcullis::"] {
        for (at, _) in line.match_indices(root) {
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = line.get(at + root.len()..).unwrap_or_default();
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group)),
                None => found.extend(words(rest).next().map(str::to_owned)),
            }
            if rest.starts_with('*') {
                found.push("*".to_owned());
            }
        }
    }
    found
}

/// `a::b, c::{d, e}, f}` gives `a`, `c`, `f`.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0_u32;
    let mut expected = true;
    let mut word = String::new();
    for c in group.chars() {
        if expected && (c.is_alphanumeric() || c == '_') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            heads.push(std::mem::take(&mut word));
            expected = false;
        }
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expected = true,
            _ => {}
        }
    }
    heads
}

fn join_use_statements(lines: &[(usize, String)]) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in lines {
        if open && let Some((_, last)) = joined.last_mut() {
            last.push_str(line.trim());
        } else {
            joined.push((*number, line.clone()));
            let start = line.trim_start();
            open = start.starts_with("use ") || start.starts_with("pub use ");
        }
        open = open && !line.contains(';');
    }
    joined
}

fn reserved_words(module: &str, text: &str) -> Vec<String> {
    let tests_begin = text.lines().position(|line| line.trim() == TESTS_BEGIN);
    let mut faults = Vec::new();
    for (number, line) in code(text) {
        if tests_begin.is_some_and(|begin| number > begin) {
            break;
        }
        let line = without_literals(&line);
        for (word, homes) in RESERVED {
            if line.contains(word) && !homes.contains(&module) {
                faults.push(format!("{number}: `{word}` belongs to {}", homes.join(", ")));
            }
        }
    }
    faults
}

/// A log filter or a message may name what code may not.
fn without_literals(line: &str) -> String {
    line.split('"').step_by(2).collect()
}

fn unsafe_code(text: &str) -> Vec<String> {
    const SPELLINGS: &[&str] =
        &["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern"];
    code(text)
        .into_iter()
        .filter(|(_, line)| SPELLINGS.iter().any(|spelling| line.contains(spelling)))
        .map(|(number, line)| format!("{number}: {}", line.trim()))
        .collect()
}

/// The lines that are not comments, with their numbers.
fn code(text: &str) -> Vec<(usize, String)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line.to_owned()))
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

fn module_of(inside: &Path) -> String {
    let first = inside.components().next().expect("a file has a name");
    Path::new(first.as_os_str()).file_stem().unwrap().to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    const NOT_OURS: &[&str] = &["target", "node_modules"];
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() && !NOT_OURS.iter().any(|name| path.ends_with(name)) {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}
