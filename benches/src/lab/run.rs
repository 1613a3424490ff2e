//! One run of the lab, from the first server to the last figure.

use anyhow::{Context as _, Result};

use crate::lab::baseline;
use crate::lab::bench::Bench;
use crate::lab::machine::stop;
use crate::lab::options::{Options, Scenario};
use crate::lab::report::{Report, readme};
use crate::lab::scenario::{instructions, load, login, memory, scale, start};
use crate::lab::table::{Made, Table};

/// Does what the options ask for: measures, prints and writes down; or refreshes the manual; or looks
/// whether requests cost more instructions than they did.
///
/// # Errors
/// What could not be started, or what did not answer as it should.
pub fn run(options: &Options) -> Result<()> {
    if let Some(page) = &options.readme {
        return readme::refresh(page, &Report::read(&options.results)?);
    }
    stop::listen()?;
    let mut bench = Bench::new(options)?;
    if options.check {
        return baseline::check(&mut bench);
    }
    let mut report = Report::begin(&bench);
    for scenario in options.scenarios() {
        bench.progress.next();
        let mut table = measure(&mut bench, scenario)
            .with_context(|| format!("scenario {}", scenario.name()))?;
        table.made = Made {
            profile: profile(),
            rounds: options.rounds,
            seconds: options.seconds,
            connections: options.connections,
        };
        report.add(table)?;
    }
    bench.progress.end();
    report.print();
    Ok(())
}

fn measure(bench: &mut Bench<'_>, scenario: Scenario) -> Result<Table> {
    match scenario {
        Scenario::Instructions => instructions::run(bench),
        Scenario::Login => login::run(bench),
        Scenario::Start => start::run(bench),
        Scenario::Scale => scale::run(bench),
        Scenario::Memory => memory::run(bench),
        _ => load::run(bench, scenario),
    }
}

/// The build profile, which is also the name of the folder that cargo puts the program into.
fn profile() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().and_then(std::path::Path::file_name).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}
