//! The load generator: wrk, with a script that prints its figures as JSON.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::lab::folder::Folder;
use crate::lab::visitor::HOST;

/// A prepared load generator.
#[derive(Debug)]
pub(super) struct Wrk {
    folder: Folder,
    connections: u32,
}

/// What to ask for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) to: SocketAddr,
    pub(super) path: &'static str,
    /// The `Cookie` value; empty for none.
    pub(super) cookie: String,
}

/// What it saw.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) requests: f64,
    /// Of the whole measurement.
    pub(super) seconds: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// Broken connections, timeouts, and answers other than 2xx and 3xx.
    pub(super) errors: f64,
}

const SCRIPT: &str = r#"
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'JSON {"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

impl Wrk {
    pub(super) fn new(connections: u32) -> Result<Self> {
        let folder = Folder::new()?;
        folder.write("report.lua", SCRIPT)?;
        Ok(Self { folder, connections })
    }

    /// Asks as fast as answers come, for some seconds.
    pub(super) fn run(&self, ask: &Ask, seconds: u64) -> Result<Seen> {
        let mut command = Command::new("wrk");
        let connections = self.connections.to_string();
        let (duration, host) = (format!("{seconds}s"), format!("Host: {HOST}"));
        command.args(["-t", "1", "-c", &connections, "-d", &duration, "-s", "report.lua"]);
        command.args(["-H", &host]);
        if !ask.cookie.is_empty() {
            command.args(["-H", &format!("Cookie: {}", ask.cookie)]);
        }
        command.arg(format!("http://{}{}", ask.to, ask.path)).current_dir(self.folder.path());
        let output = command.output().context("wrk does not start; install it: apt install wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let json = text.lines().find_map(|line| line.strip_prefix("JSON "));
        let json = json.with_context(|| format!("wrk failed: {text}"))?;
        let seen: Seen = serde_json::from_str(json)?;
        if seen.errors > 0.0 || seen.requests < 1.0 {
            bail!("{} of {} requests to {} failed", seen.errors, seen.requests, ask.path);
        }
        Ok(seen)
    }
}
