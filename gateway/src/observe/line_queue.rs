//! Lines on their way to a slow place: handed over without waiting, written in batches.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::base::Timestamp;
use crate::observe::line::Line;

/// A bounded queue and the one thread that writes what is in it.
#[derive(Debug)]
pub(super) struct LineQueue {
    waiting: SyncSender<Order>,
    lost: Arc<AtomicU64>,
}

enum Order {
    Line(Timestamp, Line),
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
    ///
    /// # Errors
    /// When the system has no thread to spare.
    pub(super) fn start(
        name: &str,
        limit: usize,
        to: impl Write + Send + 'static,
    ) -> std::io::Result<Self> {
        let (waiting, orders) = sync_channel(limit);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer::new(name, to, Arc::clone(&lost));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || writer.attend(&orders))?;
        Ok(Self { waiting, lost })
    }

    /// Hands a line over. Drops and counts it when too many wait.
    pub(super) fn push(&self, at: Timestamp, line: Line) {
        if self.waiting.try_send(Order::Line(at, line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
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

    /// How many lines were dropped because too many waited, or could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

struct Writer<W> {
    name: String,
    to: W,
    batch: Vec<u8>,
    /// How many lines the batch holds.
    lines: u64,
    lost: Arc<AtomicU64>,
    /// Whether the last batch could not be written.
    fails: bool,
    /// A second, and how it is written.
    second: (i64, String),
}

impl<W: Write> Writer<W> {
    fn new(name: &str, to: W, lost: Arc<AtomicU64>) -> Self {
        let (batch, second) = (Vec::with_capacity(BATCH), (i64::MIN, String::new()));
        Self { name: name.to_owned(), to, batch, lines: 0, lost, fails: false, second }
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
            Order::Line(at, line) => {
                let (before, behind) = line.text.split_at(line.time_at.min(line.text.len()));
                self.batch.extend_from_slice(before);
                self.write_time(at);
                self.batch.extend_from_slice(behind);
                self.lines += 1;
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
        if self.batch.is_empty() {
            return;
        }
        let written = self.to.write_all(&self.batch).and_then(|()| self.to.flush());
        let lines = std::mem::take(&mut self.lines);
        self.batch.clear();
        match written {
            Ok(()) if self.fails => tracing::info!(log = self.name, "lines are written again"),
            Err(error) => {
                self.lost.fetch_add(lines, Ordering::Relaxed);
                // Once for each trouble: it may last.
                if !self.fails {
                    tracing::error!(log = self.name, %error, "lines cannot be written and are lost");
                }
                self.fails = true;
                return;
            }
            Ok(()) => {}
        }
        self.fails = false;
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
        let queue = LineQueue::start("test", 10, Slow(Arc::clone(&written), allowed)).unwrap();
        queue.push(AT, Line { text: b"<>one\n".to_vec(), time_at: 1 });
        queue.push(AT, Line { text: b"<>two\n".to_vec(), time_at: 1 });
        queue.flush();
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(written, "<2027-01-15T08:00:00.007Z>one\n<2027-01-15T08:00:00.007Z>two\n");
        assert_eq!(queue.lost(), 0);
    }

    #[test]
    fn a_full_queue_drops_counts_and_does_not_wait() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (leave, allowed) = channel();
        let queue = LineQueue::start("test", 10, Slow(Arc::clone(&written), allowed)).unwrap();
        // Nothing is written until leave is given, so that all of this would wait for ever.
        for _ in 0..1_000 {
            queue.push(AT, Line { text: vec![b'x'; BATCH], time_at: 0 });
        }
        let lost = queue.lost();
        assert!((900..=990).contains(&lost), "{lost}");
        drop(leave);
    }
}
