//! The head of a request, read once and strictly (RFC 9112 sections 2 to 6).
//!
//! Whatever two parsers could read in two ways is refused here, because the upstream is the second
//! parser: a request that hides in the difference would be one that nobody decided on.

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::http1::body::Body;

/// What is wrong with a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// A rule of the message syntax is broken: which one.
    Bad(&'static str),
    /// The head, or the number of its fields, is over the limit.
    TooLarge,
}

/// The limits of a request head.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Bytes, request line included.
    pub bytes: usize,
    /// Fields.
    pub fields: usize,
}

/// Finds the end of a head in bytes that arrive in pieces; looks at each of them once.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScan {
    seen: usize,
}

/// A request head that keeps all rules.
#[derive(Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// Whether it is HTTP/1.1; otherwise it is HTTP/1.0.
    pub http11: bool,
    /// The fields. Their values are views of the head as it came.
    pub headers: HeaderMap,
    /// The body that follows.
    pub body: Body,
    target: (usize, usize),
    fields: usize,
    raw: Bytes,
}

impl HeadScan {
    /// The length of the head with its empty line, once that has arrived.
    ///
    /// # Errors
    /// A line does not end in CR LF: to some, the head would end there.
    pub fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, HeadFault> {
        let fresh = bytes.get(self.seen..).unwrap_or_default();
        for at in memchr::memchr_iter(b'\n', fresh).map(|at| at + self.seen) {
            let line = bytes.get(..at).unwrap_or_default();
            let Some(line) = line.strip_suffix(b"\r") else {
                return Err(HeadFault::Bad("a line that does not end in CR LF"));
            };
            if line.is_empty() || line.ends_with(b"\n") {
                return Ok(Some(at + 1));
            }
        }
        self.seen = bytes.len();
        Ok(None)
    }
}

impl RequestHead {
    /// Reads a head, up to and including its empty line.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(raw: Bytes, limits: HeadLimits) -> Result<Self, HeadFault> {
        let mut headers = HeaderMap::with_capacity(16);
        let line = walk(&raw, limits, |name, value| {
            let name = HeaderName::from_bytes(name);
            let name = name.map_err(|_| HeadFault::Bad("a field name that is not a token"))?;
            let value = HeaderValue::from_maybe_shared(raw.slice_ref(value));
            let value = value.map_err(|_| HeadFault::Bad("a control octet in a field value"))?;
            headers.append(name, value);
            Ok(())
        })?;
        let start = line.method.len() + 1;
        let method = Method::from_bytes(line.method.as_bytes());
        let method = method.map_err(|_| HeadFault::Bad("a method that is not a token"))?;
        let target = (start, start + line.target.len());
        let (http11, body, fields) = (line.http11, line.body, line.fields_at);
        let head = Self { method, http11, headers, body, target, fields, raw };
        head.check_authority()?;
        Ok(head)
    }

    /// The request target, as it came.
    pub fn target(&self) -> &str {
        let target = self.raw.get(self.target.0..self.target.1).unwrap_or_default();
        std::str::from_utf8(target).unwrap_or_default()
    }

    /// The field lines as they came, without their CR LF: the name, and the whole line.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = self.raw.get(self.fields..).unwrap_or_default();
        std::iter::from_fn(move || {
            let end = memchr::memchr(b'\r', rest)?;
            let line = rest.get(..end)?;
            rest = rest.get(end + 2..)?;
            let name = line.get(..memchr::memchr(b':', line)?)?;
            Some((std::str::from_utf8(name).ok()?, line))
        })
    }

    /// Whether the client will send another request on this connection, as far as it says.
    pub fn persists(&self) -> bool {
        let close = |line: &HeaderValue| {
            let mut options = line.as_bytes().split(|byte| *byte == b',');
            options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
        };
        self.http11 && !self.headers.get_all(CONNECTION).iter().any(close)
    }

    /// A target in absolute form names a host too: it must be the one of `Host`, or two readers
    /// would decide on two hosts.
    fn check_authority(&self) -> Result<(), HeadFault> {
        let target = self.target();
        let absolute = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
        let Some(rest) = absolute else { return Ok(()) };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = self.headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
        if !host.eq_ignore_ascii_case(authority.as_bytes()) {
            return Err(HeadFault::Bad("a target for another host than `Host`"));
        }
        Ok(())
    }
}

