//! One spelling for each path, so that the path that is judged is the path that is forwarded.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A path longer than this is refused: no app needs it, and every rule reads it all.
const MAX_PATH: usize = 8 * 1024;

/// A query longer than this is refused; a login answer of a provider is well under half of it.
const MAX_QUERY: usize = 16 * 1024;

/// More query parameters than this are refused: some upstreams spend quadratic time on them.
const MAX_PARAMETERS: usize = 1000;

/// A path in the normal form of RFC 3986 section 6.2.2, proven to mean one thing to every reader.
///
/// Octets that never need an escape are unescaped and escapes are upper case. Whatever two servers
/// could read differently is refused instead of repaired: a repaired path is a path that somebody
/// behind us would have read otherwise. Reserved octets (`%40`, `%3A`, …) keep the spelling of the
/// client, as the RFC demands; the route table compares them decoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath<'a>(Cow<'a, str>);

/// The rule that a path breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// `\` is a separator to some servers.
    #[error("path has a backslash")]
    Backslash,
    /// `%` without two hexadecimal digits.
    #[error("path has a bad percent escape")]
    BadEscape,
    /// A raw space or control octet.
    #[error("path has a raw space or control octet")]
    Control,
    /// `.` or `..`, plain, escaped, padded with spaces, or with parameters.
    #[error("path has a dot segment")]
    DotSegment,
    /// `%25` before two hexadecimal digits: decoding twice gives another path.
    #[error("path is escaped twice")]
    DoubleEscape,
    /// `//`: merged by some servers, kept by others.
    #[error("path has an empty segment")]
    EmptySegment,
    /// An escaped control octet, `%00` among them.
    #[error("path has an escaped control octet")]
    EscapedControl,
    /// `%2F`, `%5C`, `%3B`, `%3F` or `%23`: a delimiter only to those who decode early.
    #[error("path has an escaped delimiter")]
    EscapedDelimiter,
    /// `#` or `?`: the path would end there for some.
    #[error("path has a raw `#` or `?`")]
    Fragment,
    /// A `;` next to a slash: parameters that some servers cut off, making another path.
    #[error("path has a `;` next to a slash")]
    LoneParameter,
    /// A raw octet above 127.
    #[error("path has a raw octet that is not ASCII")]
    NonAscii,
    /// The first octet is not `/`.
    #[error("path does not begin with a slash")]
    NotAbsolute,
    /// The escapes are not UTF-8; overlong forms of `/` and `.` hide here.
    #[error("path is not UTF-8 when decoded")]
    NotUtf8,
    /// Longer than `MAX_PATH`.
    #[error("path is longer than 8 KiB")]
    TooLong,
    /// One of `"`, `<`, `>` and the backtick, which RFC 3986 has no place for.
    #[error("path has a raw octet that must be escaped")]
    Unescaped,
}

/// The rule that a query breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryFault {
    /// A raw space or control octet.
    #[error("query has a raw space or control octet")]
    Control,
    /// A raw `#`.
    #[error("query has a raw `#`")]
    Fragment,
    /// A raw octet above 127.
    #[error("query has a raw octet that is not ASCII")]
    NonAscii,
    /// Longer than `MAX_QUERY`.
    #[error("query is longer than 16 KiB")]
    TooLong,
    /// More than `MAX_PARAMETERS`.
    #[error("query has more than 1000 parameters")]
    TooManyParameters,
}

impl<'a> CanonicalPath<'a> {
    /// The canonical form of `raw`, a path as received and without its query.
    ///
    /// # Errors
    ///
    /// The first rule that the path breaks.
    pub fn parse(raw: &'a str) -> Result<Self, PathFault> {
        if raw.len() > MAX_PATH {
            return Err(PathFault::TooLong);
        }
        if !raw.starts_with('/') {
            return Err(PathFault::NotAbsolute);
        }
        if is_plain(raw) {
            return Ok(Self(Cow::Borrowed(raw)));
        }
        Self::parse_odd(raw)
    }

    /// The rules one by one, for a path that has any octet that a rule is about.
    fn parse_odd(raw: &'a str) -> Result<Self, PathFault> {
        raw.bytes().try_for_each(check_octet)?;
        let path = unescape(raw)?;
        check_double_escape(&path)?;
        check_segments(&path)?;
        Ok(Self(path))
    }

    /// The canonical text: what is matched, and what is forwarded.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same path, independent of what it was read from.
    pub fn into_owned(self) -> CanonicalPath<'static> {
        CanonicalPath(Cow::Owned(self.0.into_owned()))
    }

    /// The canonical text, borrowed from the input when that was canonical already.
    pub fn into_cow(self) -> Cow<'a, str> {
        self.0
    }
}

