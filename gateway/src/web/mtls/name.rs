//! Distinguished names as text (RFC 4514).

use std::fmt::Write as _;

use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

/// The short names of RFC 4514 section 3, and the one that is in use for addresses.
const SHORT: [(&str, &str); 10] = [
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
];

/// The name, last part first, as `openssl x509 -nameopt RFC2253,-esc_msb` writes it. Everything that
/// has a meaning in it is escaped: else a common name `a,O=Other` would read like an organization.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let mut text = String::new();
    for (at, part) in parts.iter().rev().enumerate() {
        for (place, attribute) in part.iter().enumerate() {
            match (at, place) {
                (0, 0) => {}
                (_, 0) => text.push(','),
                _ => text.push('+'),
            }
            write(attribute, &mut text);
        }
    }
    text
}

fn write(attribute: &AttributeTypeAndValue<'_>, to: &mut String) {
    let id = attribute.attr_type().to_id_string();
    let short = SHORT.iter().find(|(known, _)| *known == id).map(|(_, short)| *short);
    to.push_str(short.unwrap_or(&id));
    to.push('=');
    match (short, attribute.as_str()) {
        (Some(_), Ok(value)) => escape(value, to),
        // What is no plain text, or of a kind that is not known, is written as its bytes.
        _ => {
            to.push('#');
            for byte in attribute.as_slice() {
                // Writing into a `String` cannot fail.
                let _ = write!(to, "{byte:02X}");
            }
        }
    }
}

/// RFC 4514 section 2.4.
fn escape(value: &str, to: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                to.push('\\');
                to.push(c);
            }
            '#' | ' ' if at == 0 => {
                to.push('\\');
                to.push(c);
            }
            ' ' if at == last => to.push_str("\\ "),
            c if c.is_ascii_control() => {
                let _ = write!(to, "\\{:02X}", u32::from(c));
            }
            c => to.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_in_a_value_reads_like_another_part() {
        for (value, written) in [
            ("Ann Lee", "Ann Lee"),
            ("a,O=Other", "a\\,O=Other"),
            ("a+OU=b", "a\\+OU=b"),
            ("#0500", "\\#0500"),
            (" a ", "\\ a\\ "),
            ("a\\", "a\\\\"),
            ("a\0b\n", "a\\00b\\0A"),
            ("Zoë", "Zoë"),
        ] {
            let mut text = String::new();
            escape(value, &mut text);
            assert_eq!(text, written);
        }
    }
}