/// Checks an HTTP/1 request head as it came, up to and including its empty line, and gives back the
/// request target.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_http1(head: &[u8], limits: HeadLimits) -> Result<&str, HeadFault> {
    walk(head, limits, |_, _| Ok(())).map(|line| line.target)
}

/// The first line of a head, and what its fields say of the body.
struct Opening<'a> {
    method: &'a str,
    target: &'a str,
    http11: bool,
    body: Body,
    fields_at: usize,
}

/// Reads a head line by line and shows each field, name and trimmed value.
fn walk<'a>(
    head: &'a [u8],
    limits: HeadLimits,
    mut field: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), HeadFault>,
) -> Result<Opening<'a>, HeadFault> {
    if head.len() > limits.bytes {
        return Err(HeadFault::TooLarge);
    }
    let mut lines = memchr::memchr_iter(b'\n', head);
    let first = lines.next();
    let mut start = first.map_or(head.len(), |at| at + 1);
    let fields_at = start;
    let (method, target, version) = request_line_parts(line(first.and_then(|at| head.get(..at)))?)?;
    let (mut fields, mut hosts, mut codings) = (0_usize, 0_u8, 0_u8);
    let (mut length, mut repeated_length) = (None, false);
    for end in lines {
        let raw = head.get(start..end);
        start = end + 1;
        let text = line(raw)?;
        if text.is_empty() {
            break;
        }
        fields += 1;
        if fields > limits.fields {
            return Err(HeadFault::TooLarge);
        }
        let (name, value) = split_field(text)?;
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => hosts = hosts.saturating_add(1),
            10 if name.eq_ignore_ascii_case(b"connection") => check_connection(value)?,
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let before = length.replace(check_length(value)?);
                repeated_length |= before.is_some();
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                codings = codings.saturating_add(1);
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(HeadFault::Bad("a transfer coding other than `chunked`"));
                }
            }
            _ => {}
        }
        field(name, value)?;
    }
    if repeated_length {
        return Err(HeadFault::Bad("more than one `Content-Length`"));
    }
    let body = match (version, hosts, length, codings) {
        (Version::Http11, 0, ..) => return Err(HeadFault::Bad("HTTP/1.1 without `Host`")),
        (_, 2.., ..) => return Err(HeadFault::Bad("more than one `Host`")),
        (_, _, _, 2..) => return Err(HeadFault::Bad("more than one `Transfer-Encoding`")),
        (_, _, Some(_), 1) => {
            return Err(HeadFault::Bad("`Content-Length` and `Transfer-Encoding`"));
        }
        (Version::Http10, _, _, 1) => {
            return Err(HeadFault::Bad("`Transfer-Encoding` in HTTP/1.0"));
        }
        (_, _, None, 1) => Body::CHUNKED,
        (_, _, length, _) => Body::Length(length.unwrap_or(0)),
    };
    let http11 = matches!(version, Version::Http11);
    Ok(Opening { method, target, http11, body, fields_at })
}

/// Checks a `Content-Length` value (RFC 9110 section 8.6): digits, no sign, no list, no leading
/// zero, and a number that fits.
///
/// # Errors
/// It is anything else.
pub fn check_length(value: &[u8]) -> Result<u64, HeadFault> {
    let fault = HeadFault::Bad("a `Content-Length` that is not a plain number");
    let digits = std::str::from_utf8(value).map_err(|_| fault)?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        return Err(fault);
    }
    digits.parse().map_err(|_| fault)
}

#[derive(Clone, Copy)]
enum Version {
    Http10,
    Http11,
}

fn line(raw: Option<&[u8]>) -> Result<&[u8], HeadFault> {
    let fault = HeadFault::Bad("a line that does not end in CR LF");
    let line = raw.and_then(|raw| raw.strip_suffix(b"\r")).ok_or(fault)?;
    if memchr::memchr2(b'\r', b'\0', line).is_some() {
        return Err(HeadFault::Bad("CR or NUL inside a line"));
    }
    Ok(line)
}

