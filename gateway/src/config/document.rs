//! The text of a configuration file and where each key stands in it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use crate::config::fault::Fault;

/// The text with an index from key paths (`routes[0].token.header`) to places.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) name: String,
    text: String,
    places: BTreeMap<String, Place>,
}

#[derive(Clone, Debug)]
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

impl Document {
    /// A document of which only the text is known yet.
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), places: BTreeMap::new() }
    }

    /// Remembers where each key of the parsed text stands.
    pub(super) fn index(&mut self, value: &Spanned<DeValue<'_>>) {
        self.index_below("", value);
    }

    fn index_below(&mut self, path: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                for (key, child) in table {
                    let below = join(path, key.get_ref());
                    let place = Place { key: key.span(), value: child.span() };
                    self.places.insert(below.clone(), place);
                    self.index_below(&below, child);
                }
            }
            DeValue::Array(items) => {
                for (index, child) in items.iter().enumerate() {
                    let below = format!("{path}[{index}]");
                    let place = Place { key: child.span(), value: child.span() };
                    self.places.insert(below.clone(), place);
                    self.index_below(&below, child);
                }
            }
            _ => {}
        }
    }

    /// Whether a key is written in the file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// The path of the smallest value that covers a place in the text.
    pub(super) fn path_at(&self, span: &Range<usize>) -> String {
        let covers = |place: &Place| {
            [&place.value, &place.key].iter().any(|at| at.start <= span.start && span.end <= at.end)
        };
        self.places
            .iter()
            .filter(|(_, place)| covers(place))
            .min_by_key(|(path, place)| (place.value.len(), usize::MAX - path.len()))
            .map(|(path, _)| path.clone())
            .unwrap_or_default()
    }

    /// A fault at a key's value, or at the nearest table around it that is written.
    pub(super) fn at_value(&self, path: &str, message: String, remedy: Option<String>) -> Fault {
        let span = self.nearest(path).map(|place| place.value.clone()).unwrap_or(0..0);
        self.at_span(path, &span, message, remedy)
    }

    /// A fault at a key itself.
    pub(super) fn at_key(&self, path: &str, message: String, remedy: Option<String>) -> Fault {
        let span = self.nearest(path).map(|place| place.key.clone()).unwrap_or(0..0);
        self.at_span(path, &span, message, remedy)
    }

    /// A fault at a place in the text.
    pub(super) fn at_span(
        &self,
        path: &str,
        span: &Range<usize>,
        message: String,
        remedy: Option<String>,
    ) -> Fault {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let source = self.text.lines().nth(line - 1).unwrap_or_default();
        let meant = self.text.get(span.clone()).unwrap_or_default();
        let width = meant.lines().next().unwrap_or_default().chars().count();
        let source = presentable(path, source);
        let room = (source.chars().count() + 1).saturating_sub(column);
        let width = width.clamp(1, room.max(1));
        Fault { path: path.to_owned(), line, column, message, remedy, source, width }
    }

    fn nearest(&self, path: &str) -> Option<&Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(place);
            }
            path = path.get(..path.rfind(['.', '['])?)?;
        }
    }
}

/// A key below a path.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Whether a path is another one or stands above it.
pub(super) fn covers(path: &str, other: &str) -> bool {
    other
        .strip_prefix(path)
        .is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A line as it may be shown: faults end up in terminals and logs, so control characters are
/// replaced, and whatever might be a secret in clear is left out.
fn presentable(path: &str, line: &str) -> String {
    let clean = |c: char| if c == '\t' { ' ' } else { c };
    let clean = |c: char| {
        if c.is_control() && c != '\t' { '\u{fffd}' } else { clean(c) }
    };
    let shown = |text: &str| without_userinfo(&text.chars().map(clean).collect::<String>());
    let lower = line.to_ascii_lowercase();
    let word = lower.find("secret").or_else(|| password_key(&lower));
    let secret = path.contains("secret") || path.ends_with("password");
    if word.is_none() && !secret {
        return shown(line);
    }
    let from = word.unwrap_or(0);
    let equals = line.get(from..).and_then(|rest| rest.find('=')).map(|at| from + at + 1);
    match equals.and_then(|at| line.split_at_checked(at)) {
        Some((head, value)) if !names_a_place(value) => format!("{} …", shown(head)),
        None if secret && !line.trim_start().starts_with('[') => "…".to_owned(),
        _ => shown(line),
    }
}

/// Where `password` stands as a key's name or its end.
fn password_key(line: &str) -> Option<usize> {
    let mut found = line.match_indices("password");
    let is_key = |rest: &str| rest.trim_start().starts_with('=');
    let place = found.find(|(at, word)| line.get(at + word.len()..).is_some_and(is_key));
    place.map(|(at, _)| at)
}

/// A line whose URLs have no password any more.
fn without_userinfo(line: &str) -> String {
    let (mut shown, mut rest) = (String::new(), line);
    while let Some((head, tail)) = rest.split_once("://") {
        shown.push_str(head);
        shown.push_str("://");
        let end = tail.find(['"', '\'', ' ']).unwrap_or(tail.len());
        let (url, after) = tail.split_at_checked(end).unwrap_or((tail, ""));
        match url.rsplit_once('@') {
            Some((user, place)) if user.contains(':') => {
                shown.push_str("…@");
                shown.push_str(place);
            }
            _ => shown.push_str(url),
        }
        rest = after;
    }
    shown + rest
}

/// Whether the text is `{ env = "…" }` or `{ file = "…" }` and nothing more with a value in it.
fn names_a_place(value: &str) -> bool {
    let inner = value.trim_start().strip_prefix('{').map(str::trim_start).unwrap_or_default();
    let values = value.matches('=').count();
    (inner.starts_with("env") || inner.starts_with("file")) && values == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_secret_in_clear_is_cut() {
        for line in [
            "client_secret = \"hunter2\"",
            "corp = { client_secret = 'hunter2', kind = \"oidc\" }",
            "client_secret = { value = \"hunter2\" }",
            "client_secret = { env = \"X\", value = \"hunter2\" }",
            "client_secret = \"\"\"hunter2",
        ] {
            let shown = presentable("", line);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("client_secret = …"), "{shown}");
        }
        assert_eq!(presentable("token.secret.value", "value = \"hunter2\""), "value = …");
        assert_eq!(presentable("token.secret", "hunter2"), "…");
        for (path, line, left) in [
            ("", "bind_password = \"hunter2\"", "bind_password = …"),
            ("", "Password=\"hunter2\"", "Password= …"),
            ("directories.crm.password", "hunter2", "…"),
            ("", "url = \"postgres://u:hunter2@db/p\"", "url = \"postgres://…@db/p\""),
            ("", "url = 'postgres://u:hunt@er2@db'", "url = 'postgres://…@db'"),
        ] {
            assert_eq!(presentable(path, line), left, "{line}");
        }
        let urls = "urls = [\"redis://u:hunter2/x@a:1\", \"redis://b\"]";
        assert_eq!(presentable("", urls), "urls = [\"redis://…@a:1\", \"redis://b\"]");
    }

    #[test]
    fn a_line_that_names_a_place_is_shown() {
        for line in [
            "client_secret = { env = \"X\" }",
            "password = { file = \"x\" }",
            "[password]",
            "query = \"SELECT hash AS password FROM p\"",
            "url = \"postgres://u@db:5432/p\"",
            "name = \"a@b:c\"",
        ] {
            assert_eq!(presentable("", line), line);
        }
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(presentable("", "a\u{1b}[2J\tb"), "a\u{fffd}[2J b");
    }
}
