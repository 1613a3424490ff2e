//! Names of entries (RFC 4514), to compare them.

use std::fmt::Write as _;

/// A name in parts, the entry's own first; compared without case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dn(Vec<Part>);

#[derive(Clone, Debug)]
struct Part {
    attribute: String,
    value: String,
}

impl Dn {
    /// Reads a name; `None` for what is none, or is empty.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        for part in split(text) {
            let (attribute, value) = part.split_once('=')?;
            let attribute = attribute.trim().to_ascii_lowercase();
            if attribute.is_empty() {
                return None;
            }
            parts.push(Part { attribute, value: unescape(value)? });
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// Whether it lies below another one, however far.
    pub(super) fn is_below(&self, base: &Self) -> bool {
        let deeper = self.0.len().checked_sub(base.0.len()).filter(|deeper| *deeper > 0);
        deeper.and_then(|deeper| self.0.get(deeper..)).is_some_and(|end| end == base.0)
    }

    /// The value of the entry's own part, as it was written.
    pub(super) fn first(&self) -> Option<String> {
        self.0.first().map(|part| part.value.clone())
    }

    /// One text for all spellings of a name. Not for servers: nothing in it is escaped, but lengths
    /// keep the parts apart.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for Part { attribute, value } in &self.0 {
            let value = value.to_lowercase();
            // Writing to a string cannot fail.
            let _ = write!(text, "{attribute}:{}={value},", value.len());
        }
        text
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.attribute == other.attribute && self.value.to_lowercase() == other.value.to_lowercase()
    }
}

impl Eq for Part {}

/// At commas that are not escaped.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut escaped) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        if letter == ',' && !escaped {
            parts.push(std::mem::take(&mut part));
            continue;
        }
        escaped = letter == '\\' && !escaped;
        part.push(letter);
    }
    parts.push(part);
    parts
}

/// A value without the spaces around it and without escapes. A second value in one part (`a=b+c=d`)
/// stays as it is: such a part equals only itself.
fn unescape(value: &str) -> Option<String> {
    let value = value.trim_start();
    let mut bytes = Vec::with_capacity(value.len());
    // Up to here nothing may be trimmed away: escaped spaces belong to the value.
    let mut fixed = 0;
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let first = rest.next()?;
        let hex =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match hex(first) {
            Some(high) => bytes.push(high << 4 | hex(rest.next()?)?),
            None => bytes.push(first),
        }
        fixed = bytes.len();
    }
    while bytes.len() > fixed && bytes.last() == Some(&b' ') {
        bytes.pop();
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_are_one() {
        let plain = Dn::parse("uid=ann,ou=people,dc=corp").unwrap();
        for spelling in ["UID=Ann, OU=People , dc=CORP", r"uid=\61nn,ou=people,dc=corp"] {
            let dn = Dn::parse(spelling).unwrap();
            assert_eq!(dn, plain, "{spelling}");
            assert_eq!(dn.to_text(), plain.to_text());
        }
        for other in
            ["uid=ann,ou=people", "cn=ann,ou=people,dc=corp", r"uid=ann\,ou=people,dc=corp"]
        {
            assert_ne!(Dn::parse(other).unwrap(), plain, "{other}");
        }
        for text in ["", "ann", "=x", r"uid=a\", r"uid=\fg", "uid=a,,dc=b"] {
            assert_eq!(Dn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_group_elsewhere_is_not_below() {
        let base = Dn::parse("ou=groups,dc=corp").unwrap();
        let of = |text: &str| Dn::parse(text).unwrap();
        for (text, below) in [
            ("cn=admin,ou=groups,dc=corp", true),
            ("cn=admin,ou=eu,OU=Groups,dc=corp", true),
            ("cn=admin,ou=toys,dc=corp", false),
            (r"cn=admin,cn=x\,ou=groups,dc=corp", false),
            ("ou=groups,dc=corp", false),
            ("dc=corp", false),
        ] {
            assert_eq!(of(text).is_below(&base), below, "{text}");
        }
        assert_eq!(of(r"cn=Smith\, Ann\20,dc=x").first().as_deref(), Some("Smith, Ann "));
    }
}
