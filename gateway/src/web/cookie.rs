//! Reading, setting and removing cookies, without trusting how many a client sends.

use std::fmt::Write as _;
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// More cookies than this in one request are refused by whoever asks [`too_many`]; browsers keep
/// fewer than 200 for one site.
pub const MAX_COOKIES: usize = 500;

/// What a request carries under one cookie name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieValue<'a> {
    /// No such cookie.
    Absent,
    /// One value. It is empty when it has octets that RFC 6265 forbids: such a value is present,
    /// and no parser of ours accepts it.
    One(&'a str),
    /// The name occurs more than once: somebody planted a second one, and no order tells which.
    Repeated,
}

/// A cookie to set. [`Self::new`] gives the strictest attributes; loosen by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie<'a> {
    /// The name, case-sensitive.
    pub name: &'a str,
    /// The value; octets that RFC 6265 forbids are left out, so that no value adds an attribute.
    pub value: &'a str,
    /// The path, `/` as the `__Host-` prefix demands.
    pub path: &'a str,
    /// Whether scripts are kept from it.
    pub http_only: bool,
    /// Whether it travels over TLS only.
    pub secure: bool,
    /// Whether other sites' requests carry it.
    pub same_site: SameSite,
    /// How long it is kept; `None` until the browser closes, zero to remove it.
    pub max_age: Option<Duration>,
    /// Whether each embedding site has its own (CHIPS).
    pub partitioned: bool,
}

/// Which requests from other sites carry a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Top-level navigations with a safe method.
    Lax,
    /// All; needs `Secure`.
    None,
    /// None.
    Strict,
}

/// Looks a cookie up by its exact name in all `Cookie` fields.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> CookieValue<'a> {
    let mut values = pairs(headers).filter_map(|pair| value_of(pair, name));
    match (values.next(), values.next()) {
        (None, _) => CookieValue::Absent,
        (Some(value), None) => CookieValue::One(readable(value)),
        (Some(_), Some(_)) => CookieValue::Repeated,
    }
}

/// The `Cookie` field without the cookies that are `ours`, all others byte for byte; `None` when
/// nothing is left. An upstream never sees a handle that it could replay.
pub fn strip(headers: &HeaderMap, ours: impl Fn(&str) -> bool) -> Option<HeaderValue> {
    let mut kept: Vec<u8> = Vec::with_capacity(lines(headers).map(<[u8]>::len).sum());
    for pair in pairs(headers).filter(|pair| !is_ours(pair, &ours)) {
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(pair);
    }
    if kept.is_empty() {
        return None;
    }
    HeaderValue::from_bytes(&kept).ok()
}

/// The `Cookie` field in which each cookie that is `special` under some reader's rules has the value
/// that `pass` gives, or is gone; all others byte for byte. Empty when nothing is left.
pub fn rewrite(
    headers: &HeaderMap,
    special: impl Fn(&str) -> bool,
    pass: impl Fn(&str, &[u8]) -> Option<Vec<u8>>,
) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::with_capacity(lines(headers).map(<[u8]>::len).sum());
    let mut push = |parts: &[&[u8]]| {
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        parts.iter().for_each(|part| kept.extend_from_slice(part));
    };
    for pair in pairs(headers) {
        if !is_ours(pair, &special) {
            push(&[pair]);
            continue;
        }
        // One that only some readers take for it is not the one that was set.
        let plain = split_pair(pair)
            .filter(|(name, _)| !name.is_empty() && name.iter().all(|it| is_token(*it)));
        let Some((name, value)) = plain else { continue };
        let Ok(text) = std::str::from_utf8(name) else { continue };
        if let Some(value) = pass(text, value) {
            push(&[name, b"=", &value]);
        }
    }
    kept
}

/// Name and value of all cookies that a request carries, as sent.
pub fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    let read =
        |pair| split_pair(pair).and_then(|(name, it)| Some((str::from_utf8(name).ok()?, it)));
    pairs(headers).filter_map(read)
}

