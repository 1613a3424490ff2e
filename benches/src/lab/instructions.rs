//! User-mode instructions, where the machine counts them: steadier than time.

use std::process::{Child, Command, Stdio};

use crate::lab::process::Server;

/// A count under way.
#[derive(Debug)]
pub(super) struct Count(Child);

/// Whether this machine counts instructions for us.
pub(super) fn are_counted() -> bool {
    let said = Command::new("perf").args(["stat", "-x,", "-e", "instructions:u", "true"]).output();
    said.is_ok_and(|output| number(&String::from_utf8_lossy(&output.stderr)).is_some())
}

impl Count {
    /// Counts what a server and its children do in the next seconds.
    pub(super) fn start(server: &Server, seconds: u64) -> Option<Self> {
        let ids: Vec<String> = server.ids().iter().map(ToString::to_string).collect();
        let time = seconds.to_string();
        let child = Command::new("perf")
            .args(["stat", "-x,", "-e", "instructions:u", "-p", &ids.join(","), "sleep", &time])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        child.ok().map(Self)
    }

    /// The count.
    pub(super) fn end(self) -> Option<f64> {
        let output = self.0.wait_with_output().ok()?;
        number(&String::from_utf8_lossy(&output.stderr))
    }
}

/// `12345,,instructions:u,…`, or `<not supported>` in the first place.
fn number(csv: &str) -> Option<f64> {
    csv.lines().find(|line| line.contains("instructions"))?.split(',').next()?.parse().ok()
}
