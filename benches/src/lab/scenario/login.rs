//! Whole logins with OpenID Connect, from the first request to the page behind it.

use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::lab::bench::Bench;
use crate::lab::client::visitor::Visitor;
use crate::lab::machine::time::now;
use crate::lab::options::Scenario;
use crate::lab::peer::portcullis::Portcullis;
use crate::lab::peer::{Guard, Peer as _, Running};
use crate::lab::rounds::{Contender, Load, Seen, measure};
use crate::lab::table::Table;

/// People who sign in at once.
const AT_ONCE: u32 = 8;

/// Measures the gateway alone: the others sign nobody in.
pub(crate) fn run(bench: &mut Bench<'_>) -> Result<Table> {
    let running = Portcullis.start(Guard::Session, &bench.around)?;
    let load: Load<'_> = Box::new(sign_in);
    let contender =
        Contender { peer: Portcullis.name(), how: String::new(), running: &running, load };
    let mut table =
        measure(Scenario::Login, "login", &[contender], bench.options, &mut bench.progress)?;
    // There is nobody to be compared with.
    table.columns.remove(1);
    for row in &mut table.rows {
        row.cells.remove(1);
    }
    table.main = 0;
    table.remarks.push(format!(
        "{AT_ONCE} people at once, each with a browser of their own; a login is durable before it is answered. \
         The provider's CPU is not in the figure."
    ));
    Ok(table)
}

fn sign_in(up: &Running, seconds: u64) -> Result<Seen> {
    let (began, limit) = (now(), Duration::from_secs(seconds));
    let all: Result<Vec<Vec<f64>>> = thread::scope(|scope| {
        let work = || {
            let mut times = Vec::new();
            while began.elapsed() < limit {
                let started = now();
                Visitor::of(up.http).sign_in("/x")?;
                times.push(started.elapsed().as_secs_f64() * 1e6);
            }
            Ok(times)
        };
        let people: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        people.into_iter().map(|one| one.join().unwrap_or_else(|_| bail!("a panic"))).collect()
    });
    Ok(Seen::of(all?.concat(), began.elapsed()))
}
