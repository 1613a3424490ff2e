//! One direction of an exchange: from the bytes that arrive to the bytes that leave.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::http1::body::{Body, BodyFault, Piece};
use crate::http1::inlet::{Filled, Inlet};
use crate::http1::spare::Spare;

/// Moves one message body, and the head before it, from one connection to another.
///
/// What is small is copied behind the head, so that both leave in one write; what is large goes out
/// of the buffer it came in. Nothing waits for more: an event leaves as soon as it is there.
pub struct Pump {
    body: Body,
    coding: Coding,
    /// What is to be written before anything else.
    out: Vec<u8>,
    written: usize,
    /// So many bytes at the front of the source are to be written behind `out`, as they are.
    data: usize,
    /// And this behind them.
    tail: &'static [u8],
    /// Nothing more will be decoded.
    ended: bool,
    /// Bytes may be in the sink that are not on the wire yet.
    unflushed: bool,
    waits: Waits,
    moved: bool,
    count: u64,
    limit: u64,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// As it is: its length was announced, or the connection closes behind it.
    Raw,
}

/// What a pump that has not finished waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// For the sink to take what there is.
    Sink,
    /// For the source to bring more.
    Source,
}

/// Why a body did not arrive whole.
#[derive(Debug)]
pub enum PumpFault {
    /// Nobody can say where it ends.
    Malformed(BodyFault),
    /// The sink is broken.
    Sink(io::Error),
    /// The source is broken, or ended early.
    Source(io::Error),
    /// It is over the limit.
    TooLarge,
}

/// Up to here a piece of a body is copied instead of written from where it is.
const COPIED: usize = 4 * 1024;
/// So much is gathered at most before it is written.
const GATHERED: usize = 16 * 1024;
/// What one read may bring at most.
const READ: usize = 16 * 1024;

impl Pump {
    /// A pump for a body of at most `limit` bytes.
    pub fn new(body: Body, coding: Coding, limit: u64) -> Self {
        Self {
            body,
            coding,
            out: Vec::new(),
            written: 0,
            data: 0,
            tail: b"",
            ended: false,
            unflushed: false,
            waits: Waits::Source,
            moved: false,
            count: 0,
            limit,
        }
    }

    /// What is written before the body: the head goes here.
    pub fn out(&mut self) -> &mut Vec<u8> {
        if self.out.capacity() == 0 {
            self.out = Spare::take_empty();
        }
        &mut self.out
    }

    /// Says what follows the head that is now known. Nothing has been read of it yet.
    pub const fn carry(&mut self, body: Body, coding: Coding) {
        self.body = body;
        self.coding = coding;
    }

    /// Passes on so many bytes at the front of the source as they are, whatever the body says.
    pub const fn pass(&mut self, count: usize) {
        self.data = count;
    }

    /// Holds no buffer until there is something to write again.
    pub fn rest(&mut self) {
        if self.is_drained() {
            Spare::give_empty(std::mem::take(&mut self.out));
        }
    }

    /// Bytes of body that have come through.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// What it waits for, after it was found pending.
    pub const fn waits(&self) -> Waits {
        self.waits
    }

    /// Whether a byte has moved since this was last asked.
    pub fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Whether all of the body has been read and written.
    pub fn is_done(&self) -> bool {
        self.ended && self.is_drained() && !self.unflushed
    }

    /// Whether the source has brought all of the body, and none of it is left there: what comes next
    /// in the source is behind the body.
    pub const fn has_ended(&self) -> bool {
        self.data == 0 && (self.ended || self.body.is_done())
    }

    /// Takes out what is still to be written before the body.
    pub fn unwritten(&mut self) -> Vec<u8> {
        let written = std::mem::take(&mut self.written);
        std::mem::take(&mut self.out).split_off(written)
    }

