//! Cold start: from the start of the program to its first answer.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::lab::bench::Bench;
use crate::lab::client::visitor::get;
use crate::lab::machine::time::{now, wait_for};
use crate::lab::options::Scenario;
use crate::lab::peer::{Guard, Peer};
use crate::lab::stats::Spread;
use crate::lab::table::Table;

/// Starts each server anew in each round.
pub(crate) fn run(bench: &mut Bench<'_>) -> Result<Table> {
    let mut table = Table::new(Scenario::Start, &[("ms to the first answer", 0)], 0);
    let peers = std::mem::take(&mut bench.peers);
    let rounds = bench.options.rounds;
    bench.progress.begin(peers.len() * rounds as usize);
    let mut found: Vec<Result<Vec<f64>>> = peers.iter().map(|_| Ok(Vec::new())).collect();
    for round in 1..=rounds {
        for ((peer, version), found) in peers.iter().zip(&mut found) {
            let Ok(times) = found else { continue };
            bench.progress.step(&format!("start: {}, round {round}", peer.name()))?;
            let time = match version {
                Ok(_) => once(bench, &**peer),
                Err(why) => Err(anyhow::anyhow!("not here: {why:#}")),
            };
            match time {
                Ok(time) => times.push(time),
                Err(why) => *found = Err(why),
            }
        }
    }
    for ((peer, _), found) in peers.iter().zip(found) {
        match found {
            Ok(times) => table.add(peer.name(), "", vec![Some(Spread::of(times))]),
            Err(why) => table.miss(peer.name(), format!("{why:#}")),
        }
    }
    bench.peers = peers;
    Ok(table)
}

/// Milliseconds.
fn once(bench: &Bench<'_>, peer: &dyn Peer) -> Result<f64> {
    let running = peer.start(Guard::Open, &bench.around)?;
    let served = wait_for(Duration::from_secs(10), || {
        let answer = get(running.http, "/x", "").ok()?;
        (answer.status == 200).then(now)
    });
    let server = running.servers.first().context("no server")?;
    let served = served.context("it does not serve")?;
    Ok(served.duration_since(server.started).as_secs_f64() * 1e3)
}
