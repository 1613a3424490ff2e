//! The manual says what is true: its complete configurations load, its links lead somewhere, and the
//! tests that it names are there.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis::config::{Config, Surroundings};
use rcgen::generate_simple_self_signed;

use crate::support::folder::Folder;

/// The first line of a block that is a whole configuration file.
const COMPLETE: &str = "# complete";

/// A link target that is no file of this repository.
const ELSEWHERE: [&str; 3] = ["http://", "https://", "#"];

#[test]
fn every_complete_configuration_loads() {
    let surroundings = Folder::new();
    furnish(surroundings.path());
    let mut count = 0;
    for page in pages() {
        for block in configurations(&fs::read_to_string(&page).unwrap()) {
            let around = Surroundings {
                name: "manual.toml",
                directory: surroundings.path(),
                env: &|_| Some("0123456789abcdef0123456789abcdef".to_owned()),
            };
            if let Err(faults) = Config::parse(&block, &around) {
                panic!("{}\n{faults}\n{block}", page.display());
            }
            count += 1;
        }
    }
    assert!(count >= 4, "only {count} configurations were found");
}

#[test]
fn every_link_leads_to_a_file() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if ELSEWHERE.iter().any(|start| target.starts_with(start)) {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = page.parent().unwrap().join(file);
            assert!(path.exists(), "{}: {target}", page.display());
            if !heading.is_empty() {
                let found = headings(&fs::read_to_string(path).unwrap());
                assert!(found.iter().any(|known| known == heading), "{}: {target}", page.display());
            }
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let mut names = Vec::new();
    sources(&root().join("gateway"), &mut names);
    sources(&root().join("agent-backend"), &mut names);
    let mut count = 0;
    for page in ["SECURITY.md", "ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for name in text.split('`').skip(1).step_by(2).filter(|name| is_sentence(name)) {
            let found = names.iter().any(|known| known == name);
            assert!(found, "{page} names the test `{name}`, which is not there");
            count += 1;
        }
    }
    assert!(count >= 20, "only {count} tests are named");
}

#[test]
fn a_configuration_is_told_from_a_fragment() {
    let page = "```toml\n# complete\na = 1\n```\n```toml\nb = 2\n```\n```sh\n# complete\n```\n";
    assert_eq!(configurations(page), ["# complete\na = 1\n"]);
}

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let manual = fs::read_dir(root().join("gateway/docs")).unwrap();
    let manual = manual.map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> =
        manual.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    let top =
        ["README", "ARCHITECTURE", "CONTRIBUTING", "SECURITY", "certs/README", "policies/README"];
    pages.extend(top.map(|page| root().join(format!("{page}.md"))));
    pages
}

/// The headings of a page as links name them.
fn headings(page: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| line.starts_with('#'));
    lines.map(|line| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-")).collect()
}

/// The TOML blocks of a page that claim to be complete.
fn configurations(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for block in page.split("```toml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        if block.starts_with(COMPLETE) {
            found.push(block.to_owned());
        }
    }
    found
}

/// Makes the files that the configurations refer to.
fn furnish(directory: &Path) {
    for folder in ["certs", "secrets"] {
        fs::create_dir_all(directory.join(folder)).unwrap();
    }
    let made = generate_simple_self_signed(["app.example.com".to_owned()]).unwrap();
    for name in ["app", "chat", "clients-ca", "dev"] {
        let at = |ending: &str| directory.join(format!("certs/{name}.{ending}"));
        fs::write(at("pem"), made.cert.pem()).unwrap();
        fs::write(at("key"), made.signing_key.serialize_pem()).unwrap();
    }
    for name in ["app", "chainlit", "corp", "user-jwt"] {
        fs::write(directory.join("secrets").join(name), "0123456789abcdef0123456789abcdef\n")
            .unwrap();
    }
}

/// Test names are sentences: several words, all of them lower case.
fn is_sentence(name: &str) -> bool {
    let words =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    name.chars().all(words) && name.split('_').count() > 3
}

/// The names of all functions below a folder.
fn sources(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
            sources(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let after = text.split("fn ").skip(1);
            names.extend(after.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
