//! HTTP/2 frames by hand: a library would not end a body with an empty DATA frame.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::raw::Raw;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// One HTTP/2 connection.
pub(crate) struct H2 {
    raw: Raw,
    next_stream: u32,
}

impl H2 {
    /// Sends the preface and empty settings.
    pub(crate) async fn start(mut raw: Raw) -> Self {
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        let mut h2 = Self { raw, next_stream: 1 };
        h2.frame(SETTINGS, 0, 0, b"").await;
        h2
    }

    /// Posts `body` and ends it with an empty DATA frame of its own. Gives the status.
    pub(crate) async fn post_with_empty_end(
        &mut self,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<u16> {
        let stream = self.open("POST", fields).await;
        self.frame(DATA, 0, stream, body).await;
        self.frame(DATA, END_STREAM, stream, b"").await;
        self.status(stream).await
    }

    /// Begins a request; the caller ends it with `END_STREAM`.
    pub(crate) async fn open(&mut self, method: &str, fields: &[(&str, &str)]) -> u32 {
        self.head(END_HEADERS, method, fields).await
    }

    /// Sends a request without a body.
    pub(crate) async fn open_and_end(&mut self, method: &str, fields: &[(&str, &str)]) -> u32 {
        self.head(END_HEADERS | END_STREAM, method, fields).await
    }

    async fn head(&mut self, flags: u8, method: &str, fields: &[(&str, &str)]) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        let mut block = Vec::new();
        literal(&mut block, ":method", method);
        fields.iter().for_each(|(name, value)| literal(&mut block, name, value));
        self.frame(HEADERS, flags, stream, &block).await;
        stream
    }

    /// Reads frames until `stream` has a status.
    pub(crate) async fn status(&mut self, wanted: u32) -> io::Result<u16> {
        loop {
            let (kind, flags, stream, payload) = self.read().await?;
            match kind {
                SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, b"").await,
                HEADERS if stream == wanted => return status_in(&payload),
                RST_STREAM if stream == wanted => return Err(io::ErrorKind::ConnectionReset.into()),
                GOAWAY => return Err(io::ErrorKind::ConnectionAborted.into()),
                _ => {}
            }
        }
    }

    pub(crate) async fn read(&mut self) -> io::Result<(u8, u8, u32, Vec<u8>)> {
        let stream = self.raw.stream();
        let long = stream.read_u32().await?;
        let (length, kind) = (long >> 8, long.to_be_bytes().last().copied().unwrap_or_default());
        let flags = stream.read_u8().await?;
        let id = stream.read_u32().await? & 0x7fff_ffff;
        let mut payload = vec![0; usize::try_from(length).unwrap_or_default()];
        stream.read_exact(&mut payload).await?;
        Ok((kind, flags, id, payload))
    }

    pub(crate) async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap();
        let mut bytes = ((length << 8) | u32::from(kind)).to_be_bytes().to_vec();
        bytes.push(flags);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        let to = self.raw.stream();
        let _ = to.write_all(&bytes).await;
        let _ = to.flush().await;
    }
}

/// A field never indexed, neither part compressed (RFC 7541 section 6.2.3).
pub(crate) fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0x10);
    for text in [name, value] {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127);
        block.push(length.expect("a short field"));
        block.extend(text.as_bytes());
    }
}

/// The status is the first field of an answer: indexed (0x88 is 200), or a literal in digits.
pub(crate) fn status_in(block: &[u8]) -> io::Result<u16> {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // A size update of the table may stand before it.
    let mut field = block.iter().copied().skip_while(|byte| byte & 0xe0 == 0x20);
    let first = field.next().unwrap_or_default();
    if let Some(status) = first.checked_sub(0x88).and_then(|index| INDEXED.get(usize::from(index)))
    {
        return Ok(*status);
    }
    let length = field.next().unwrap_or_default();
    let digits: Vec<u8> = field.take(usize::from(length & 0x7f)).collect();
    let plain = (length & 0x80 == 0).then(|| String::from_utf8_lossy(&digits).parse().ok());
    // Huffman codes of the digits we may meet: five bits for 0, 1, 2; six for 3 to 9.
    plain.flatten().map_or_else(|| huffman_digits(&digits), Ok)
}

fn huffman_digits(bytes: &[u8]) -> io::Result<u16> {
    let bits: Vec<u8> =
        bytes.iter().flat_map(|b| (0..8).rev().map(move |i| (b >> i) & 1)).collect();
    let value = |range: &[u8]| range.iter().fold(0_u16, |sum, bit| sum * 2 + u16::from(*bit));
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let five = bits.get(at..at + 5).map(value).ok_or(io::ErrorKind::InvalidData)?;
        let digit = if five < 3 {
            at += 5;
            five
        } else {
            let six = bits.get(at..at + 6).map(value).ok_or(io::ErrorKind::InvalidData)?;
            at += 6;
            // '3' is 0x19, '9' is 0x1f.
            six.checked_sub(0x19).map(|above| above + 3).ok_or(io::ErrorKind::InvalidData)?
        };
        status = status * 10 + digit;
    }
    Ok(status)
}