/// The rule that a query (without its `?`) breaks, if any. A query that breaks none is forwarded
/// byte for byte: whoever judges it reads the same bytes as the upstream.
pub fn query_fault(query: &str) -> Option<QueryFault> {
    if query.len() > MAX_QUERY {
        return Some(QueryFault::TooLong);
    }
    let fault = query.bytes().find_map(|octet| match octet {
        b'#' => Some(QueryFault::Fragment),
        0..=b' ' | 0x7f => Some(QueryFault::Control),
        0x80.. => Some(QueryFault::NonAscii),
        _ => None,
    });
    // `;` separates parameters too, for some: what counts is the larger reading.
    let separators = memchr::memchr2_iter(b'&', b';', query.as_bytes()).count();
    fault.or((separators >= MAX_PARAMETERS).then_some(QueryFault::TooManyParameters))
}

/// What an octet is to [`is_plain`].
const CLASSES: [u8; 256] = classes();
const SLASH: u8 = 1;
const DOT: u8 = 2;
const ODD: u8 = 4;

/// Whether no rule can be broken: slashes alone between segments that do not begin with a dot, and
/// no octet that any rule is about. Says "no" of some good paths too.
fn is_plain(path: &str) -> bool {
    let mut odd = 0;
    let mut before = 0;
    for octet in path.bytes() {
        #[expect(clippy::indexing_slicing, reason = "256 places, one for each octet")]
        let class = CLASSES[usize::from(octet)];
        // Behind a slash, a slash or a dot is odd: `//`, `/.`, `/..`.
        odd |= (class & ODD) | (if before == SLASH { class & (SLASH | DOT) } else { 0 });
        before = class;
    }
    odd == 0
}

#[expect(clippy::indexing_slicing, reason = "read by the compiler, which would refuse it")]
const fn classes() -> [u8; 256] {
    let mut classes = [ODD; 256];
    let mut octet = b'!';
    while octet <= b'~' {
        let free = check_octet(octet).is_ok() && !matches!(octet, b'%' | b';');
        if free {
            classes[octet as usize] = 0;
        }
        octet += 1;
    }
    classes[b'/' as usize] = SLASH;
    classes[b'.' as usize] = DOT;
    classes
}

const fn check_octet(octet: u8) -> Result<(), PathFault> {
    match octet {
        b'\\' => Err(PathFault::Backslash),
        b'#' | b'?' => Err(PathFault::Fragment),
        b'"' | b'<' | b'>' | b'`' => Err(PathFault::Unescaped),
        0..=b' ' | 0x7f => Err(PathFault::Control),
        0x80.. => Err(PathFault::NonAscii),
        _ => Ok(()),
    }
}

/// Unescapes what never needs an escape, upper-cases the rest, refuses what must not be escaped.
fn unescape(raw: &str) -> Result<Cow<'_, str>, PathFault> {
    if memchr::memchr(b'%', raw.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(raw));
    }
    let mut path = String::with_capacity(raw.len());
    let mut octets = raw.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            path.push(char::from(octet));
            continue;
        }
        let digits = octets.next().zip(octets.next());
        let (high, low) = digits
            .map(|(high, low)| (high.to_ascii_uppercase(), low.to_ascii_uppercase()))
            .filter(|(high, low)| high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
            .ok_or(PathFault::BadEscape)?;
        match (nibble(high) << 4) | nibble(low) {
            0..=0x1f | 0x7f => return Err(PathFault::EscapedControl),
            b'/' | b'\\' | b';' | b'?' | b'#' => return Err(PathFault::EscapedDelimiter),
            plain if is_unreserved(plain) => path.push(char::from(plain)),
            _ => path.extend(['%', char::from(high), char::from(low)]),
        }
    }
    percent_decode_str(&path).decode_utf8().map_err(|_| PathFault::NotUtf8)?;
    Ok(if path == raw { Cow::Borrowed(raw) } else { Cow::Owned(path) })
}

const fn nibble(upper: u8) -> u8 {
    match upper {
        b'0'..=b'9' => upper - b'0',
        _ => upper.wrapping_sub(b'A').wrapping_add(10),
    }
}

const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

/// Looks at the canonical text: `%25%34%31` becomes `%2541` only after one decoding.
fn check_double_escape(path: &str) -> Result<(), PathFault> {
    let twice = path.split("%25").skip(1).any(|rest| {
        let mut digits = rest.bytes();
        digits.next().is_some_and(|digit| digit.is_ascii_hexdigit())
            && digits.next().is_some_and(|digit| digit.is_ascii_hexdigit())
    });
    if twice { Err(PathFault::DoubleEscape) } else { Ok(()) }
}

fn check_segments(path: &str) -> Result<(), PathFault> {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if segment.is_empty() && !is_last {
            return Err(PathFault::EmptySegment);
        }
        // `..;x` is `..` to a servlet container; `.. ` is `..` on Windows.
        let name = segment.split(';').next().unwrap_or_default();
        let name = name.trim_start_matches("%20").trim_end_matches("%20");
        if name == "." || name == ".." {
            return Err(PathFault::DotSegment);
        }
        if segment.starts_with(';') || (segment.ends_with(';') && !is_last) {
            return Err(PathFault::LoneParameter);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
