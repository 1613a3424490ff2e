//! Where a message body ends (RFC 9112 sections 6 and 7).

/// The framing of a message body that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// `Transfer-Encoding: chunked`.
    Chunked(Chunk),
    /// So many more bytes; zero also for a message without a body.
    Length(u64),
    /// Until the sender closes the connection; answers only.
    UntilClose,
}

/// Where the reader of a chunked body is (RFC 9112 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// In the size line: the size so far, and its digits.
    Size(u64, u8),
    /// In a chunk extension, which means nothing to anybody: bytes of it so far.
    Extension(u64, u16),
    /// Behind the CR of the size line.
    SizeEnd(u64),
    /// In the data: bytes still to come.
    Data(u64),
    /// Behind the data: the CR, then the LF.
    DataEnd(u8),
    /// In the trailer section: bytes of it so far, and of its present line.
    Trailer(u16, u16),
    /// Behind the CR of a trailer line; whether the line is empty.
    TrailerEnd(u16, bool),
    /// Behind the end.
    Done,
}

/// What is next in the bytes that have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes of the body.
    Data(usize),
    /// So many bytes of framing, to be dropped.
    Framing(usize),
    /// The body is complete.
    End,
    /// More bytes must arrive first.
    More,
}

/// A body whose end cannot be found with certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BodyFault(&'static str);

/// A size that no body has; 15 digits leave no doubt about overflow, here or behind us.
const MAX_DIGITS: u8 = 15;
/// Bytes of extension behind one chunk size (CVE-2023-39326: extensions without end).
const MAX_EXTENSION: u16 = 256;
/// Bytes of a trailer section, which is read and dropped.
const MAX_TRAILER: u16 = 8 * 1024;

impl BodyFault {
    /// The rule that is broken.
    pub const fn rule(&self) -> &'static str {
        self.0
    }
}

impl Body {
    /// A chunked body from its beginning.
    pub const CHUNKED: Self = Self::Chunked(Chunk::Size(0, 0));
    /// No body.
    pub const EMPTY: Self = Self::Length(0);

    /// What is at the front of `bytes`; counts it as read.
    ///
    /// # Errors
    /// The chunked coding is not spelt exactly as RFC 9112 has it. Two readers would find two ends.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Piece, BodyFault> {
        match self {
            Self::Length(0) => Ok(Piece::End),
            Self::Length(left) => Ok(data(left, bytes)),
            Self::UntilClose if bytes.is_empty() => Ok(Piece::More),
            Self::UntilClose => Ok(Piece::Data(bytes.len())),
            Self::Chunked(chunk) => chunk.next(bytes),
        }
    }

    /// Whether the body is complete.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Done))
    }

    /// Whether a closed connection is the body's proper end.
    pub const fn may_end_by_close(&self) -> bool {
        matches!(self, Self::UntilClose)
    }
}

/// As much data as has arrived of what is left.
fn data(left: &mut u64, bytes: &[u8]) -> Piece {
    if bytes.is_empty() {
        return Piece::More;
    }
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= count as u64;
    Piece::Data(count)
}

impl Chunk {
    fn next(&mut self, bytes: &[u8]) -> Result<Piece, BodyFault> {
        if let Self::Data(left) = self {
            let piece = data(left, bytes);
            if *left == 0 {
                *self = Self::DataEnd(0);
            }
            return Ok(piece);
        }
        let mut read = 0;
        for byte in bytes {
            if matches!(self, Self::Data(_) | Self::Done) {
                break;
            }
            *self = self.step(*byte)?;
            read += 1;
        }
        Ok(match (read, &self) {
            (0, Self::Done) => Piece::End,
            (0, _) => Piece::More,
            _ => Piece::Framing(read),
        })
    }

