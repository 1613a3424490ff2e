//! How far the lab is, on one line of standard error.

use std::io::{IsTerminal as _, Write as _, stderr};

use anyhow::Result;

use crate::lab::stop;

/// A progress bar; on anything but a terminal, one line for each step.
#[derive(Debug)]
pub(super) struct Progress {
    done: usize,
    steps: usize,
}

const WIDTH: usize = 30;

impl Progress {
    pub(super) const fn new(steps: usize) -> Self {
        Self { done: 0, steps }
    }

    /// Says what begins now.
    ///
    /// # Errors
    /// When the lab was told to stop.
    pub(super) fn step(&mut self, what: &str) -> Result<()> {
        stop::check()?;
        let full = WIDTH * self.done / self.steps.max(1);
        let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full.min(WIDTH)));
        self.done += 1;
        let line = format!("[{bar}] {:>3}/{} {what:<40}", self.done, self.steps);
        let mut out = stderr().lock();
        let _ = if out.is_terminal() { write!(out, "\r{line}") } else { writeln!(out, "{line}") };
        let _ = out.flush();
        Ok(())
    }

    /// Ends the line.
    pub(super) fn end(self) {
        let mut out = stderr().lock();
        let _ = if out.is_terminal() { write!(out, "\r{:<80}\r", "") } else { Ok(()) };
    }
}
