//! The program: parses what is asked, does it, says how it went.

use std::process::ExitCode;

use clap::Parser as _;
use portcullis::cli::Options;

fn main() -> ExitCode {
    Options::parse().run()
}