    /// Writes what there is; does not read. Ready when everything is on the wire.
    ///
    /// # Errors
    /// The sink is broken.
    pub fn poll_drain<W: AsyncWrite + Unpin>(
        &mut self,
        source: &mut Inlet,
        to: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), PumpFault>> {
        self.waits = Waits::Sink;
        while !self.is_drained() {
            let count = ready!(self.poll_write(source, to, cx)).map_err(PumpFault::Sink)?;
            if count == 0 {
                return Poll::Ready(Err(PumpFault::Sink(io::ErrorKind::WriteZero.into())));
            }
            (self.moved, self.unflushed) = (true, true);
            self.wrote(count, source);
        }
        if self.unflushed {
            ready!(Pin::new(to).poll_flush(cx)).map_err(PumpFault::Sink)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Moves what can be moved. Ready when the body is through and on the wire.
    ///
    /// # Errors
    /// One of the ends is broken, or the body is.
    pub fn poll<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        (source, from): (&mut Inlet, &mut R),
        to: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), PumpFault>> {
        loop {
            self.decode(source)?;
            ready!(self.poll_drain(source, to, cx))?;
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            // Decoding stops for more bytes only when it has used all there were; it also stops for
            // what is to be written first.
            if !source.is_empty() || self.body.is_done() {
                continue;
            }
            self.waits = Waits::Source;
            match source.poll_fill(from, cx, READ) {
                Poll::Pending => {
                    self.rest();
                    return Poll::Pending;
                }
                Poll::Ready(Ok(Filled::Some)) => self.moved = true,
                Poll::Ready(Ok(Filled::End)) if self.body.may_end_by_close() => self.end(),
                Poll::Ready(Ok(Filled::End | Filled::Full)) => {
                    let cut_off = io::ErrorKind::UnexpectedEof;
                    return Poll::Ready(Err(PumpFault::Source(cut_off.into())));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpFault::Source(error))),
            }
        }
    }

    const fn is_drained(&self) -> bool {
        self.written == self.out.len() && self.data == 0 && self.tail.is_empty()
    }

    /// Turns what has arrived into what is to be written.
    fn decode(&mut self, source: &mut Inlet) -> Result<(), PumpFault> {
        // What is decoded now is written behind what waits: also behind the end of a chunk.
        let waits = |pump: &Self| pump.data > 0 || !pump.tail.is_empty();
        while !self.ended && !waits(self) && self.out.len() < GATHERED {
            match self.body.next(source.bytes()).map_err(PumpFault::Malformed)? {
                Piece::More => break,
                Piece::Framing(count) => source.consume(count),
                Piece::End => self.end(),
                Piece::Data(count) => {
                    self.count = self.count.saturating_add(count as u64);
                    if self.count > self.limit {
                        return Err(PumpFault::TooLarge);
                    }
                    self.take_data(count, source);
                }
            }
        }
        Ok(())
    }

    fn take_data(&mut self, count: usize, source: &mut Inlet) {
        if self.coding == Coding::Chunked {
            write_hex(self.out(), count);
        }
        if count > COPIED {
            self.data = count;
            self.tail = if self.coding == Coding::Chunked { b"\r\n" } else { b"" };
            return;
        }
        self.out().extend_from_slice(source.bytes().get(..count).unwrap_or_default());
        source.consume(count);
        if self.coding == Coding::Chunked {
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn end(&mut self) {
        self.ended = true;
        if self.coding == Coding::Chunked {
            self.out().extend_from_slice(b"0\r\n\r\n");
        }
    }

    fn poll_write<W: AsyncWrite + Unpin>(
        &self,
        source: &Inlet,
        to: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let out = self.out.get(self.written..).unwrap_or_default();
        if self.data == 0 && self.tail.is_empty() {
            return Pin::new(to).poll_write(cx, out);
        }
        let data = source.bytes().get(..self.data).unwrap_or_default();
        let all = [IoSlice::new(out), IoSlice::new(data), IoSlice::new(self.tail)];
        Pin::new(to).poll_write_vectored(cx, &all)
    }

    /// Takes what was written off what is to be written.
    fn wrote(&mut self, count: usize, source: &mut Inlet) {
        let head = count.min(self.out.len() - self.written);
        self.written += head;
        let data = (count - head).min(self.data);
        self.data -= data;
        source.consume(data);
        self.tail = self.tail.get(count - head - data..).unwrap_or_default();
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
    }
}

/// The size line of a chunk.
fn write_hex(out: &mut Vec<u8>, size: usize) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let digit = u8::try_from(size >> (place * 4) & 15).unwrap_or_default();
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
    out.extend_from_slice(b"\r\n");
}

impl Drop for Pump {
    fn drop(&mut self) {
        Spare::give_empty(std::mem::take(&mut self.out));
    }
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never what is in it: credentials are.
        f.debug_struct("Pump")
            .field("body", &self.body)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
