//! Load over HTTP/1.1: wrk, with a script that prints its figures as JSON.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::lab::machine::folder::Folder;
use crate::lab::peer::Running;
use crate::lab::rounds::Seen;
use crate::lab::surroundings::HOST;

/// What the script prints.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Said {
    requests: f64,
    /// Of the whole measurement.
    seconds: f64,
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    /// Broken connections, timeouts, and answers other than 2xx and 3xx.
    errors: f64,
    /// Of these, the answers.
    refused: f64,
}

const SCRIPT: &str = r#"
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'JSON {"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"p999_us":%d,"errors":%d,"refused":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    latency:percentile(99.9), e.connect + e.read + e.write + e.status + e.timeout, e.status))
end
"#;

/// Asks with one cookie after the other.
const TURNS: &str = r#"
local requests, turn = {}, 0
init = function(args)
  for cookie in io.lines("cookies") do
    wrk.headers["Cookie"] = cookie
    requests[#requests + 1] = wrk.format("GET")
  end
end
request = function()
  turn = turn % #requests + 1
  return requests[turn]
end
"#;

/// How to ask.
#[derive(Clone, Debug)]
pub(crate) struct Wrk {
    pub(crate) connections: u32,
    pub(crate) tls: bool,
    pub(crate) path: String,
    /// Values of `Cookie`, one request after the other; empty for the server's one credential.
    pub(crate) cookies: Vec<String>,
}

impl Wrk {
    /// Asks as fast as answers come, for some seconds.
    pub(crate) fn run(&self, running: &Running, seconds: u64) -> Result<Seen> {
        let folder = Folder::new()?;
        folder.write("report.lua", SCRIPT)?;
        if !self.cookies.is_empty() {
            folder.write("cookies", &self.cookies.join("\n"))?;
            folder.write("report.lua", &format!("{SCRIPT}{TURNS}"))?;
        }
        let mut command = Command::new("wrk");
        let connections = self.connections.to_string();
        let (duration, host) = (format!("{seconds}s"), format!("Host: {HOST}"));
        command.args(["-t", "1", "-c", &connections, "-d", &duration, "-s", "report.lua"]);
        command.args(["-H", &host]);
        if !running.credential.is_empty() {
            command.args(["-H", &running.credential]);
        }
        let (scheme, port) =
            if self.tls { ("https", running.https.port()) } else { ("http", running.http.port()) };
        command.arg(format!("{scheme}://{HOST}:{port}{}", self.path));
        let output = command.current_dir(folder.path()).output();
        let output = output.context("wrk does not start; install it: apt install wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let json = text.lines().find_map(|line| line.strip_prefix("JSON "));
        let said: Said =
            serde_json::from_str(json.with_context(|| format!("wrk failed: {text}"))?)?;
        if said.errors > 0.0 || said.requests < 1.0 {
            bail!(
                "{} of {} requests failed, {} of them by their status",
                said.errors,
                said.requests,
                said.refused
            );
        }
        let Said { requests, seconds, p50_us, p99_us, p999_us, .. } = said;
        Ok(Seen { operations: requests, seconds, p50_us, p99_us, p999_us })
    }
}
