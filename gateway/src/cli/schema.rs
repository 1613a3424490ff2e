//! `portcullis schema`: describes the configuration file to editors and to people.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::{json_schema, reference_page};

/// Prints the JSON Schema of the configuration file.
#[derive(Clone, Debug, Args)]
pub(super) struct Schema {
    /// Prints the reference page (Markdown) instead.
    #[arg(long)]
    pub reference: bool,
    /// Writes `config.schema.json` and `configuration.md` into this directory instead.
    #[arg(long, value_name = "DIR", conflicts_with = "reference")]
    pub write: Option<PathBuf>,
}

/// Prints or writes what was asked for; exit code 1 if that fails.
pub(super) fn run(args: &Schema) -> ExitCode {
    let schema = format!("{:#}\n", json_schema());
    let done = match &args.write {
        Some(directory) => std::fs::write(directory.join("config.schema.json"), schema)
            .and_then(|()| std::fs::write(directory.join("configuration.md"), reference_page())),
        None if args.reference => std::io::stdout().write_all(reference_page().as_bytes()),
        None => std::io::stdout().write_all(schema.as_bytes()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write the description of the configuration: {error}");
            ExitCode::FAILURE
        }
    }
}
