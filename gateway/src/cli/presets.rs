//! `portcullis presets`: the apps that the gateway knows, and what to do on both sides.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use crate::config::{PRESETS, Preset};

/// Lists the presets, or shows one: the keys that it sets on a route, and the app's side.
#[derive(Clone, Debug, Args)]
pub(super) struct PresetsArgs {
    /// The preset to show
    name: Option<String>,
}

/// Prints it. Exit code 2 where there is no such preset.
pub(super) fn run(args: &PresetsArgs) -> ExitCode {
    let Some(name) = &args.name else {
        for preset in PRESETS {
            println!("{:<16} {}", preset.name, preset.about());
        }
        return ExitCode::SUCCESS;
    };
    match Preset::named(name) {
        Some(preset) => {
            println!("{}", shown(&preset));
            ExitCode::SUCCESS
        }
        None => {
            let all: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
            eprintln!("error: there is no preset `{name}`; use one of: {}", all.join(", "));
            ExitCode::from(2)
        }
    }
}

fn shown(preset: &Preset) -> String {
    let mut out = format!("# {}\n\n# The route: preset = \"{}\"", preset.about(), preset.name);
    // Writing to a string cannot fail.
    let _ = write!(out, " is the same as\n{}\n\n# The app:\n{}", preset.route(), preset.app());
    out
}
