//! The reference page of the operator's manual, made from the schema: what the types say is what
//! the page says.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::config::kinds::OWN;
use crate::config::presets;
use crate::config::schema::{json_schema, resolve};

const HEAD: &str = "# Configuration reference\n\n\
    <!-- Made by `portcullis schema --reference`; change the doc comments in gateway/src/config \
    instead. -->\n\n";

/// The reference page in Markdown.
pub fn reference_page() -> String {
    let schema = json_schema();
    let mut page = Page { schema: &schema, out: HEAD.to_owned() };
    page.text(schema.get("description"));
    page.keys("", &schema);
    page.out.push_str(&presets::manual());
    page.out.truncate(page.out.trim_end().len());
    page.out.push('\n');
    page.out
}

struct Page<'a> {
    schema: &'a Value,
    out: String,
}

impl Page<'_> {
    /// One table: its plain keys as a list, then each table below it under its own heading.
    fn keys(&mut self, path: &str, node: &Value) {
        let properties = self.properties(node);
        let required = node.get("required").and_then(Value::as_array);
        let (tables, plain): (Vec<_>, Vec<_>) =
            properties.iter().partition(|(_, inner)| self.table_in(inner).is_some());
        for (key, inner) in &plain {
            let must = required.is_some_and(|all| all.iter().any(|name| name == key.as_str()));
            self.key(key, inner, must);
        }
        if !plain.is_empty() {
            self.out.push('\n');
        }
        for (key, inner) in tables {
            if let Some((suffix, table)) = self.table_in(inner) {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                self.section(&format!("{below}{suffix}"), inner, &table);
            }
        }
    }

    fn section(&mut self, path: &str, outer: &Value, table: &Value) {
        let heading = match path.strip_suffix("[]") {
            Some(path) => format!("[[{path}]]"),
            None => format!("[{path}]"),
        };
        let _ = writeln!(self.out, "## `{heading}`\n");
        let (own, outer) = (table.get("description"), outer.get("description"));
        let text =
            |node: Option<&Value>| node.and_then(Value::as_str).unwrap_or_default().to_owned();
        if !text(own).starts_with(text(outer).as_str()) {
            self.text(outer);
        }
        self.text(own.or(outer));
        let path = path.trim_end_matches("[]");
        match table.get("oneOf").and_then(Value::as_array) {
            None => self.keys(path, table),
            Some(kinds) => {
                for kind in kinds {
                    self.kind(path, kind);
                }
            }
        }
    }

    fn kind(&mut self, path: &str, kind: &Value) {
        let name = kind.pointer("/properties/kind/const").and_then(Value::as_str);
        let _ = writeln!(self.out, "### `kind = \"{}\"`\n", name.unwrap_or_default());
        self.text(kind.get("description"));
        let behind = resolve(self.schema, kind);
        if !std::ptr::eq(behind, kind) {
            self.keys(path, behind);
            return;
        }
        let mut bare = kind.clone();
        if let Some(properties) = bare.get_mut("properties").and_then(Value::as_object_mut) {
            properties.remove("kind");
            if let Some(own) = kind.get(OWN).and_then(Value::as_array) {
                properties.retain(|key, _| own.iter().any(|name| name == key));
            }
        }
        self.keys(path, &bare);
        if kind.get(OWN).is_some() {
            let _ = writeln!(
                self.out,
                "And all keys of `kind = \"oidc\"`, of which `issuer` need not be written.\n"
            );
        }
    }

    fn key(&mut self, key: &str, node: &Value, required: bool) {
        let state = match (required, node.get("default")) {
            (true, _) => ", required".to_owned(),
            (false, Some(default)) => format!(", default `{}`", toml_text(default)),
            (false, None) => String::new(),
        };
        let manual = self.description(node).replace('\n', " ");
        let _ = writeln!(self.out, "- **`{key}`** ({}{state}): {manual}", self.kind_of(node));
        for choice in
            resolve(self.schema, node).get("oneOf").and_then(Value::as_array).into_iter().flatten()
        {
            if let Some(word) = choice.get("const").and_then(Value::as_str) {
                let meaning = self.description(choice).replace('\n', " ");
                let _ = writeln!(self.out, "  - `\"{word}\"`: {meaning}");
            }
        }
    }

    fn description(&self, node: &Value) -> String {
        let own = node.get("description");
        let text = own.or_else(|| resolve(self.schema, node).get("description"));
        text.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn kind_of(&self, node: &Value) -> String {
        let node = resolve(self.schema, node);
        if let Some(title) = node.get("title").and_then(Value::as_str) {
            return title.to_owned();
        }
        if node.get("oneOf").is_some() {
            return "word".to_owned();
        }
        match node.get("type").and_then(Value::as_str) {
            Some("array") => {
                let inner = node.get("items").map(|items| self.kind_of(items));
                format!("list of {}", inner.unwrap_or_default())
            }
            Some("boolean") => "true or false".to_owned(),
            Some("integer") => "whole number".to_owned(),
            Some("string") => "text".to_owned(),
            other => other.unwrap_or("value").to_owned(),
        }
    }

    /// The table behind a key, if there is one, and what its heading adds to the path.
    fn table_in(&self, node: &Value) -> Option<(&'static str, Value)> {
        let node = resolve(self.schema, node);
        if node.get("title").is_some() {
            return None;
        }
        if let Some(entry) = node.get("additionalProperties").filter(|entry| entry.is_object()) {
            return Some((".<id>", resolve(self.schema, entry).clone()));
        }
        if let Some(items) = node.get("items") {
            let items = resolve(self.schema, items);
            return items.get("properties").map(|_| ("[]", items.clone()));
        }
        let kinds = node.get("oneOf").and_then(Value::as_array);
        let tagged =
            kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind.get("properties").is_some()));
        (node.get("properties").is_some() || tagged).then(|| ("", node.clone()))
    }

    fn properties(&self, node: &Value) -> Map<String, Value> {
        node.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    fn text(&mut self, text: Option<&Value>) {
        if let Some(text) = text.and_then(Value::as_str) {
            let _ = writeln!(self.out, "{text}\n");
        }
    }
}

/// A default as it would be written in the file.
fn toml_text(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(toml_text).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