/// Whether a request has more than [`MAX_COOKIES`].
pub fn too_many(headers: &HeaderMap) -> bool {
    // The cheap bound first: empty pairs do not count.
    let separators = |line| memchr::memchr_iter(b';', line).count().saturating_add(1);
    lines(headers).map(separators).sum::<usize>() > MAX_COOKIES
        && pairs(headers).nth(MAX_COOKIES).is_some()
}

impl<'a> SetCookie<'a> {
    /// A cookie of the whole host, for this site and for HTTP over TLS only, until the browser
    /// closes.
    pub fn new(name: &'a str, value: &'a str) -> Self {
        Self {
            name,
            value,
            path: "/",
            http_only: true,
            secure: true,
            same_site: SameSite::Lax,
            max_age: None,
            partitioned: false,
        }
    }

    /// Removes the cookie that `self` sets: a browser compares the attributes too.
    #[must_use]
    pub fn removed(self) -> Self {
        Self { value: "", max_age: Some(Duration::ZERO), ..self }
    }

    /// The value of `Set-Cookie`.
    pub fn to_header(&self) -> String {
        let mut header = String::with_capacity(self.name.len() + self.value.len() + 96);
        header.extend(self.name.chars().filter(|c| c.is_ascii() && is_token(*c as u8)));
        header.push('=');
        header.extend(self.value.chars().filter(|c| c.is_ascii() && is_cookie_octet(*c as u8)));
        header.push_str("; Path=");
        header.extend(self.path.chars().filter(|c| matches!(c, '!'..='~') && *c != ';'));
        if let Some(age) = self.max_age {
            // Writing to a string does not fail.
            let _ = write!(header, "; Max-Age={}", age.as_secs());
        }
        if self.http_only {
            header.push_str("; HttpOnly");
        }
        if self.secure {
            header.push_str("; Secure");
        }
        header.push_str(match self.same_site {
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
            SameSite::Strict => "; SameSite=Strict",
        });
        if self.partitioned {
            header.push_str("; Partitioned");
        }
        header
    }
}

/// Each `name=value`, trimmed, of all fields: HTTP/2 clients may send one field per cookie.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    lines(headers).flat_map(pairs_of)
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes)
}

fn pairs_of(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b';', line).chain(std::iter::once(line.len()));
    ends.scan(0, |start, end| line.get(std::mem::replace(start, end + 1)..end))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
}

/// The value of a pair of this name. `name` has neither spaces at its ends nor `=`.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let rest = pair.strip_prefix(name.as_bytes())?.trim_ascii_start();
    rest.strip_prefix(b"=").map(<[u8]>::trim_ascii)
}

fn split_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', pair)?;
    let (name, value) = pair.split_at(equals);
    Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
}

fn readable(value: &[u8]) -> &str {
    let legal = value.iter().all(|octet| is_cookie_octet(*octet));
    std::str::from_utf8(value).ok().filter(|_| legal).unwrap_or_default()
}

/// Whether a lax reader behind us could take this pair for one of ours: some trim quotes or Unicode
/// spaces from a name, some read a pair without `=` as a name.
fn is_ours(pair: &[u8], ours: impl Fn(&str) -> bool) -> bool {
    let name = split_pair(pair).map_or(pair, |(name, _)| name);
    let start = name.iter().position(|octet| is_token(*octet)).unwrap_or(name.len());
    let end = name.iter().rposition(|octet| is_token(*octet)).map_or(start, |last| last + 1);
    let bare = name.get(start..end).and_then(|bare| std::str::from_utf8(bare).ok());
    // A pair without a name is what a browser sends for `Set-Cookie: =ours=x`.
    bare.is_some_and(&ours) || (name.is_empty() && nested(pair).is_some_and(ours))
}

fn nested(pair: &[u8]) -> Option<&str> {
    let (_, rest) = split_pair(pair)?;
    std::str::from_utf8(split_pair(rest).map_or(rest, |(name, _)| name)).ok()
}

/// `tchar` of RFC 9110.
const fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// `cookie-octet` of RFC 6265.
const fn is_cookie_octet(octet: u8) -> bool {
    matches!(octet, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests;
