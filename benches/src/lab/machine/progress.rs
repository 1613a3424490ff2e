//! How far the lab is, on one line of standard error.

use std::io::{IsTerminal as _, Write as _, stderr};

use anyhow::Result;

use crate::lab::machine::stop;

/// A progress bar; on anything but a terminal, one line for each step.
#[derive(Debug)]
pub(crate) struct Progress {
    scenarios: usize,
    scenario: usize,
    steps: usize,
    step: usize,
}

const WIDTH: usize = 30;

impl Progress {
    pub(crate) const fn new(scenarios: usize) -> Self {
        Self { scenarios, scenario: 0, steps: 1, step: 0 }
    }

    /// The next scenario begins.
    pub(crate) const fn next(&mut self) {
        self.scenario += 1;
        self.begin(1);
    }

    /// So many steps are to come in this scenario.
    pub(crate) const fn begin(&mut self, steps: usize) {
        self.steps = if steps == 0 { 1 } else { steps };
        self.step = 0;
    }

    /// Says what begins now.
    ///
    /// # Errors
    /// When the lab was told to stop.
    pub(crate) fn step(&mut self, what: &str) -> Result<()> {
        stop::check()?;
        let done = self.scenario.saturating_sub(1) * self.steps + self.step.min(self.steps);
        let full = WIDTH * done / (self.scenarios * self.steps).max(1);
        let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full.min(WIDTH)));
        self.step += 1;
        let line = format!("[{bar}] {}/{} {what:<56}", self.scenario, self.scenarios);
        let mut out = stderr().lock();
        let _ = if out.is_terminal() { write!(out, "\r{line}") } else { writeln!(out, "{line}") };
        let _ = out.flush();
        Ok(())
    }

    /// Ends the line.
    pub(crate) fn end(self) {
        let mut out = stderr().lock();
        let _ = if out.is_terminal() { write!(out, "\r{:<100}\r", "") } else { Ok(()) };
    }
}
