//! Fills in what the file does not say.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// A provider's table while a template fills it in. A fault in something that was filled in is shown
/// at the `kind`.
pub(in crate::config) struct Expansion<'a, 'i> {
    table: &'a mut DeTable<'i>,
    at: Range<usize>,
}

impl<'a, 'i> Expansion<'a, 'i> {
    /// Fills in `table`, whose `kind` stands at `at`.
    pub(in crate::config) fn new(table: &'a mut DeTable<'i>, at: Range<usize>) -> Self {
        Self { table, at }
    }

    /// `key = "value"`.
    pub(super) fn text(&mut self, key: &'static str, value: impl Into<String>) {
        let value = text(value.into());
        set(self.table, &self.at, key, value);
    }

    /// `key = ["…"]`.
    pub(super) fn texts(&mut self, key: &'static str, values: &[&str]) {
        let list = list(values.iter().map(|value| (*value).to_owned()), &self.at);
        set(self.table, &self.at, key, list);
    }

    /// `section = { key = "value" }`, beside what the section says already.
    pub(super) fn below(
        &mut self,
        section: &'static str,
        key: &'static str,
        value: impl Into<String>,
    ) {
        let value = text(value.into());
        self.set_below(section, key, value);
    }

    /// `section = { key = ["…"] }`, beside what the section says already.
    pub(super) fn texts_below(
        &mut self,
        section: &'static str,
        key: &'static str,
        values: impl Iterator<Item = String>,
    ) {
        let value = list(values, &self.at);
        self.set_below(section, key, value);
    }

    /// Whether the file has a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn set_below(&mut self, section: &'static str, key: &'static str, value: DeValue<'i>) {
        set(self.table, &self.at, section, DeValue::Table(DeTable::new()));
        // Anything else in its place is a fault, which reading it reports.
        if let Some(DeValue::Table(inner)) = self.table.get_mut(section).map(Spanned::get_mut) {
            set(inner, &self.at, key, value);
        }
    }
}

fn set<'i>(table: &mut DeTable<'i>, at: &Range<usize>, key: &'static str, value: DeValue<'i>) {
    if !table.contains_key(key) {
        let key = Spanned::new(at.clone(), Cow::Borrowed(key));
        table.insert(key, Spanned::new(at.clone(), value));
    }
}

fn text<'i>(value: String) -> DeValue<'i> {
    DeValue::String(Cow::Owned(value))
}

fn list<'i>(values: impl Iterator<Item = String>, at: &Range<usize>) -> DeValue<'i> {
    let mut list = DeArray::new();
    for value in values {
        list.push(Spanned::new(at.clone(), text(value)));
    }
    DeValue::Array(list)
}
