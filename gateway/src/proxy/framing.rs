//! Rules on the bytes of a request head that pingora lets pass.
//!
//! Whatever two parsers could read in two ways is refused here, because the upstream is the second
//! parser: a request that hides in the difference would be one that nobody decided on.

/// What is wrong with a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadFault {
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

/// Checks an HTTP/1 request head as it came, up to and including its empty line, and gives back the
/// request target.
pub(super) fn check_http1(head: &[u8], limits: HeadLimits) -> Result<&str, HeadFault> {
    if head.len() > limits.bytes {
        return Err(HeadFault::TooLarge);
    }
    let mut lines = head.split(|byte| *byte == b'\n');
    let request_line = line(lines.next())?;
    let (target, version) = request_line_parts(request_line)?;
    let (mut fields, mut hosts, mut lengths, mut codings) = (0_usize, 0_u8, 0_u8, 0_u8);
    for raw in lines {
        if raw.is_empty() {
            continue;
        }
        let field = line(Some(raw))?;
        if field.is_empty() {
            break;
        }
        fields += 1;
        if fields > limits.fields {
            return Err(HeadFault::TooLarge);
        }
        let (name, value) = split_field(field)?;
        if name.eq_ignore_ascii_case(b"host") {
            hosts = hosts.saturating_add(1);
        } else if name.eq_ignore_ascii_case(b"content-length") {
            lengths = lengths.saturating_add(1);
            check_length(value)?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings = codings.saturating_add(1);
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadFault::Bad("a transfer coding other than `chunked`"));
            }
        }
    }
    match (version, hosts, lengths, codings) {
        (Version::Http11, 0, ..) => Err(HeadFault::Bad("HTTP/1.1 without `Host`")),
        (_, 2.., ..) => Err(HeadFault::Bad("more than one `Host`")),
        (_, _, 2.., _) => Err(HeadFault::Bad("more than one `Content-Length`")),
        (_, _, _, 2..) => Err(HeadFault::Bad("more than one `Transfer-Encoding`")),
        (_, _, 1, 1) => Err(HeadFault::Bad("`Content-Length` and `Transfer-Encoding`")),
        (Version::Http10, _, _, 1) => Err(HeadFault::Bad("`Transfer-Encoding` in HTTP/1.0")),
        _ => Ok(target),
    }
}

/// Checks a `Content-Length` value (RFC 9110 section 8.6): digits, no sign, no list, no leading
/// zero, and a number that fits.
pub(super) fn check_length(value: &[u8]) -> Result<u64, HeadFault> {
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

fn request_line_parts(line: &[u8]) -> Result<(&str, Version), HeadFault> {
    let fault = HeadFault::Bad("a request line that is not `method target version`");
    let line = std::str::from_utf8(line).map_err(|_| fault)?;
    let mut parts = line.split(' ');
    let (Some(_), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(fault);
    };
    match version {
        "HTTP/1.1" => Ok((target, Version::Http11)),
        "HTTP/1.0" => Ok((target, Version::Http10)),
        _ => Err(fault),
    }
}

fn split_field(field: &[u8]) -> Result<(&[u8], &[u8]), HeadFault> {
    let colon = memchr::memchr(b':', field).ok_or(HeadFault::Bad("a field without a colon"))?;
    let (name, value) = field.split_at(colon);
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(token) {
        return Err(HeadFault::Bad("a field name that is not a token"));
    }
    Ok((name, value.get(1..).unwrap_or_default().trim_ascii()))
}

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
        ] {
            assert!(matches!(check(head), Err(HeadFault::Bad(_))), "{head:?}");
        }
        for length in ["+5", "5,5", "0x5", "00", "-0", "1_0", "18446744073709551616", "", "5 5"] {
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
