//! The words that templates put into addresses: nothing else fits into their places.

use std::fmt;
use std::str::FromStr;

use crate::config::text::text_setting;

/// A host name, with a port where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Domain(String);

text_setting!(Domain, "host name", "example.eu.auth0.com", "^[a-z0-9.-]+(:[0-9]+)?$");

/// One segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Segment(String);

text_setting!(Segment, "name", "corp", "^[A-Za-z0-9._~-]+$");

/// A GUID in the one spelling that Entra writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guid(String);

text_setting!(
    Guid,
    "tenant id",
    "72f988bf-86f1-41af-91ab-2d7cd011db47",
    "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
);

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, port) = text.split_once(':').unwrap_or((text, "0"));
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let named = !name.is_empty() && name.bytes().all(legal);
        if named && port.parse::<u16>().is_ok() {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        let remedy = "write the name alone, without https:// and without a path";
        Err(format!("`{text}` is not a host name\nhelp: {remedy}"))
    }
}

impl FromStr for Segment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        let dots = text.bytes().all(|byte| byte == b'.');
        if !dots && text.bytes().all(legal) {
            return Ok(Self(text.to_owned()));
        }
        let remedy = "use letters, digits, `.`, `_`, `~` and `-`, as the provider shows it";
        Err(format!("`{text}` cannot be a part of an address\nhelp: {remedy}"))
    }
}

impl Guid {
    /// Whether a text is one.
    pub fn is(text: &str) -> bool {
        text.len() == 36
            && text.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            })
    }
}

impl FromStr for Guid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if Self::is(text) {
            return Ok(Self(text.to_owned()));
        }
        let remedy = "copy the tenant id from the overview page of Entra, in lower case";
        Err(format!("`{text}` is not the id of a tenant\nhelp: {remedy}"))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
