//! Where a browser goes after a login: a page of this site, or the front page.

use serde::{Deserialize, Serialize};

use crate::web::path::{CanonicalPath, query_fault};

/// Longer targets are forgotten: they travel through cookies and redirects.
const MAX_LENGTH: usize = 1024;

/// Under this prefix are our own endpoints.
const RESERVED: &str = "/.portcullis";

/// The endpoints of ours that are pages to come back to. All others start, end or carry a login:
/// going back to them would loop, or sign out whoever has just signed in.
const RETURNABLE: [&str; 2] = ["/.portcullis/me", "/.portcullis/teams/popup-end"];

/// A path and query on the host that the browser is on, proven.
///
/// There is no way to make one but [`Self::parse`], also when it is read from a stored transaction:
/// a `Location` made from it stays on this site in every browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReturnTo(String);

/// The text is not a target on this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("return target is not a page of this site")]
pub struct NotReturnable;

impl ReturnTo {
    /// Accepts a path, or a path and a query, that begins with exactly one slash and is not
    /// ambiguous. `None` for everything else: absolute URLs too, even ones of this site.
    pub fn parse(raw: &str) -> Option<Self> {
        if raw.len() > MAX_LENGTH {
            return None;
        }
        let (path, query) = match raw.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (raw, None),
        };
        // Refuses `//`, `\`, controls, `#` and their escapes: what browsers turn into a host.
        let path = CanonicalPath::parse(path).ok()?;
        let path = path.as_str();
        let ours = path
            .strip_prefix(RESERVED)
            .is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/' | b';')));
        if ours && !RETURNABLE.contains(&path) {
            return None;
        }
        match query {
            Some(query) if query_fault(query).is_some() => None,
            Some(query) => Some(Self(format!("{path}?{query}"))),
            None => Some(Self(path.to_owned())),
        }
    }

    /// The front page: where a login without a usable target ends.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path and query, ready for `Location`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReturnTo {
    type Error = NotReturnable;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        Self::parse(&raw).ok_or(NotReturnable)
    }
}

impl From<ReturnTo> for String {
    fn from(target: ReturnTo) -> Self {
        target.0
    }
}

#[cfg(test)]
mod tests;
