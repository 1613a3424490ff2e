//! What a run found: a table for people, JSON for programs, a plot.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::lab::load::Row;
use crate::lab::memory::Weights;
use crate::lab::options::Options;
use crate::lab::plot;
use crate::lab::stats::Spread;

/// One run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    cores: usize,
    nginx: String,
    rounds: u32,
    seconds: u64,
    connections: u32,
    load: Vec<Row>,
    memory: Option<Weights>,
}

impl Report {
    pub(super) fn new(
        options: &Options,
        nginx: String,
        load: Vec<Row>,
        memory: Option<Weights>,
    ) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            nginx,
            rounds: options.rounds,
            seconds: options.seconds,
            connections: options.connections,
            load,
            memory,
        }
    }

    /// Prints the tables and writes the files.
    pub(super) fn publish(&self, folder: &Path) -> Result<()> {
        print!("{}", self.tables());
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write("latest.json", &(serde_json::to_string_pretty(self)? + "\n"))?;
        if !self.load.is_empty() {
            write("latest.svg", &plot::bars(&self.load))?;
        }
        println!("\nwritten: {0}/latest.json, {0}/latest.svg", folder.display());
        Ok(())
    }

    fn tables(&self) -> String {
        let mut text = format!(
            "\n{} cores, nginx {}, {} rounds of {} s, {} connections; median (least–most)\n",
            self.cores, self.nginx, self.rounds, self.seconds, self.connections
        );
        if !self.load.is_empty() {
            text.push_str(&load_table(&self.load));
        }
        if let Some(memory) = &self.memory {
            text.push_str(&memory_tables(memory));
        }
        text
    }
}

fn load_table(rows: &[Row]) -> String {
    let mut text = String::from(
        "\n| work | CPU µs/request | ratio | requests/s | p50 ms | p99 ms | backend CPU µs |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | **{}** | {} | {} | {} | {} |",
            row.name,
            around(row.cpu_us, 1),
            around(row.ratio, 2),
            around(row.requests_per_second, 0),
            around(thousandth(row.p50_us), 2),
            around(thousandth(row.p99_us), 2),
            around(row.backend_cpu_us, 1),
        );
    }
    let counted = rows.iter().filter_map(|row| Some((row.name, row.instructions?)));
    let mut counted = counted.peekable();
    if counted.peek().is_none() {
        text.push_str(
            "\nUser-mode instructions: this machine does not count them for us; skipped.\n",
        );
    }
    for (name, count) in counted {
        let _ = writeln!(text, "\nUser-mode instructions, {name}: {}", around(count, 0));
    }
    text
}

fn memory_tables(memory: &Weights) -> String {
    let mut text = String::from("\n| idle server | RSS MiB | PSS MiB |\n|---|---|---|\n");
    for idle in &memory.idle {
        let _ = writeln!(text, "| {} | {:.1} | {:.1} |", idle.server, idle.rss_mib, idle.pss_mib);
    }
    text.push_str("\n| one idle connection of | kind | RSS KiB | PSS KiB |\n|---|---|---|---|\n");
    for weight in &memory.each {
        let _ = writeln!(
            text,
            "| {} | {} (of {}) | {:.1} | {:.1} |",
            weight.server,
            weight.kind.word(),
            weight.connections,
            weight.rss_kib,
            weight.pss_kib
        );
    }
    text
}

fn thousandth(spread: Spread) -> Spread {
    let Spread { median, least, most } = spread;
    Spread { median: median / 1e3, least: least / 1e3, most: most / 1e3 }
}

fn around(spread: Spread, digits: usize) -> String {
    let Spread { median, least, most } = spread;
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}
