//! The head of an upstream's answer (RFC 9112 sections 4 and 6.3).

use std::mem::MaybeUninit;

use http::Method;

use crate::http1::body::Body;
use crate::http1::request::{check_length, trim};

/// Fields of an answer; one with more is not passed on.
const MAX_FIELDS: usize = 128;

/// An answer's head: views of the bytes it was read from.
#[derive(Clone, Copy, Debug)]
pub struct AnswerHead<'a> {
    /// The status code.
    pub status: u16,
    /// The reason phrase, which may be empty.
    pub reason: &'a str,
    /// The fields, in their order.
    pub fields: Fields<'a>,
    /// The body that follows.
    pub body: Body,
    /// Whether the connection can carry another request behind it.
    pub persists: bool,
    /// `Content-Type`, where there is one.
    pub content_type: Option<&'a [u8]>,
    /// Whether the length of the body is announced.
    pub has_length: bool,
    /// Whether `Connection` may name further fields that are about this connection only.
    pub names_fields: bool,
    /// How many bytes the head has.
    pub length: usize,
}

/// What the fields say of body and connection; found in one walk.
#[derive(Debug, Default)]
struct Framing<'a> {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep: bool,
    names_fields: bool,
    content_type: Option<&'a [u8]>,
}

/// The fields of an answer: its lines, which have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(&'a [u8]);

/// An answer that cannot be passed on, because somebody could find its end elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AnswerFault(&'static str);

impl<'a> AnswerHead<'a> {
    /// Reads the head at the front of `bytes`; `None` until all of it has arrived.
    ///
    /// # Errors
    /// It is no HTTP/1 answer, or says two things of its length.
    pub fn parse(bytes: &'a [u8], method: &Method) -> Result<Option<Self>, AnswerFault> {
        // Filled by the parser only as far as there are fields: clearing it would cost more than
        // most heads.
        // The parser skips empty lines here; the fields would be looked for in the wrong place.
        if matches!(bytes.first(), Some(b'\r' | b'\n')) {
            return Err(AnswerFault("an empty line before the answer"));
        }
        let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut []);
        let read = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut parsed,
            bytes,
            &mut fields,
        );
        let length = match read {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(AnswerFault("too many fields")),
            Err(_) => return Err(AnswerFault("not an HTTP/1 answer")),
        };
        let status = parsed.code.filter(|code| (100..=999).contains(code));
        let status = status.ok_or(AnswerFault("a status code that is none"))?;
        let (reason, http11) = (parsed.reason.unwrap_or_default(), parsed.version == Some(1));
        let framing = Framing::read(parsed.headers)?;
        let body = framing.body(method, status);
        let persists = !framing.close && (http11 || framing.keep) && body != Body::UntilClose;
        let head = bytes.get(..length).unwrap_or_default();
        let lines = memchr::memchr(b'\n', head).and_then(|end| head.get(end + 1..));
        let fields = Fields(lines.unwrap_or_default());
        Ok(Some(Self {
            status,
            reason,
            fields,
            body,
            persists,
            content_type: framing.content_type,
            has_length: framing.length.is_some(),
            names_fields: framing.names_fields,
            length,
        }))
    }
}

impl<'a> Fields<'a> {
    /// Name and value of each field.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let end = memchr::memchr(b'\n', rest)?;
            let line = rest.get(..end)?;
            rest = rest.get(end + 1..)?;
            let colon = memchr::memchr(b':', line)?;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            Some((line.get(..colon)?, trim(line.get(colon + 1..)?)))
        })
    }
}

impl<'a> Framing<'a> {
    fn read(fields: &[httparse::Header<'a>]) -> Result<Self, AnswerFault> {
        let mut framing = Self::default();
        for httparse::Header { name, value } in fields {
            match name.len() {
                10 if name.eq_ignore_ascii_case("connection") => framing.connection(value),
                12 if name.eq_ignore_ascii_case("content-type") => {
                    framing.content_type = Some(value);
                }
                14 if name.eq_ignore_ascii_case("content-length") => {
                    let fault = AnswerFault("a `Content-Length` that is not a plain number");
                    let value = check_length(value).map_err(|_| fault)?;
                    // Equal or not: both lines would go on, and not everybody takes the same.
                    if framing.length.replace(value).is_some() {
                        return Err(AnswerFault("two lengths"));
                    }
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    if framing.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(AnswerFault("a transfer coding other than `chunked`"));
                    }
                    framing.chunked = true;
                }
                _ => {}
            }
        }
        if framing.chunked && framing.length.is_some() {
            return Err(AnswerFault("a length and a transfer coding"));
        }
        Ok(framing)
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep = true;
            } else {
                self.names_fields = true;
            }
        }
    }

    fn body(&self, method: &Method, status: u16) -> Body {
        let bodiless = *method == Method::HEAD || matches!(status, 100..=199 | 204 | 304);
        match self.length {
            _ if bodiless => Body::EMPTY,
            Some(length) => Body::Length(length),
            None if self.chunked => Body::CHUNKED,
            None => Body::UntilClose,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<(u16, Body, bool), AnswerFault> {
        let answer = AnswerHead::parse(head.as_bytes(), &Method::GET)?.expect("complete");
        Ok((answer.status, answer.body, answer.persists))
    }

    #[test]
    fn the_body_and_the_connection_are_as_the_head_says() {
        let cases = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", (200, Body::Length(5), true)),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (200, Body::CHUNKED, true)),
            ("HTTP/1.1 200\r\n\r\n", (200, Body::UntilClose, false)),
            ("HTTP/1.1 204 No\r\nConnection: x, Close\r\n\r\n", (204, Body::EMPTY, false)),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", (200, Body::Length(5), false)),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
                (200, Body::Length(5), true),
            ),
            ("HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", (304, Body::EMPTY, true)),
        ];
        for (head, wanted) in cases {
            assert_eq!(read(head), Ok(wanted), "{head:?}");
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let answer = AnswerHead::parse(head, &Method::HEAD).unwrap().unwrap();
        assert_eq!((answer.body, answer.length), (Body::EMPTY, head.len()));
        assert!(AnswerHead::parse(&head[..20], &Method::GET).unwrap().is_none());
    }

    #[test]
    fn an_answer_of_two_meanings_is_refused() {
        for head in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 099 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
            "\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        ] {
            assert!(read(head).is_err(), "{head:?}");
        }
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(129));
        assert!(read(&many).is_err());
    }
}
