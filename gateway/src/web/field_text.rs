//! Text of a person as the value of a header field.

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What stands for something else when it is there: `%` is encoded as well, so that no two texts become
/// the same value.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// The value that says `text`: visible ASCII and inner spaces as they are, everything else as the
/// percent-encoded octets of its UTF-8, the way URLs are written.
///
/// `None` for a text with control characters: nobody is called so, and one with a line break would be
/// two fields to whoever decodes it. No two texts have the same value, so that nobody can choose a name
/// that reads like somebody else's.
pub fn field_text(text: &str) -> Option<HeaderValue> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    let encoded = utf8_percent_encode(text, ENCODED).to_string();
    // Readers trim spaces at the ends.
    let inner = encoded.trim_matches(' ');
    let before = encoded.len() - encoded.trim_start_matches(' ').len();
    let after = encoded.len() - before - inner.len();
    let value = format!("{}{inner}{}", "%20".repeat(before), "%20".repeat(after));
    HeaderValue::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn plain_text_stays_and_all_else_is_encoded() {
        for (text, value) in [
            ("ann@corp.test", "ann@corp.test"),
            ("Ann B. O'Neil, \"x\"", "Ann B. O'Neil, \"x\""),
            ("Jürgen", "J%C3%BCrgen"),
            ("J%C3%BCrgen", "J%25C3%25BCrgen"),
            (" ann ", "%20ann%20"),
        ] {
            assert_eq!(field_text(text).unwrap(), value, "{text}");
        }
        for text in ["", "ann\r\nX-Admin: yes", "a\0", "a\u{85}b", "a\tb", "\u{7f}"] {
            assert_eq!(field_text(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_two_texts_read_alike(texts in proptest::collection::vec("[ %a-c0-9é\\PC]{0,6}", 2..6)) {
            let mut seen: HashMap<String, String> = HashMap::new();
            for text in texts {
                let Some(value) = field_text(&text) else { continue };
                let value = value.to_str().unwrap().to_owned();
                prop_assert!(value.trim() == value && value.bytes().all(|it| (32..127).contains(&it)));
                let before = seen.insert(value, text.clone());
                prop_assert_eq!(before.unwrap_or_else(|| text.clone()), text);
            }
        }
    }
}
