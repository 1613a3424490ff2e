//! Holds a parsed file against the schema: names every unknown, missing and misplaced key, and
//! takes what is wrong out, so that reading the rest finds the other faults.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::document::{Document, join};
use crate::config::fault::Fault;
use crate::config::schema::resolve;
use crate::config::suggest::nearest;

/// One pass over a file.
pub(super) struct Shape<'a> {
    /// The whole schema, for its references.
    pub(super) schema: &'a Value,
    /// Where things are.
    pub(super) document: &'a Document,
    /// What was found.
    pub(super) faults: Vec<Fault>,
}

impl Shape<'_> {
    /// Checks a value against a schema node. False if it can't be what the schema wants at all.
    pub(super) fn fits(
        &mut self,
        node: &Value,
        path: &str,
        value: &mut Spanned<DeValue<'_>>,
    ) -> bool {
        let node = resolve(self.schema, node);
        let wanted = node.get("type").and_then(Value::as_str);
        match value.get_mut() {
            DeValue::Table(table) => {
                if wanted.is_some_and(|kind| kind != "object") {
                    // Reading it says what is wanted instead.
                    return true;
                }
                match node.get("oneOf").and_then(Value::as_array) {
                    Some(kinds) => self.one_kind(kinds, path, table),
                    None => {
                        self.table(node, path, table);
                        true
                    }
                }
            }
            DeValue::Array(items) => {
                if let Some(inner) = node.get("items") {
                    for (index, item) in items.iter_mut().enumerate() {
                        self.fits(inner, &format!("{path}[{index}]"), item);
                    }
                }
                wanted != Some("object") || self.misplaced(path, "a table")
            }
            _ if wanted == Some("object") && !path.contains("secret") => {
                self.misplaced(path, "a table")
            }
            _ if wanted == Some("array") => self.misplaced(path, "a list"),
            _ => true,
        }
    }

    fn misplaced(&mut self, path: &str, wanted: &str) -> bool {
        let key = last(path);
        let remedy = match (path, wanted) {
            ("routes", _) => "begin each route with [[routes]]".to_owned(),
            (_, "a table") => format!("write [{path}] on a line of its own, or {key} = {{ … }}"),
            _ => format!("write {key} = [ … ]"),
        };
        let message = format!("`{key}` is not {wanted}");
        self.faults.push(self.document.at_value(path, message, Some(remedy)));
        false
    }

    /// A table whose `kind` says which keys it may have.
    fn one_kind(&mut self, kinds: &[Value], path: &str, table: &mut DeTable<'_>) -> bool {
        let name = |kind: &Value| {
            let name = kind.pointer("/properties/kind/const").and_then(Value::as_str);
            name.map(str::to_owned)
        };
        let written = table.get("kind").and_then(|kind| kind.get_ref().as_str()).map(str::to_owned);
        let known: Vec<String> = kinds.iter().filter_map(name).collect();
        if let Some(kind) = kinds.iter().find(|kind| written.is_some() && name(kind) == written) {
            self.table(kind, path, table);
            return true;
        }
        let remedy = Some(format!("write kind = {}", list(&known)));
        let fault = match written {
            Some(written) => {
                let message = format!("kind `{written}` is not known");
                self.document.at_value(&join(path, "kind"), message, remedy)
            }
            None => {
                let message = format!("[{path}] lacks its `kind`");
                self.document.at_value(path, message, remedy)
            }
        };
        self.faults.push(fault);
        false
    }

    fn table(&mut self, node: &Value, path: &str, table: &mut DeTable<'_>) {
        let Some(inner) = node.get("properties").and_then(Value::as_object) else {
            let entry = node.get("additionalProperties").filter(|entry| entry.is_object());
            if let Some(entry) = entry {
                keep(table, |key, value| self.fits(entry, &join(path, key), value));
            }
            return;
        };
        keep(table, |key, value| {
            let below = join(path, key);
            match inner.get(key) {
                Some(node) => self.fits(node, &below, value),
                None => {
                    let known = inner.keys().map(String::as_str);
                    let remedy = match nearest(key, known.clone()) {
                        Some(name) => format!("did you mean `{name}`?"),
                        None => format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
                    };
                    let message = format!("unknown key `{}`{}", key, within(path));
                    self.faults.push(self.document.at_key(&below, message, Some(remedy)));
                    false
                }
            }
        });
        let required = node.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !self.document.has(&join(path, name)) {
                let message = format!("`{name}` is missing{}", within(path));
                let fault = self.document.at_value(path, message, self.remedy(inner, name));
                self.faults.push(fault);
            }
        }
    }

    /// The first sentence of a missing key's manual.
    fn remedy(&self, known: &Map<String, Value>, name: &str) -> Option<String> {
        let node = known.get(name)?;
        let manual =
            node.get("description").or_else(|| resolve(self.schema, node).get("description"))?;
        let text = manual.as_str()?.replace('\n', " ");
        let sentence = text.split_once(". ").map_or(text.as_str(), |(first, _)| first);
        Some(format!("{name}: {}", sentence.trim_end_matches('.')))
    }
}

/// Keeps the entries of a table that pass.
fn keep<'i>(
    table: &mut DeTable<'i>,
    mut pass: impl FnMut(&str, &mut Spanned<DeValue<'i>>) -> bool,
) {
    for (key, mut value) in std::mem::take(table) {
        if pass(key.get_ref(), &mut value) {
            table.insert(key, value);
        }
    }
}

fn within(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" in `{path}`") }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or ")
}
