//! HTTP names as settings: header fields and methods.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use http::{HeaderName, Method};

use crate::config::text::text_setting;

/// The name of a header field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldName {
    /// As written, for showing.
    written: String,
    /// As compared.
    name: HeaderName,
}

/// An HTTP method, in capitals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verb(Method);

text_setting!(FieldName, "header name", "X-User-JWT", "^[A-Za-z0-9-]+$");
text_setting!(Verb, "method", "GET", "^[A-Z]+$");

/// By what is compared, then by spelling.
impl Ord for FieldName {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |it: &Self| (it.name.as_str().to_owned(), it.written.clone());
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for FieldName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FieldName {
    /// The header field in which upstreams expect the identity token: `X-User-JWT`.
    pub fn user_jwt() -> Self {
        let name = HeaderName::from_static("x-user-jwt");
        Self { written: "X-User-JWT".to_owned(), name }
    }

    /// A name of ours, in letters and `-`.
    pub(super) fn known(written: &'static str) -> Self {
        let name = HeaderName::from_bytes(written.as_bytes());
        Self { written: written.to_owned(), name: name.unwrap_or(http::header::FORWARDED) }
    }

    /// The name, for comparing and setting.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }
}

impl Verb {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.0
    }
}

impl FromStr for FieldName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // An underscore is refused because servers behind CGI-like interfaces fold `_` and `-`: a
        // client could then write what only the gateway may write.
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let name = HeaderName::from_bytes(text.as_bytes()).ok();
        match name.filter(|_| text.bytes().all(legal)) {
            Some(name) => Ok(Self { written: text.to_owned(), name }),
            None => Err(format!(
                "`{text}` is not a header name\nhelp: use letters, digits and `-` only"
            )),
        }
    }
}

impl FromStr for Verb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(format!("`{text}` is not a method\nhelp: write it in capitals: \"GET\""));
        }
        if matches!(text, "TRACE" | "CONNECT") {
            return Err(format!("`{text}` is never forwarded\nhelp: leave it out"));
        }
        Method::from_bytes(text.as_bytes())
            .map(Self)
            .map_err(|_| format!("`{text}` is not a method"))
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}
