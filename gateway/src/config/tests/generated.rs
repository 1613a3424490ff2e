//! The generated files are what the generator makes today.

use std::path::Path;

use crate::config::{json_schema, reference_page};

fn is_current(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "gateway/docs/{name} is stale; run: cargo run -p portcullis -- schema --write gateway/docs"
    );
}

#[test]
fn the_schema_is_current() {
    is_current("config.schema.json", &format!("{:#}\n", json_schema()));
}

#[test]
fn the_reference_page_is_current() {
    is_current("configuration.md", &reference_page());
}

#[test]
fn every_key_has_a_manual() {
    let page = reference_page();
    for line in page.lines().filter(|line| line.trim_start().starts_with("- **`")) {
        let manual = line.split_once("): ").map(|(_, manual)| manual.trim()).unwrap_or_default();
        assert!(manual.len() > 10, "no manual: {line}");
    }
    assert!(page.contains("## `[server.limits]`"));
    assert!(page.contains("## `[[routes]]`"));
    assert!(page.contains("## `[providers.<id>]`"));
}
