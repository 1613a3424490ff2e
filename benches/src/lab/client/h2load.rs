//! Load over HTTP/2: h2load, with a log of each request.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::lab::machine::folder::Folder;
use crate::lab::peer::Running;
use crate::lab::rounds::Seen;
use crate::lab::surroundings::HOST;

/// Requests at once on one connection.
const STREAMS: u32 = 8;

/// Asks for `/x` as fast as answers come, `concurrent` at once, for some seconds.
pub(crate) fn run(running: &Running, concurrent: u32, seconds: u64) -> Result<Seen> {
    let folder = Folder::new()?;
    let clients = (concurrent / STREAMS).max(1).to_string();
    let (streams, duration) = (STREAMS.to_string(), seconds.to_string());
    let url = format!("https://{HOST}:{}/x", running.https.port());
    let output = Command::new("h2load")
        .args(["-t", "1", "-c", &clients, "-m", &streams, "-D", &duration, "--log-file=requests"])
        .args(["-H", &format!(":authority: {HOST}")])
        .arg(url)
        .current_dir(folder.path())
        .output()
        .context("h2load does not start; install it: apt install nghttp2-client")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // `requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout`
    let line = text.lines().find_map(|line| line.strip_prefix("requests: ")).unwrap_or_default();
    let count = |word: &str| {
        let part = line.split(", ").find(|part| part.ends_with(word));
        part.and_then(|part| part.split(' ').next()).and_then(|count| count.parse::<f64>().ok())
    };
    let (Some(operations), Some(failed)) = (count("succeeded"), count("failed")) else {
        bail!("h2load says: {text}");
    };
    // `application protocol: h2`
    if operations < 1.0 || failed > 0.0 || !text.contains("protocol: h2") {
        bail!("h2load says: {text}");
    }
    // Start, status and duration in microseconds, with tabs between them.
    let log = std::fs::read_to_string(folder.path().join("requests"))?;
    let times = log.lines().filter_map(|line| line.split('\t').nth(2)?.parse().ok());
    Ok(Seen::of(times.collect(), Duration::from_secs(seconds)))
}
