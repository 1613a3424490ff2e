//! The JSON Schema of the configuration file: for editors, for the reference page, and for naming
//! all unknown and missing keys of a file at once.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::config::root::Config;

/// The JSON Schema (draft 2020-12) of the configuration file.
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Config>().to_value();
    without_null(&mut schema);
    sorted(schema)
}

/// The same, made once: a file is held against it each time that one is read.
pub(super) fn known() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(json_schema);
    &SCHEMA
}

/// The same with all keys in order: whether maps keep theirs depends on what else is built.
fn sorted(node: Value) -> Value {
    match node {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The schema behind a reference, with its own keywords over the referenced ones.
pub(super) fn resolve<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    let name = node.get("$ref").and_then(Value::as_str);
    name.and_then(|name| root.pointer(name.strip_prefix('#')?)).unwrap_or(node)
}

/// TOML has no null: an absent key is how one says it.
fn without_null(node: &mut Value) {
    match node {
        Value::Object(map) => {
            map.retain(|key, value| key != "default" || !value.is_null());
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            lift_single_choice(map);
            if let Some(default) = map.remove("default") {
                map.values_mut().for_each(without_null);
                map.insert("default".to_owned(), default_without_null(default));
            } else {
                map.values_mut().for_each(without_null);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// `anyOf: [x, null]` is `x`.
fn lift_single_choice(map: &mut Map<String, Value>) {
    let Some(Value::Array(mut choices)) = map.remove("anyOf") else {
        return;
    };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    if choices.len() == 1 {
        for choice in choices {
            if let Value::Object(choice) = choice {
                for (key, value) in choice {
                    map.entry(key).or_insert(value);
                }
            }
        }
    } else {
        map.insert("anyOf".to_owned(), Value::Array(choices));
    }
}

fn default_without_null(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, default_without_null(value)))
                .collect(),
        ),
        other => other,
    }
}