    fn step(self, byte: u8) -> Result<Self, BodyFault> {
        Ok(match (self, byte) {
            (Self::Size(size, digits), digit) if digit.is_ascii_hexdigit() => {
                if digits >= MAX_DIGITS {
                    return Err(BodyFault("a chunk size with too many digits"));
                }
                let value = char::from(digit).to_digit(16).unwrap_or_default();
                Self::Size(size << 4 | u64::from(value), digits + 1)
            }
            (Self::Size(_, 0), _) => return Err(BodyFault("a chunk without a size")),
            (Self::Size(size, _), b'\r') | (Self::Extension(size, _), b'\r') => Self::SizeEnd(size),
            (Self::Size(size, _), b';') => Self::Extension(size, 0),
            // Some accept a lone LF as the end of the line, and what follows as data.
            (Self::Extension(..), b'\n' | b'\0') => {
                return Err(BodyFault("a chunk extension with a line feed or NUL"));
            }
            (Self::Extension(size, count), _) if count < MAX_EXTENSION => {
                Self::Extension(size, count + 1)
            }
            (Self::Extension(..), _) => {
                return Err(BodyFault("a chunk extension that is too long"));
            }
            (Self::SizeEnd(0), b'\n') => Self::Trailer(0, 0),
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataEnd(0), b'\r') => Self::DataEnd(1),
            (Self::DataEnd(_), b'\n') if self != Self::DataEnd(0) => Self::Size(0, 0),
            (Self::Trailer(all, line), b'\r') => Self::TrailerEnd(all, line == 0),
            (Self::Trailer(..), b'\n' | b'\0') => {
                return Err(BodyFault("a trailer line that does not end in CR LF"));
            }
            (Self::Trailer(all, line), _) if all < MAX_TRAILER => Self::Trailer(all + 1, line + 1),
            (Self::Trailer(..), _) => return Err(BodyFault("a trailer section that is too long")),
            (Self::TrailerEnd(_, true), b'\n') => Self::Done,
            (Self::TrailerEnd(all, false), b'\n') => Self::Trailer(all + 2, 0),
            _ => return Err(BodyFault("a chunk that does not end in CR LF where it says")),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads `bytes` in pieces of `step`; the body and what is behind it.
    fn read(mut body: Body, bytes: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>), BodyFault> {
        let (mut data, mut at, mut arrived) = (Vec::new(), 0, 0);
        loop {
            match body.next(&bytes[at..arrived])? {
                Piece::Data(count) => {
                    data.extend_from_slice(&bytes[at..at + count]);
                    at += count;
                }
                Piece::Framing(count) => at += count,
                Piece::End => return Ok((data, bytes[at..].to_vec())),
                Piece::More if arrived == bytes.len() => return Err(BodyFault("cut off")),
                Piece::More => arrived = (arrived + step).min(bytes.len()),
            }
        }
    }

    #[test]
    fn a_body_ends_where_it_says_and_the_next_message_is_left_alone() {
        for step in [1, 2, 3, 100] {
            let length = read(Body::Length(3), b"abcGET /", step).unwrap();
            assert_eq!(length, (b"abc".to_vec(), b"GET /".to_vec()));
            let chunked = b"3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\n\r\nGET /";
            let chunked = read(Body::CHUNKED, chunked, step).unwrap();
            assert_eq!(chunked, (b"abc0123456789".to_vec(), b"GET /".to_vec()));
            assert_eq!(read(Body::CHUNKED, b"0\r\n\r\n", step).unwrap(), (vec![], vec![]));
        }
        assert_eq!(read(Body::EMPTY, b"GET /", 5).unwrap().1, b"GET /");
    }

    #[test]
    fn a_chunk_that_two_readers_could_end_in_two_places_is_refused() {
        for bytes in [
            "\r\n\r\n",
            "0\n\n",
            "0\r\n\n",
            "0\n\r\n",
            "3\nabc\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "-3\r\nabc\r\n0\r\n\r\n",
            "3;\nx\r\nabc\r\n0\r\n\r\n",
            "3;\0\r\nabc\r\n0\r\n\r\n",
            "3\r\r\nabc\r\n0\r\n\r\n",
            "10000000000000000\r\n",
            "0000000000000000\r\n\r\n",
            "0\r\nA: b\n\r\n",
            "0\r\nA: b\r\r\n\r\n",
            ";x\r\n",
        ] {
            for step in [1, 99] {
                let fault = read(Body::CHUNKED, bytes.as_bytes(), step).unwrap_err();
                assert_ne!(fault, BodyFault("cut off"), "{bytes:?}");
            }
        }
        let endless = format!("1;{}", "x".repeat(300));
        assert!(read(Body::CHUNKED, endless.as_bytes(), 400).is_err());
        let endless = format!("0\r\n{}", "a: b\r\n".repeat(1400));
        let fault = read(Body::CHUNKED, endless.as_bytes(), 400).unwrap_err();
        assert_ne!(fault, BodyFault("cut off"));
    }

    proptest! {
        #[test]
        fn what_is_chunked_is_read_back_however_it_arrives(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
            step in 1_usize..50,
        ) {
            let mut wire = Vec::new();
            for part in &parts {
                wire.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                wire.extend_from_slice(part);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\nrest");
            let (data, rest) = read(Body::CHUNKED, &wire, step).unwrap();
            prop_assert_eq!(data, parts.concat());
            prop_assert_eq!(rest, b"rest".to_vec());
        }

        #[test]
        fn no_input_makes_it_panic_or_stand_still(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(Body::CHUNKED, &bytes, 7);
        }
    }
}
