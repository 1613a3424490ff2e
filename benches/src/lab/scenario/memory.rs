//! Memory: of idle servers, and of connections that are open and say nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use tokio::runtime::Runtime;

use crate::lab::bench::Bench;
use crate::lab::client::connections::{self, Idle};
use crate::lab::client::{streams, tls};
use crate::lab::machine::process::Server;
use crate::lab::machine::time::pause;
use crate::lab::options::Scenario;
use crate::lab::peer::{Feature, Guard, Peer, Running};
use crate::lab::stats::Spread;
use crate::lab::table::Table;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Tls,
    WebSocket,
}

const KINDS: [(Kind, &str); 3] =
    [(Kind::Plain, "plain"), (Kind::Tls, "TLS"), (Kind::WebSocket, "WebSocket")];
/// Opened and closed before the first look, so that what every server grows once is not counted.
const FIRST: u32 = 50;
/// How long memory is left to settle.
const SETTLES: Duration = Duration::from_secs(2);

/// Weighs all servers, each kind of connection with a fresh one: freed memory is not given back, and
/// would hide what the next kind takes.
pub(crate) fn run(bench: &mut Bench<'_>) -> Result<Table> {
    let columns = [("plain KiB", 1), ("TLS KiB", 1), ("WebSocket KiB", 1), ("idle server MiB", 1)];
    let mut table = Table::new(Scenario::Memory, &columns, 0);
    table.remarks.push(format!("KiB of one of {} idle connections; PSS.", bench.options.idle));
    let peers = std::mem::take(&mut bench.peers);
    bench.progress.begin(peers.len() * KINDS.len());
    for (peer, version) in &peers {
        let weighed = match version {
            Ok(_) => weigh(bench, &**peer),
            Err(why) => Err(anyhow::anyhow!("not here: {why:#}")),
        };
        match weighed {
            Ok(cells) => table.add(peer.name(), "", cells),
            Err(why) => table.miss(peer.name(), format!("{why:#}")),
        }
    }
    bench.peers = peers;
    Ok(table)
}

fn weigh(bench: &mut Bench<'_>, peer: &dyn Peer) -> Result<Vec<Option<Spread>>> {
    let (mut cells, mut idle) = (Vec::new(), Vec::new());
    for (kind, word) in KINDS {
        bench.progress.step(&format!("memory: {}, {word}", peer.name()))?;
        let can = match kind {
            Kind::Plain => true,
            Kind::Tls => peer.has(Feature::Tls),
            Kind::WebSocket => peer.has(Feature::Streams),
        };
        if !can {
            cells.push(None);
            continue;
        }
        let running = peer.start(Guard::Open, &bench.around)?;
        idle.push(settled(&running)? / 1024.0);
        let each = growth(bench, &running, kind).with_context(|| word.to_owned())?;
        cells.push(Some(Spread::of([each])));
    }
    cells.push(Some(Spread::of(idle)));
    Ok(cells)
}

/// KiB by which a server grows with each connection.
fn growth(bench: &Bench<'_>, running: &Running, kind: Kind) -> Result<f64> {
    let runtime = streams::runtime()?;
    drop(open(bench, running, kind, FIRST, &runtime)?);
    let before = settled(running)?;
    let open = open(bench, running, kind, bench.options.idle, &runtime)?;
    let after = settled(running)?;
    drop(open);
    Ok((after - before) / f64::from(bench.options.idle))
}

fn settled(running: &Running) -> Result<f64> {
    pause(SETTLES);
    let all: Result<Vec<_>> = running.servers.iter().map(Server::memory).collect();
    Ok(all?.iter().map(|memory| memory.pss).sum())
}

fn open(
    bench: &Bench<'_>,
    running: &Running,
    kind: Kind,
    count: u32,
    runtime: &Runtime,
) -> Result<Vec<Idle>> {
    let config = tls::client(bench.around.certs.path())?;
    match kind {
        Kind::Plain => (0..count).map(|_| connections::plain(running.http)).collect(),
        Kind::Tls => (0..count).map(|_| connections::tls(running.https, &config)).collect(),
        Kind::WebSocket => {
            let mut open = Vec::new();
            // Not all at once: this is about memory, not about a rush.
            while open.len() < count as usize {
                let some = (0..50).map(|_| streams::open_websocket(running.http));
                open.extend(runtime.block_on(try_join_all(some))?);
            }
            Ok(open.into_iter().map(Idle::WebSocket).collect())
        }
    }
}
