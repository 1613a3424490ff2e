//! Lines on their way to a slow place: handed over without waiting, written in batches.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::base::Timestamp;

/// A bounded queue and the one thread that writes what is in it.
#[derive(Debug)]
pub(super) struct LineQueue {
    waiting: SyncSender<Order>,
    dropped: AtomicU64,
}

enum Order {
    Line(Timestamp, &'static str, Vec<u8>),
    Flush(SyncSender<()>),
}

/// Lines gather for so long before they are written together: handing one over then wakes nobody.
const GATHER: Duration = Duration::from_millis(20);
/// As much is written at once.
const BATCH: usize = 64 * 1024;
/// The end of the process does not wait longer than this for a place that takes nothing.
const FAREWELL: Duration = Duration::from_secs(1);

impl LineQueue {
    /// Starts the thread. At most `limit` lines wait.
    pub(super) fn start(limit: usize, to: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (waiting, orders) = sync_channel(limit);
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || Writer::new(to).attend(&orders))?;
        Ok(Self { waiting, dropped: AtomicU64::new(0) })
    }

    /// Hands a line over: what stands before its time, and what behind it. Drops and counts it when
    /// too many wait.
    pub(super) fn push(&self, at: Timestamp, (before, behind): (&'static str, Vec<u8>)) {
        if self.waiting.try_send(Order::Line(at, before, behind)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was handed over before is written.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        // A full queue of a place that takes nothing: the lines are lost either way.
        if self.waiting.try_send(Order::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FAREWELL);
        }
    }

    /// How many lines were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

struct Writer<W> {
    to: W,
    batch: Vec<u8>,
    /// A second, and how it is written.
    second: (i64, String),
}

impl<W: Write> Writer<W> {
    fn new(to: W) -> Self {
        Self { to, batch: Vec::with_capacity(BATCH), second: (i64::MIN, String::new()) }
    }

    /// Writes until the queue is gone.
    fn attend(mut self, orders: &Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            if matches!(first, Order::Line(..)) {
                #[expect(clippy::disallowed_methods, reason = "a thread of its own, no runtime's")]
                std::thread::sleep(GATHER);
            }
            self.take(first);
            while let Ok(order) = orders.try_recv() {
                self.take(order);
            }
            self.write();
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Line(at, before, behind) => {
                self.batch.extend_from_slice(before.as_bytes());
                self.write_time(at);
                self.batch.extend_from_slice(&behind);
                if self.batch.len() >= BATCH {
                    self.write();
                }
            }
            Order::Flush(done) => {
                self.write();
                let _ = done.try_send(());
            }
        }
    }

    /// RFC 3339 in UTC with milliseconds.
    fn write_time(&mut self, at: Timestamp) {
        let second = at.as_secs();
        if self.second.0 != second {
            let text = jiff::Timestamp::from_second(second).unwrap_or_default().to_string();
            self.second = (second, text.trim_end_matches('Z').to_owned());
        }
        self.batch.extend_from_slice(self.second.1.as_bytes());
        // Writing to memory does not fail.
        let _ = write!(self.batch, ".{:03}Z", at.as_millis().rem_euclid(1000));
    }

    fn write(&mut self) {
        // Nobody is left to be told of a log that cannot be written.
        let _ = self.to.write_all(&self.batch).and_then(|()| self.to.flush());
        self.batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is written; each write first waits for leave.
    struct Slow(Arc<Mutex<Vec<u8>>>, Receiver<()>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.1.recv();
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const AT: Timestamp = Timestamp::from_millis(1_800_000_000_007);

    #[test]
    fn what_was_handed_over_is_written_in_order_before_the_end() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (leave, allowed) = channel();
        drop(leave);
        let queue = LineQueue::start(10, Slow(Arc::clone(&written), allowed)).unwrap();
        queue.push(AT, ("<", b">one\n".to_vec()));
        queue.push(AT, ("<", b">two\n".to_vec()));
        queue.flush();
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(written, "<2027-01-15T08:00:00.007Z>one\n<2027-01-15T08:00:00.007Z>two\n");
        assert_eq!(queue.dropped(), 0);
    }

    #[test]
    fn a_full_queue_drops_counts_and_does_not_wait() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (leave, allowed) = channel();
        let queue = LineQueue::start(10, Slow(Arc::clone(&written), allowed)).unwrap();
        // Nothing is written until leave is given, so that all of this would wait for ever.
        for _ in 0..1_000 {
            queue.push(AT, ("", vec![b'x'; BATCH]));
        }
        let dropped = queue.dropped();
        assert!((900..=990).contains(&dropped), "{dropped}");
        drop(leave);
    }
}
