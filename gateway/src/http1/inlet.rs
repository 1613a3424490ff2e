//! The reading end of a connection.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::http1::spare::Spare;

/// Bytes that have arrived and that nobody has used yet. Holds memory only while there are some, or
/// while a read is being tried: ten thousand connections that wait hold none.
#[derive(Default)]
pub struct Inlet {
    /// Empty when no buffer is held. Otherwise as long as what it can hold.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// The other side has said all it will say.
    End,
    /// As much as may be held is held already.
    Full,
    /// More bytes.
    Some,
}

impl Inlet {
    /// What has arrived.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether nothing has arrived.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How much has arrived.
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Takes `count` bytes out, from the front.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Vec<u8> {
        let all = self.bytes().to_vec();
        self.start = self.end;
        self.release();
        all
    }

    /// Reads once; holds `limit` bytes at most.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        limit: usize,
    ) -> Poll<io::Result<Filled>> {
        if !self.make_room(limit) {
            return Poll::Ready(Ok(Filled::Full));
        }
        let mut room = ReadBuf::new(self.buffer.get_mut(self.end..).unwrap_or_default());
        let read = Pin::new(stream).poll_read(cx, &mut room);
        let count = room.filled().len();
        self.end += count;
        if self.is_empty() {
            self.release();
        }
        ready!(read)?;
        Poll::Ready(Ok(if count == 0 { Filled::End } else { Filled::Some }))
    }

    /// Gives the buffer back, if nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty() && !self.buffer.is_empty() {
            Spare::give(std::mem::take(&mut self.buffer));
            (self.start, self.end) = (0, 0);
        }
    }

    fn make_room(&mut self, limit: usize) -> bool {
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
            if self.buffer.is_empty() {
                self.buffer = Spare::take();
            }
        }
        if self.end < self.buffer.len() {
            return true;
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            return true;
        }
        if self.end >= limit {
            return false;
        }
        let larger = self.buffer.len().saturating_mul(2).min(limit);
        self.buffer.resize(larger, 0);
        true
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.start = self.end;
        self.release();
    }
}

impl fmt::Debug for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never what is in it: credentials are.
        f.debug_struct("Inlet").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn it_holds_a_buffer_only_while_something_is_in_it() {
        let (mut ours, mut theirs) = tokio::io::duplex(64);
        let mut inlet = Inlet::default();
        let waited = poll_fn(|cx| Poll::Ready(inlet.poll_fill(&mut ours, cx, 99).is_pending()));
        assert!(waited.await && inlet.buffer.is_empty());
        theirs.write_all(b"hello").await.unwrap();
        let filled = poll_fn(|cx| inlet.poll_fill(&mut ours, cx, 99)).await.unwrap();
        assert_eq!((filled, inlet.bytes()), (Filled::Some, &b"hello"[..]));
        inlet.consume(2);
        assert_eq!(inlet.bytes(), b"llo");
        inlet.consume(9);
        inlet.release();
        assert!(inlet.is_empty() && inlet.buffer.is_empty());
        drop(theirs);
        let filled = poll_fn(|cx| inlet.poll_fill(&mut ours, cx, 99)).await.unwrap();
        assert_eq!(filled, Filled::End);
    }

    #[tokio::test]
    async fn it_grows_to_its_limit_and_no_further() {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(&[b'x'; 40_000]).await.unwrap();
        let mut inlet = Inlet::default();
        let filled = loop {
            match poll_fn(|cx| inlet.poll_fill(&mut ours, cx, 20_000)).await.unwrap() {
                Filled::Some => {}
                other => break other,
            }
        };
        assert_eq!((filled, inlet.len()), (Filled::Full, 20_000));
        inlet.consume(1);
        let filled = poll_fn(|cx| inlet.poll_fill(&mut ours, cx, 20_000)).await.unwrap();
        assert_eq!((filled, inlet.len()), (Filled::Some, 20_000));
    }
}
