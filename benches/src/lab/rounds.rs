//! Load in rounds: the servers take turns, so that a change of the machine meets all of them.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::lab::machine::process::cpu_of;
use crate::lab::machine::progress::Progress;
use crate::lab::options::{Options, Scenario};
use crate::lab::peer::Running;
use crate::lab::stats::{Spread, percentile};
use crate::lab::table::Table;

/// A server that is ready, and the work that it is given.
pub(crate) struct Contender<'a> {
    pub(crate) peer: &'static str,
    pub(crate) how: String,
    pub(crate) running: &'a Running,
    /// Loads it for some seconds.
    pub(crate) load: Load<'a>,
}

/// Gives work to a server.
pub(crate) type Load<'a> = Box<dyn Fn(&Running, u64) -> Result<Seen> + 'a>;

/// What a client saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Requests, messages, handshakes: what the CPU is divided by.
    pub(crate) operations: f64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
}

impl Seen {
    /// Of the time in microseconds that each operation took.
    pub(crate) fn of(mut times: Vec<f64>, all: Duration) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share| percentile(&times, share);
        Self {
            operations: times.len() as f64,
            seconds: all.as_secs_f64(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    cpu_us: f64,
    seen: Seen,
}

/// Measures the contenders in turn; the first one is what the others are compared with. Who fails is
/// left out of the table and named under it.
pub(crate) fn measure(
    scenario: Scenario,
    unit: &str,
    contenders: &[Contender<'_>],
    options: &Options,
    progress: &mut Progress,
) -> Result<Table> {
    progress.begin(contenders.len() * (options.rounds as usize + 1));
    let mut samples: Vec<Result<Vec<Sample>>> = Vec::new();
    for one in contenders {
        progress.step(&format!("{}: {} warms up", scenario.name(), one.peer))?;
        samples.push((one.load)(one.running, 1).and_then(|seen| {
            (seen.operations > 0.0).then_some(Vec::new()).context("it does nothing")
        }));
    }
    for round in 1..=options.rounds {
        for (one, samples) in contenders.iter().zip(&mut samples) {
            let Ok(good) = samples else { continue };
            progress.step(&format!(
                "{}: {}, round {round} of {}",
                scenario.name(),
                one.peer,
                options.rounds
            ))?;
            match one.sample(options.seconds) {
                Ok(sample) => good.push(sample),
                Err(fault) => *samples = Err(fault),
            }
        }
    }
    tabulate(scenario, unit, contenders, samples)
}

fn tabulate(
    scenario: Scenario,
    unit: &str,
    contenders: &[Contender<'_>],
    samples: Vec<Result<Vec<Sample>>>,
) -> Result<Table> {
    let (cpu, rate) = (format!("CPU µs/{unit}"), format!("{unit}s/s"));
    let columns =
        [(&*cpu, 1), ("ratio", 2), (&*rate, 0), ("p50 ms", 2), ("p99 ms", 2), ("p99.9 ms", 2)];
    let mut table = Table::new(scenario, &columns, 1);
    let mut first: Option<Vec<Sample>> = None;
    for (one, samples) in contenders.iter().zip(samples) {
        let samples = match samples {
            Ok(samples) => samples,
            Err(fault) if first.is_none() => return Err(fault).context(one.peer),
            Err(fault) => {
                table.miss(one.peer, format!("failed under load: {fault:#}"));
                continue;
            }
        };
        let measure = first.get_or_insert_with(|| samples.clone());
        let ratios = samples.iter().zip(measure).map(|(own, first)| own.cpu_us / first.cpu_us);
        let ratios = Spread::of(ratios);
        let spread = |of: fn(&Sample) -> f64| Some(Spread::of(samples.iter().map(of)));
        let cells = vec![
            spread(|sample| sample.cpu_us),
            Some(ratios),
            spread(|sample| sample.seen.operations / sample.seen.seconds),
            spread(|sample| sample.seen.p50_us / 1e3),
            spread(|sample| sample.seen.p99_us / 1e3),
            spread(|sample| sample.seen.p999_us / 1e3),
        ];
        table.add(one.peer, &one.how, cells);
    }
    Ok(table)
}

impl Contender<'_> {
    fn sample(&self, seconds: u64) -> Result<Sample> {
        let before = cpu_of(&self.running.servers)?;
        let seen = (self.load)(self.running, seconds)?;
        let spent = cpu_of(&self.running.servers)?.saturating_sub(before);
        Ok(Sample { cpu_us: spent.as_secs_f64() * 1e6 / seen.operations, seen })
    }
}
