//! The load lab's program; `make bench` runs it.

use std::process::ExitCode;

use benches::lab::{Options, run};
use clap::Parser as _;

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("error: a debug build says nothing about speed; run: make bench");
        return ExitCode::from(2);
    }
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("\nerror: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
