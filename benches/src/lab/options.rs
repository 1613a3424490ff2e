//! What can be asked of the lab.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Compares the gateway with nginx on this machine, over loopback.
#[derive(Clone, Debug, Parser)]
#[command(name = "lab")]
pub struct Options {
    /// What to measure, separated by commas; nginx always runs along as the measure of the others
    #[arg(long, value_enum, value_delimiter = ',', default_value = "plain,minted,memory")]
    pub scenario: Vec<Scenario>,
    /// How often each server is measured; the servers take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// How long one measurement takes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub seconds: u64,
    /// Client connections under load
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub connections: u32,
    /// Idle connections of which the memory is weighed
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=8000))]
    pub idle: u32,
    /// Where the results are written
    #[arg(long, default_value = "benches/results")]
    pub results: PathBuf,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// A public route without a token: a proxy and nothing else.
    Plain,
    /// A session and a new `EdDSA` token for each request.
    Minted,
    /// Memory: the idle gateway, idle connections, idle WebSockets.
    Memory,
}

impl Options {
    /// Whether this is to be measured.
    pub fn wants(&self, scenario: Scenario) -> bool {
        self.scenario.contains(&scenario)
    }
}
