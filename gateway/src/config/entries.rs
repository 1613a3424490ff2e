//! Reads one part of the file into its type and reports every value in it that does not fit, not
//! only the first one.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeValue, ValueDeserializer};

use crate::config::document::{Document, covers};
use crate::config::fault::Fault;

/// More faults than this in one entry are noise.
const MOST_FAULTS: usize = 20;

/// Reads a value as a `T`. A part that does not fit is reported, taken out, and the rest read
/// again. `None` if what is left is no `T`.
pub(super) fn read<T: DeserializeOwned>(
    mut value: Spanned<DeValue<'_>>,
    document: &Document,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    for _ in 0..MOST_FAULTS {
        let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        // Missing keys were reported by name already, all of them, when the shape was checked.
        if error.message().starts_with("missing field") {
            return None;
        }
        let span = error.span().unwrap_or_else(|| value.span());
        let path = document.path_at(&span);
        if !faults.iter().any(|fault| covers(&path, &fault.path)) {
            let (message, remedy) = in_our_words(error.message());
            faults.push(document.at_span(&path, &span, message, remedy));
        }
        if !remove(&mut value, &span) {
            return None;
        }
    }
    None
}

/// Takes the smallest value that covers a place out of its table or list.
fn remove(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    let around = |at: Range<usize>| at.start <= span.start && span.end <= at.end;
    match value.get_mut() {
        DeValue::Table(table) => {
            if table.iter_mut().any(|(_, child)| remove(child, span)) {
                return true;
            }
            let before = table.len();
            for (key, child) in std::mem::take(table) {
                if !around(key.span()) && !around(child.span()) {
                    table.insert(key, child);
                }
            }
            table.len() < before
        }
        DeValue::Array(items) => {
            if items.iter_mut().any(|child| remove(child, span)) {
                return true;
            }
            let mut kept = DeArray::new();
            let before = items.len();
            for item in items.iter().filter(|item| !around(item.span())) {
                kept.push(item.clone());
            }
            let fewer = kept.len() < before;
            *items = kept;
            fewer
        }
        _ => false,
    }
}

/// An error's message without words of Rust, and its remedy.
fn in_our_words(message: &str) -> (String, Option<String>) {
    const WORDS: [(&str, &str); 6] = [
        ("a nonzero usize", "a whole number above 0"),
        ("expected u32", "expected a whole number"),
        ("expected path string", "expected a path"),
        ("expected a sequence", "expected a list"),
        ("unknown variant", "unknown word"),
        ("invalid type", "wrong type"),
    ];
    const REMEDIES: [(&str, &str); 2] = [
        ("invalid socket address", "write address and port: \"127.0.0.1:8080\" or \"[::]:443\""),
        ("invalid IP address", "write a network such as \"10.0.0.0/8\""),
    ];
    let (text, remedy) = match message.trim().split_once("\nhelp: ") {
        Some((text, remedy)) => (text, Some(remedy.to_owned())),
        None => (message.trim(), None),
    };
    let text = WORDS.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    let known = REMEDIES.iter().find(|(start, _)| text.contains(start));
    (text, remedy.or_else(|| known.map(|(_, remedy)| (*remedy).to_owned())))
}
