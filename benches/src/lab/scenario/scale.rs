//! Cost of a request as routes, sessions and connections grow in number.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::lab::bench::Bench;
use crate::lab::client::connections;
use crate::lab::client::wrk::Wrk;
use crate::lab::machine::folder::Folder;
use crate::lab::options::Scenario;
use crate::lab::peer::own::program;
use crate::lab::peer::portcullis::{Portcullis, Setting};
use crate::lab::peer::{Guard, Running};
use crate::lab::rounds::{Contender, Load, measure};
use crate::lab::table::{Series, Table};

const ROUTES: [u32; 3] = [1, 100, 10_000];
const CONNECTIONS: [u32; 3] = [1, 1000, 10_000];
/// So many of the sessions are in use; the others lie in the store.
const IN_USE: u32 = 10_000;

/// Three tables in one; ratios are to the smallest size of each.
pub(crate) fn run(bench: &mut Bench<'_>) -> Result<Table> {
    let mut all = routes(bench)?;
    for more in [sessions(bench)?, idle_connections(bench)?] {
        all.rows.extend(more.rows);
        all.absent.extend(more.absent);
        all.series.extend(more.series);
    }
    all.remarks.push(format!(
        "Routes: the last of them is asked, without a token. Sessions: {IN_USE} of them, or all, take turns, \
         each request with a new token; made by `make_sessions`, through the code that a login ends in. \
         Connections: so many are open and idle beside the {} that ask.",
        bench.options.connections
    ));
    Ok(all)
}

fn routes(bench: &mut Bench<'_>) -> Result<Table> {
    let mut gateways = Vec::new();
    for count in ROUTES {
        let setting = Setting { more_routes: count - 1, ..Setting::of(Guard::Open) };
        let up = Portcullis::start_with(&setting, &bench.around)?;
        let path = count.checked_sub(2).map_or("/x".to_owned(), |last| format!("/route{last}/x"));
        let wrk =
            Wrk { connections: bench.options.connections, tls: false, path, cookies: Vec::new() };
        gateways.push((count, up, wrk));
    }
    compare(bench, "routes", &gateways)
}

fn sessions(bench: &mut Bench<'_>) -> Result<Table> {
    let mut gateways = Vec::new();
    let mut states = Vec::new();
    for count in [1, 10_000, bench.options.sessions] {
        bench.progress.step(&format!("scale: making {count} sessions"))?;
        // The disk's time for a million logins is not the question here.
        let made = Folder::in_memory().and_then(|state| make_sessions(state, count));
        let made = made.or_else(|_| make_sessions(Folder::new()?, count));
        let (state, cookies) = made?;
        let path = state.path().to_str().context("a path that is no text")?.to_owned();
        let setting = Setting { state: path, signs_in: false, ..Setting::of(Guard::Session) };
        let mut up = Portcullis::start_with(&setting, &bench.around)?;
        up.credential = format!("Cookie: {}", cookies.first().context("no cookie")?);
        up.check(Guard::Session)?;
        let connections = bench.options.connections;
        let in_use = cookies.len() as f64;
        let wrk = Wrk { connections, tls: false, path: "/x".to_owned(), cookies };
        // A session's first request after a start reads the store; that is over before it counts.
        let mut asked = 0.0;
        while asked < 2.0 * in_use {
            bench.progress.step(&format!("scale: {count} sessions warm up"))?;
            asked += wrk.run(&up, 1)?.operations;
        }
        gateways.push((count, up, wrk));
        states.push(state);
    }
    compare(bench, "sessions", &gateways)
}

/// A state directory with sessions, and the cookies of some of them.
fn make_sessions(state: Folder, count: u32) -> Result<(Folder, Vec<String>)> {
    let made = Command::new(program("make_sessions")?)
        .args(["--count", &count.to_string(), "--show", &count.min(IN_USE).to_string(), "--state"])
        .arg(state.path())
        .output()?;
    if !made.status.success() {
        bail!("no sessions: {}", String::from_utf8_lossy(&made.stderr));
    }
    let text = String::from_utf8(made.stdout)?;
    Ok((state, text.lines().map(str::to_owned).collect()))
}

fn idle_connections(bench: &mut Bench<'_>) -> Result<Table> {
    let (mut gateways, mut open) = (Vec::new(), Vec::new());
    for count in CONNECTIONS {
        bench.progress.step(&format!("scale: opening {count} connections"))?;
        let up = Portcullis::start_with(&Setting::of(Guard::Open), &bench.around)?;
        let idle: Result<Vec<_>> = (0..count).map(|_| connections::plain(up.http)).collect();
        open.push(idle?);
        let connections = bench.options.connections;
        let wrk = Wrk { connections, tls: false, path: "/x".to_owned(), cookies: Vec::new() };
        gateways.push((count, up, wrk));
    }
    compare(bench, "idle connections", &gateways)
}

/// The gateways in turn.
fn compare(bench: &mut Bench<'_>, what: &str, gateways: &[(u32, Running, Wrk)]) -> Result<Table> {
    let contenders: Vec<Contender<'_>> = gateways
        .iter()
        .map(|(count, running, wrk)| {
            let load: Load<'_> = Box::new(|up, seconds| wrk.run(up, seconds));
            Contender { peer: "Portcullis", how: format!("{what}: {count}"), running, load }
        })
        .collect();
    let mut table =
        measure(Scenario::Scale, "request", &contenders, bench.options, &mut bench.progress)?;
    let sizes = gateways.iter().map(|(count, ..)| f64::from(*count));
    let costs = table.rows.iter().filter_map(|row| row.cells.first().copied().flatten());
    let points = sizes.zip(costs).collect();
    table.series.push(Series { of: what.to_owned(), points });
    Ok(table)
}
