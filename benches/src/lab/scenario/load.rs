//! CPU of one request, handshake, event or message, under load.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::lab::bench::Bench;
use crate::lab::client::tls::{client, handshakes};
use crate::lab::client::wrk::Wrk;
use crate::lab::client::{h2load, streams};
use crate::lab::options::Scenario;
use crate::lab::peer::{Feature, Guard, Running};
use crate::lab::rounds::{Contender, Load, Seen, measure};
use crate::lab::stats::Spread;
use crate::lab::table::Table;

/// Connections of the clients that make handshakes.
const HANDSHAKES_AT_ONCE: u32 = 8;
const EVENT_STREAMS: u32 = 50;

/// Measures all servers that can do the scenario's work.
pub(crate) fn run(bench: &mut Bench<'_>, scenario: Scenario) -> Result<Table> {
    let (up, missing) = servers(bench, scenario);
    let mut contenders = Vec::new();
    for (peer, how, running) in &up {
        contenders.push(Contender {
            peer,
            how: (*how).to_owned(),
            running,
            load: load(bench, scenario)?,
        });
    }
    let unit = match scenario {
        Scenario::Handshake => "handshake",
        Scenario::Events => "event",
        Scenario::Websocket => "message",
        _ => "request",
    };
    let mut table = measure(scenario, unit, &contenders, bench.options, &mut bench.progress)?;
    for (peer, why) in missing {
        table.miss(peer, why);
    }
    if scenario == Scenario::Events {
        subtract_direct(bench, &mut table)?;
    }
    Ok(table)
}

type Up = (&'static str, &'static str, Running);

/// All servers for this work, started and checked, and who is missing, and why. nginx without a guard
/// is the first one, whatever the work.
fn servers(bench: &Bench<'_>, scenario: Scenario) -> (Vec<Up>, Vec<(&'static str, String)>) {
    let (mut up, mut missing) = (Vec::new(), Vec::new());
    let feature = match scenario {
        Scenario::Tls | Scenario::Handshake => Some(Feature::Tls),
        Scenario::Http2 => Some(Feature::Http2),
        Scenario::Events | Scenario::Websocket => Some(Feature::Streams),
        _ => None,
    };
    let guard = scenario.guard();
    for (peer, version) in &bench.peers {
        let name = peer.name();
        let mut guards = vec![guard];
        if name == "nginx" && guard != Guard::Open {
            guards.insert(0, Guard::Open);
        }
        for guard in guards {
            let Some(how) = peer.guards(guard) else { continue };
            if feature.is_some_and(|feature| !peer.has(feature)) {
                continue;
            }
            if let Err(why) = version {
                missing.push((name, format!("not here: {why:#}")));
                continue;
            }
            let started = peer.start(guard, &bench.around);
            let checked = started.and_then(|running| running.check(guard).map(|()| running));
            match checked {
                Ok(running) => up.push((name, how, running)),
                Err(why) => missing.push((name, format!("{why:#}"))),
            }
        }
    }
    (up, missing)
}

fn load<'a>(bench: &Bench<'_>, scenario: Scenario) -> Result<Load<'a>> {
    let connections = bench.options.connections;
    let began = bench.around.live.began;
    Ok(match scenario {
        Scenario::Handshake => {
            let config = client(bench.around.certs.path())?;
            Box::new(move |up, seconds| {
                handshakes(up, &Arc::clone(&config), HANDSHAKES_AT_ONCE, seconds)
            })
        }
        Scenario::Http2 => Box::new(move |up, seconds| h2load::run(up, connections, seconds)),
        Scenario::Events => {
            Box::new(move |up, seconds| streams::listen(up.http, began, EVENT_STREAMS, seconds))
        }
        Scenario::Websocket => {
            Box::new(move |up, seconds| streams::talk(up.http, connections, seconds))
        }
        _ => {
            let wrk = Wrk {
                connections,
                tls: scenario == Scenario::Tls,
                path: "/x".to_owned(),
                cookies: Vec::new(),
            };
            Box::new(move |up, seconds| wrk.run(up, seconds))
        }
    })
}

/// Shows what a server adds to the time of an event: all columns of times less that without a server.
fn subtract_direct(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let live = &bench.around.live;
    let once = |_| streams::listen(live.address, live.began, EVENT_STREAMS, bench.options.seconds);
    let direct: Result<Vec<_>> = (0..bench.options.rounds).map(once).collect();
    let direct = direct.context("the backend itself")?;
    let median = |of: fn(&Seen) -> f64| Spread::of(direct.iter().map(of)).median;
    let times = [
        (3, median(|seen| seen.p50_us)),
        (4, median(|seen| seen.p99_us)),
        (5, median(|seen| seen.p999_us)),
    ];
    for (index, direct) in times {
        if let Some(column) = table.columns.get_mut(index) {
            column.name = format!("added {}", column.name);
        }
        for cell in table.rows.iter_mut().filter_map(|row| row.cells.get_mut(index)?.as_mut()) {
            cell.shift(-direct / 1e3);
        }
    }
    Ok(())
}
