//! CPU per request: the servers take turns, so that a change of the machine meets all of them.

use anyhow::Result;
use serde::Serialize;

use crate::lab::instructions::{self, Count};
use crate::lab::process::Server;
use crate::lab::progress::Progress;
use crate::lab::stats::Spread;
use crate::lab::wrk::{Ask, Wrk};

/// One server under one kind of work.
pub(super) struct Subject<'a> {
    pub(super) name: &'static str,
    pub(super) server: &'a Server,
    pub(super) ask: Ask,
}

/// What all rounds together say of one subject.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// CPU of all the server's processes for one request.
    pub(super) cpu_us: Spread,
    /// The same, divided by the first subject's of the same round.
    pub(super) ratio: Spread,
    pub(super) requests_per_second: Spread,
    pub(super) p50_us: Spread,
    pub(super) p99_us: Spread,
    /// What the backend spent on one request; in none of the other figures.
    pub(super) backend_cpu_us: Spread,
    /// User-mode instructions for one request, where the machine counts them.
    pub(super) instructions: Option<Spread>,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Sample {
    cpu_us: f64,
    backend_cpu_us: f64,
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    instructions: Option<f64>,
}

/// How the subjects are measured.
pub(super) struct Plan<'a> {
    pub(super) wrk: &'a Wrk,
    pub(super) backend: &'a Server,
    pub(super) rounds: u32,
    pub(super) seconds: u64,
}

impl Plan<'_> {
    /// How many steps of progress [`Self::measure`] makes.
    pub(super) const fn steps(&self, subjects: usize) -> usize {
        subjects * (self.rounds as usize + 1)
    }

    /// Measures the subjects in turn; the first one is what the others are compared with.
    pub(super) fn measure(
        &self,
        subjects: &[Subject<'_>],
        progress: &mut Progress,
    ) -> Result<Vec<Row>> {
        for subject in subjects {
            progress.step(&format!("{}: warming up", subject.name))?;
            self.wrk.run(&subject.ask, 1)?;
        }
        let mut samples: Vec<Vec<Sample>> = subjects.iter().map(|_| Vec::new()).collect();
        for round in 1..=self.rounds {
            for (subject, samples) in subjects.iter().zip(&mut samples) {
                progress.step(&format!("{}: round {round} of {}", subject.name, self.rounds))?;
                samples.push(self.sample(subject)?);
            }
        }
        let first = samples.first().cloned().unwrap_or_default();
        let rows = subjects.iter().zip(&samples);
        Ok(rows.map(|(subject, samples)| Row::of(subject.name, samples, &first)).collect())
    }

    fn sample(&self, subject: &Subject<'_>) -> Result<Sample> {
        let counted = instructions::are_counted() && self.seconds > 1;
        let window = self.seconds.saturating_sub(1);
        let (server, backend) = (subject.server.cpu()?, self.backend.cpu()?);
        let count = counted.then(|| Count::start(subject.server, window)).flatten();
        let seen = self.wrk.run(&subject.ask, self.seconds)?;
        let each = |before, after: std::time::Duration| {
            after.saturating_sub(before).as_secs_f64() * 1e6 / seen.requests
        };
        let cpu_us = each(server, subject.server.cpu()?);
        let rate = seen.requests / seen.seconds;
        let in_window = count.and_then(Count::end);
        Ok(Sample {
            cpu_us,
            backend_cpu_us: each(backend, self.backend.cpu()?),
            requests_per_second: rate,
            p50_us: seen.p50_us,
            p99_us: seen.p99_us,
            instructions: in_window.map(|count| count / (rate * window as f64)),
        })
    }
}

impl Row {
    fn of(name: &'static str, samples: &[Sample], first: &[Sample]) -> Self {
        let spread = |of: fn(&Sample) -> f64| Spread::of(samples.iter().map(of));
        let ratios = samples.iter().zip(first).map(|(own, first)| own.cpu_us / first.cpu_us);
        let counts: Vec<f64> = samples.iter().filter_map(|sample| sample.instructions).collect();
        Self {
            name,
            cpu_us: spread(|sample| sample.cpu_us),
            ratio: Spread::of(ratios),
            requests_per_second: spread(|sample| sample.requests_per_second),
            p50_us: spread(|sample| sample.p50_us),
            p99_us: spread(|sample| sample.p99_us),
            backend_cpu_us: spread(|sample| sample.backend_cpu_us),
            instructions: (!counts.is_empty()).then(|| Spread::of(counts)),
        }
    }
}
