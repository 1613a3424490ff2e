//! User-mode instructions of one request, counted by callgrind: steadier than any time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::lab::bench::Bench;
use crate::lab::client::visitor::read_head;
use crate::lab::machine::time::wait_for;
use crate::lab::options::Scenario;
use crate::lab::peer::{Guard, Peer, Running};
use crate::lab::stats::Spread;
use crate::lab::surroundings::{BODY, HOST};
use crate::lab::table::Table;

/// What is counted.
pub(crate) const WORK: [(Guard, &str); 2] =
    [(Guard::Open, "plain"), (Guard::Session, "session + EdDSA")];
/// Requests before the first count: caches are warm, buffers have their size.
const FIRST: u32 = 300;
/// Requests of one count, and counts.
const EACH: u32 = 1000;
const COUNTS: u32 = 3;

/// Counts for those who serve from one process; a helper process would go uncounted.
pub(crate) fn run(bench: &mut Bench<'_>) -> Result<Table> {
    let columns = WORK.map(|(_, name)| (name, 0));
    let mut table = Table::new(Scenario::Instructions, &columns, 0);
    table.remarks.push(format!(
        "callgrind, {COUNTS} counts of {EACH} requests on one connection each; the kernel's work is not in them."
    ));
    let peers = std::mem::take(&mut bench.peers);
    bench.progress.begin(2 * peers.len());
    for (peer, version) in peers.iter().filter(|(peer, _)| peer.one_process()) {
        let counted = match version {
            Ok(_) => WORK
                .iter()
                .map(|(guard, name)| {
                    bench.progress.step(&format!("instructions: {}, {name}", peer.name()))?;
                    let can = peer.guards(*guard).is_some() && peer.guards_itself();
                    (can || *guard == Guard::Open)
                        .then(|| count(bench, &**peer, *guard))
                        .transpose()
                })
                .collect(),
            Err(why) => Err(anyhow::anyhow!("not here: {why:#}")),
        };
        match counted {
            Ok(cells) => table.add(peer.name(), "", cells),
            Err(why) => table.miss(peer.name(), format!("{why:#}")),
        }
    }
    bench.peers = peers;
    Ok(table)
}

/// Instructions of one request, of some counts.
pub(crate) fn count(bench: &mut Bench<'_>, peer: &dyn Peer, guard: Guard) -> Result<Spread> {
    bench.around.callgrind = true;
    let running = peer.start(guard, &bench.around);
    bench.around.callgrind = false;
    let running = running?;
    running.check(guard)?;
    let mut client = Client::new(&running)?;
    client.ask(FIRST)?;
    control(&running, &["--instr=on"])?;
    // What the first instrumented requests run through is translated anew, at no instruction's cost.
    client.ask(FIRST)?;
    let mut counts = Vec::new();
    for number in 1..=COUNTS {
        control(&running, &["--zero"])?;
        client.ask(EACH)?;
        control(&running, &["--dump"])?;
        counts.push(total(&running, number)? / f64::from(EACH));
    }
    Ok(Spread::of(counts))
}

/// The arguments that valgrind needs before the program's.
pub(crate) const VALGRIND: [&str; 4] = [
    "--tool=callgrind",
    "--instr-atstart=no",
    "--callgrind-out-file=callgrind",
    "--fair-sched=yes",
];

fn control(running: &Running, what: &[&str]) -> Result<()> {
    let server = running.servers.first().context("no server")?;
    let said =
        Command::new("callgrind_control").args(what).arg(server.child.id().to_string()).output();
    let said =
        said.context("callgrind_control does not start; install it: apt install valgrind")?;
    let text = String::from_utf8_lossy(&said.stdout);
    if !text.contains("OK.") {
        bail!("callgrind_control {what:?} says: {text}");
    }
    Ok(())
}

/// The `totals:` of a dump.
fn total(running: &Running, number: u32) -> Result<f64> {
    let path = running.folder.path().join(format!("callgrind.{number}"));
    let found = wait_for(Duration::from_secs(10), || {
        let text = std::fs::read_to_string(&path).ok()?;
        text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
    });
    found.with_context(|| format!("no totals in {}", path.display()))
}

struct Client {
    stream: TcpStream,
    request: String,
}

impl Client {
    fn new(running: &Running) -> Result<Self> {
        let stream = TcpStream::connect(running.http)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let credential = &running.credential;
        let end = if credential.is_empty() { "" } else { "\r\n" };
        let request = format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n{credential}{end}\r\n");
        Ok(Self { stream, request })
    }

    fn ask(&mut self, count: u32) -> Result<()> {
        for _ in 0..count {
            self.stream.write_all(self.request.as_bytes())?;
            let head = read_head(&mut self.stream)?;
            if !head.starts_with("HTTP/1.1 200") {
                bail!("not 200 but {head}");
            }
            self.stream.read_exact(&mut [0; BODY])?;
        }
        Ok(())
    }
}
