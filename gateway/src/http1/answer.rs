//! The head of an upstream's answer (RFC 9112 sections 4 and 6.3).

use http::Method;

use crate::http1::body::Body;
use crate::http1::request::check_length;

/// Fields of an answer; one with more is not passed on.
const MAX_FIELDS: usize = 128;

/// An answer's head: views of the bytes it was read from.
#[derive(Debug)]
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
    /// How many bytes the head has.
    pub length: usize,
}

/// The fields of an answer.
#[derive(Debug)]
pub struct Fields<'a> {
    all: [httparse::Header<'a>; MAX_FIELDS],
    count: usize,
}

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
        let mut all = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut all);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(AnswerFault("too many fields")),
            Err(_) => return Err(AnswerFault("not an HTTP/1 answer")),
        };
        let status = parsed.code.filter(|code| (100..=999).contains(code));
        let status = status.ok_or(AnswerFault("a status code that is none"))?;
        let (reason, http11) = (parsed.reason.unwrap_or_default(), parsed.version == Some(1));
        let count = parsed.headers.len();
        let fields = Fields { all, count };
        let (body, persists) = fields.framing(method, status, http11)?;
        Ok(Some(Self { status, reason, fields, body, persists, length }))
    }

    /// The only value of a field; `None` when it is absent or there twice.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let mut values = self.fields.named(name);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }
}

impl<'a> Fields<'a> {
    /// Name and value of each field.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.all.iter().take(self.count).map(|field| (field.name, field.value))
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1)
    }

    /// The body, and whether the connection can be used again behind it.
    fn framing(
        &self,
        method: &Method,
        status: u16,
        http11: bool,
    ) -> Result<(Body, bool), AnswerFault> {
        let (mut length, mut chunked, mut close, mut keep) = (None, false, false, false);
        for (name, value) in self.iter() {
            match name.len() {
                10 if name.eq_ignore_ascii_case("connection") => {
                    let mut options = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                    close |= options.clone().any(|one| one.eq_ignore_ascii_case(b"close"));
                    keep |= options.any(|one| one.eq_ignore_ascii_case(b"keep-alive"));
                }
                14 if name.eq_ignore_ascii_case("content-length") => {
                    let fault = AnswerFault("a `Content-Length` that is not a plain number");
                    let value = check_length(value).map_err(|_| fault)?;
                    if length.replace(value).is_some_and(|before| before != value) {
                        return Err(AnswerFault("two lengths"));
                    }
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(AnswerFault("a transfer coding other than `chunked`"));
                    }
                    chunked = true;
                }
                _ => {}
            }
        }
        if chunked && length.is_some() {
            return Err(AnswerFault("a length and a transfer coding"));
        }
        let bodiless = method == Method::HEAD || matches!(status, 100..=199 | 204 | 304);
        let body = match length {
            _ if bodiless => Body::EMPTY,
            Some(length) => Body::Length(length),
            None if chunked => Body::CHUNKED,
            None => Body::UntilClose,
        };
        Ok((body, !close && (http11 || keep) && body != Body::UntilClose))
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
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
                (200, Body::Length(5), true),
            ),
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
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 099 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
        ] {
            assert!(read(head).is_err(), "{head:?}");
        }
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(129));
        assert!(read(&many).is_err());
    }
}
