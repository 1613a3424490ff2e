//! What one scenario found: servers and their figures.

use serde::{Deserialize, Serialize};

use crate::lab::options::Scenario;
use crate::lab::peer::Guard;
use crate::lab::stats::Spread;

/// The figures of one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) scenario: Scenario,
    pub(crate) columns: Vec<Column>,
    /// The column that is the scenario's main figure.
    pub(crate) main: usize,
    pub(crate) rows: Vec<Row>,
    /// Who could take part, and did not.
    pub(crate) absent: Vec<Absent>,
    /// What a reader of this very run must know.
    pub(crate) remarks: Vec<String>,
    /// What is shown as lines.
    #[serde(default)]
    pub(crate) series: Vec<Series>,
    /// How it was measured; of the run that made this table.
    pub(crate) made: Made,
}

/// A kind of figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Column {
    /// With its unit.
    pub(crate) name: String,
    pub(crate) digits: usize,
}

/// One server under one kind of work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The server's name, the same in all tables.
    pub(crate) peer: String,
    /// What it did, where its name alone does not say that.
    pub(crate) how: String,
    /// One for each column.
    pub(crate) cells: Vec<Option<Spread>>,
}

/// A figure over the size of something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Series {
    /// What grows.
    pub(crate) of: String,
    pub(crate) points: Vec<(f64, Spread)>,
}

/// Somebody who is missing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Absent {
    pub(crate) peer: String,
    pub(crate) why: String,
}

/// The circumstances.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Made {
    /// The build profile.
    pub(crate) profile: String,
    pub(crate) rounds: u32,
    pub(crate) seconds: u64,
    pub(crate) connections: u32,
}

impl Table {
    /// An empty one.
    pub(crate) fn new(scenario: Scenario, columns: &[(&str, usize)], main: usize) -> Self {
        let column =
            |(name, digits): &(&str, usize)| Column { name: (*name).to_owned(), digits: *digits };
        Self {
            scenario,
            columns: columns.iter().map(column).collect(),
            main,
            rows: Vec::new(),
            absent: Vec::new(),
            remarks: Vec::new(),
            series: Vec::new(),
            made: Made::default(),
        }
    }

    /// Notes that a server is missing.
    pub(crate) fn miss(&mut self, peer: &str, why: String) {
        self.absent.push(Absent { peer: peer.to_owned(), why });
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, peer: &str, how: &str, cells: Vec<Option<Spread>>) {
        self.rows.push(Row { peer: peer.to_owned(), how: how.to_owned(), cells });
    }

    /// A figure of the last row of a server: of its most elaborate way to do the work.
    pub(crate) fn cell(&self, peer: &str, column: usize) -> Option<Spread> {
        // nginx without a guard is in every table as the measure, whether it can do the work or not.
        let measure = |row: &Row| row.how.is_empty() && self.scenario.guard() != Guard::Open;
        let row = self.rows.iter().rev().find(|row| row.peer == peer && !measure(row))?;
        row.cells.get(column).copied().flatten()
    }
}

impl Row {
    /// As it is written in tables and charts.
    pub(crate) fn label(&self) -> String {
        if self.how.is_empty() { self.peer.clone() } else { format!("{}, {}", self.peer, self.how) }
    }
}
