//! What can be asked of the lab.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

/// Compares the gateway with other proxies on this machine, over loopback.
#[derive(Clone, Debug, Parser)]
#[command(name = "lab")]
pub struct Options {
    /// What to measure, separated by commas; default: everything
    #[arg(long, value_enum, value_delimiter = ',')]
    pub scenario: Vec<Scenario>,
    /// How often each server is measured; the servers take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// How long one measurement takes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub seconds: u64,
    /// Client connections under load
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub connections: u32,
    /// Idle connections of which the memory is weighed
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=8000))]
    pub idle: u32,
    /// The largest number of sessions of `scale`
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub sessions: u32,
    /// Which servers to measure, by the first word of their names; default: all that are here
    #[arg(long, value_delimiter = ',')]
    pub peer: Vec<String>,
    /// Where the results are written
    #[arg(long, default_value = "benches/results")]
    pub results: PathBuf,
    /// Measures nothing: writes the last results into this page, between its two comments
    #[arg(long, value_name = "FILE")]
    pub readme: Option<PathBuf>,
    /// Measures nothing but instructions, and fails when they are above the baseline in `results`
    #[arg(long)]
    pub check: bool,
    /// With `--check`: makes the figures the new baseline
    #[arg(long, requires = "check")]
    pub update: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Scenario {
    /// A public route without a token: a proxy and nothing else.
    Plain,
    /// The same over TLS 1.3, kept connections.
    Tls,
    /// Full TLS 1.3 handshakes and nothing else.
    Handshake,
    /// A session, and a new `EdDSA` token for each request.
    Minted,
    /// A session, and a token that is used for 30 s.
    Shared,
    /// Bearer tokens, ES256; who can remembers which it has verified.
    BearerEs256,
    /// Bearer tokens, RS256, each verified.
    BearerRs256,
    /// Event streams.
    Events,
    /// `WebSocket` messages.
    Websocket,
    /// HTTP/2 from the client, over TLS.
    Http2,
    /// User-mode instructions of one request.
    Instructions,
    /// Memory: of idle servers, of idle connections.
    Memory,
    /// Whole logins.
    Login,
    /// From the start of the program to its first answer.
    Start,
    /// Cost of a request over the number of routes, sessions and connections.
    Scale,
}

impl Options {
    /// What is to be measured, in the order of the enum.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let all = Scenario::value_variants().iter().copied();
        all.filter(|one| self.scenario.is_empty() || self.scenario.contains(one)).collect()
    }

    /// Whether a server is to be measured; nginx always is, as the measure of the others.
    pub fn wants(&self, peer: &str) -> bool {
        let named = |name: &String| peer.to_lowercase().starts_with(&name.to_lowercase());
        self.peer.is_empty() || peer == "nginx" || self.peer.iter().any(named)
    }
}

impl Scenario {
    /// As it is written on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
