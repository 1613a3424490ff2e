//! The last figures of every scenario, in a file that each run brings up to date.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::lab::bench::Bench;
use crate::lab::options::Scenario;
use crate::lab::report::{bars, glance, lines, markdown};
use crate::lab::table::Table;

/// What is known of this machine.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    /// Who was measured: name and version, or why it was not there.
    pub(crate) peers: Vec<(String, String)>,
    /// One for each scenario that was ever measured here, in the order of the scenarios.
    pub(crate) tables: Vec<Table>,
    /// The scenarios of this run.
    #[serde(skip)]
    fresh: Vec<Scenario>,
    #[serde(skip)]
    folder: PathBuf,
}

const FILE: &str = "latest.json";

impl Report {
    /// What earlier runs found, for this run to add to.
    pub(crate) fn begin(bench: &Bench<'_>) -> Self {
        let folder = bench.options.results.clone();
        let peers = bench.peers.iter().map(|(peer, version)| {
            let version =
                version.as_ref().map_or_else(|why| format!("not here: {why:#}"), Clone::clone);
            (peer.name().to_owned(), version)
        });
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: processor(),
            peers: peers.collect(),
            fresh: Vec::new(),
            ..Self::read(&folder).unwrap_or(Self { folder, ..Self::default() })
        }
    }

    /// What the last runs found.
    ///
    /// # Errors
    /// When there were none, or they were those of another lab.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("no results in {}", path.display()))?;
        let report: Self = serde_json::from_str(&text).context("results of another lab")?;
        Ok(Self { folder: folder.to_path_buf(), ..report })
    }

    /// Takes a table in, and writes all down at once: a run that is stopped keeps what it has.
    pub(crate) fn add(&mut self, table: Table) -> Result<()> {
        let scenario = table.scenario;
        self.tables.retain(|old| old.scenario != scenario);
        self.tables.push(table);
        self.tables.sort_by_key(|table| table.scenario);
        self.fresh.push(scenario);
        fs::create_dir_all(&self.folder)?;
        self.write(FILE, &(serde_json::to_string_pretty(self)? + "\n"))?;
        self.write("ratios.svg", &bars::ratios(&self.tables))?;
        match self.table(Scenario::Scale) {
            Some(scale) => self.write("scale.svg", &lines::scale(&scale.series)),
            None => Ok(()),
        }
    }

    /// Prints this run's tables.
    pub(crate) fn print(&self) {
        println!("\n{}", self.machine());
        for table in self.tables.iter().filter(|table| self.fresh.contains(&table.scenario)) {
            println!("\n{}", markdown::table(table));
        }
        println!("{}", glance::table(&self.tables));
        println!("written: {0}/{FILE}, {0}/*.svg", self.folder.display());
    }

    /// On what, and with whom.
    pub(crate) fn machine(&self) -> String {
        let peers: Vec<String> =
            self.peers.iter().map(|(name, version)| format!("{name} {version}")).collect();
        format!("{} cores, {}; {}.", self.cores, self.processor, peers.join(", "))
    }

    /// The table of a scenario.
    pub(crate) fn table(&self, scenario: Scenario) -> Option<&Table> {
        self.tables.iter().find(|table| table.scenario == scenario)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split(':').nth(1)).unwrap_or(std::env::consts::ARCH);
    name.trim().to_owned()
}