fn request_line_parts(line: &[u8]) -> Result<(&str, &str, Version), HeadFault> {
    let fault = HeadFault::Bad("a request line that is not `method target version`");
    let mut spaces = memchr::memchr_iter(b' ', line);
    let (Some(one), Some(two), None) = (spaces.next(), spaces.next(), spaces.next()) else {
        return Err(fault);
    };
    let text = |from: usize, to: usize| {
        line.get(from..to).and_then(|part| std::str::from_utf8(part).ok()).ok_or(fault)
    };
    let version = match line.get(two + 1..) {
        Some(b"HTTP/1.1") => Version::Http11,
        Some(b"HTTP/1.0") => Version::Http10,
        _ => return Err(fault),
    };
    Ok((text(0, one)?, text(one + 1, two)?, version))
}

fn split_field(field: &[u8]) -> Result<(&[u8], &[u8]), HeadFault> {
    let colon = field.iter().position(|byte| !TOKEN.get(usize::from(*byte)).is_some_and(|is| *is));
    let colon = colon.ok_or(HeadFault::Bad("a field without a colon"))?;
    let (name, value) = field.split_at(colon);
    match value.split_first() {
        Some((b':', value)) if !name.is_empty() => Ok((name, trim(value))),
        _ => Err(HeadFault::Bad("a field name that is not a token")),
    }
}

/// Removes optional whitespace (RFC 9110 section 5.6.3): space and tab, and nothing that only some
/// take for whitespace. Who trims more reads a number where the next reader finds none.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// A field that `Connection` names is dropped on the way. If that were one that says where the body
/// ends, the upstream would read the body as the next request, which nobody has judged.
fn check_connection(value: &[u8]) -> Result<(), HeadFault> {
    let framing = |option: &[u8]| {
        let mut names = [&b"content-length"[..], b"transfer-encoding", b"host"].into_iter();
        names.any(|name| option.eq_ignore_ascii_case(name))
    };
    if value.split(|byte| *byte == b',').any(|option| framing(option.trim_ascii())) {
        return Err(HeadFault::Bad("`Connection` names a field of the message's own"));
    }
    Ok(())
}

/// `tchar` of RFC 9110 section 5.6.2. A table, since every octet of every name is looked at.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "constant")]
        {
            table[byte] = matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'!'
                | b'#'..=b'\'' | b'*' | b'+' | b'.' | b'^'..=b'`' | b'|' | b'~');
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { bytes: 1024, fields: 10 };

    fn check(head: &str) -> Result<&str, HeadFault> {
        check_http1(head.as_bytes(), LIMITS)
    }

    #[test]
    fn an_ordinary_head_passes_and_gives_its_target() {
        let head = "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nA:\r\n\r\n";
        assert_eq!(check(head), Ok("/a?b"));
        assert_eq!(check("GET / HTTP/1.0\r\n\r\n"), Ok("/"));
    }

    #[test]
    fn what_two_parsers_could_read_in_two_ways_is_refused() {
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\nHost: x\n\n",
            "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /a /b HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close,\tTransfer-Encoding\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nConnection: Host\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0cchunked\r\n\r\n",
        ] {
            assert!(matches!(check(head), Err(HeadFault::Bad(_))), "{head:?}");
        }
        for length in [
            "\x0c5",
            "5\x0c",
            "+5",
            "5,5",
            "0x5",
            "00",
            "-0",
            "1_0",
            "18446744073709551616",
            "",
            "5 5",
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
            assert!(matches!(check(&head), Err(HeadFault::Bad(_))), "{length:?}");
        }
    }

    #[test]
    fn size_and_number_of_fields_are_bounded() {
        let long = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(1024));
        assert_eq!(check(&long), Err(HeadFault::TooLarge));
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(10));
        assert_eq!(check(&many), Err(HeadFault::TooLarge));
    }
}
