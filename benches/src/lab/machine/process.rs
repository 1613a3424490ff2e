//! A server as a process: what it and its children use, and its end.

use std::collections::HashMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::lab::machine::time::{now, wait_for};

/// A running server; it and its children are stopped when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) child: Child,
    /// When it was started.
    pub(crate) started: Instant,
}

/// Memory in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Resident, pages shared with other processes counted in each.
    pub(crate) rss: f64,
    /// Resident, shared pages divided among those who share them.
    pub(crate) pss: f64,
}

/// How long a server may take to stop by itself.
const STOPS_WITHIN: Duration = Duration::from_secs(3);

impl Server {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let started = now();
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self { child: child.with_context(|| format!("{program} does not start"))?, started })
    }

    /// The process and everything below it.
    pub(crate) fn ids(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for (id, parent) in all_processes() {
            children.entry(parent).or_default().push(id);
        }
        let mut open = vec![self.child.id()];
        let mut found = Vec::new();
        while let Some(id) = open.pop() {
            found.push(id);
            open.extend(children.remove(&id).unwrap_or_default());
        }
        found
    }

    /// User and system time of all its processes so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut ticks = 0;
        for id in self.ids() {
            let fields = stat(id).with_context(|| format!("process {id} has gone"))?;
            let field = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
            // utime and stime; fields are counted from the one after the name.
            ticks += field(11).context("no utime")? + field(12).context("no stime")?;
        }
        // The kernel shows its clock in hundredths to every program, whatever its own rate is.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// What all its processes hold.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let mut sum = Memory::default();
        for id in self.ids() {
            let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup"))
                .with_context(|| format!("cannot read the memory of process {id}"))?;
            sum.rss += kib(&text, "Rss:");
            sum.pss += kib(&text, "Pss:");
        }
        Ok(sum)
    }
}

/// User and system time of all processes of some servers so far.
pub(crate) fn cpu_of(servers: &[Server]) -> Result<Duration> {
    servers.iter().map(Server::cpu).sum()
}

impl Drop for Server {
    fn drop(&mut self) {
        let ids = self.ids();
        // Not SIGKILL at first: nginx's master must take its workers along.
        signal("-TERM", &[self.child.id()]);
        let gone = wait_for(STOPS_WITHIN, || self.child.try_wait().ok().flatten());
        if gone.is_none() {
            signal("-KILL", &ids);
            let _ = self.child.wait();
        }
    }
}

fn signal(name: &str, ids: &[u32]) {
    let ids = ids.iter().map(ToString::to_string);
    let _ = Command::new("kill").arg(name).args(ids).stderr(Stdio::null()).status();
}

fn all_processes() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let process = |entry: std::io::Result<fs::DirEntry>| {
        let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        Some((id, stat(id)?.get(1)?.parse().ok()?))
    };
    entries.filter_map(process).collect()
}

/// The fields of `/proc/ID/stat` after the name, which may hold spaces and brackets itself.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn kib(rollup: &str, name: &str) -> f64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}
