//! `portcullis run`: runs the gateway.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::app::{self, BuildFault, RunFault};

/// Runs the gateway until SIGTERM; SIGHUP, or a change of the file, reloads it.
#[derive(Clone, Debug, Args)]
pub(super) struct RunArgs {
    /// The configuration file.
    #[arg(long, short, default_value = "portcullis.toml", env = "PORTCULLIS_CONFIG")]
    pub config: PathBuf,
}

/// Runs it.
pub(super) fn run(args: &RunArgs) -> ExitCode {
    match app::run(&args.config, || {}) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            match fault {
                RunFault::Config(_) | RunFault::Build(BuildFault::Config(_)) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
