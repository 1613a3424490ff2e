//! `portcullis check`: says everything that is wrong with a configuration file.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::app::{BuildFault, dry_build, logout_places, look_at_store};
use crate::config::{Config, Faults};

/// Checks a configuration file and names every fault in it, with line and remedy.
#[derive(Clone, Debug, Args)]
pub(super) struct Check {
    /// The configuration file.
    #[arg(default_value = "portcullis.toml")]
    pub file: PathBuf,
    /// Also prints the checked configuration as JSON; secrets appear by where they are kept.
    #[arg(long)]
    pub show: bool,
}

/// Runs the check. Faults go to standard error; exit code 2 if there are any.
pub(super) fn run(args: &Check) -> ExitCode {
    let loaded = match Config::load(&args.file) {
        Ok(loaded) => loaded,
        Err(faults) => return refuse(args, &faults),
    };
    match dry_build(&loaded) {
        Ok(()) => {}
        Err(BuildFault::Config(faults)) => return refuse(args, &faults),
        Err(fault) => {
            eprintln!("error: {fault}");
            return ExitCode::from(2);
        }
    }
    if !loaded.warnings.is_empty() {
        eprintln!("{}", loaded.render_warnings());
    }
    // A server that cannot be reached from here may well be reached from where the gateway runs.
    for said in look_at_store(&loaded.config) {
        match said {
            Ok(line) => eprintln!("session store: {line}"),
            Err(fault) => eprintln!("warning: session store: {fault}"),
        }
    }
    for line in logout_places(&loaded.config) {
        eprintln!("{line}");
    }
    let report = if args.show {
        format!("{:#}\n", loaded.config.redacted())
    } else {
        format!("{}: no faults\n", args.file.display())
    };
    match std::io::stdout().write_all(report.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn refuse(args: &Check, faults: &Faults) -> ExitCode {
    let noun = if faults.len() == 1 { "fault" } else { "faults" };
    eprintln!("{faults}\n{}: {} {noun}", args.file.display(), faults.len());
    ExitCode::from(2)
}
