//! The program: parses what is asked, does it, says how it went.

use std::process::ExitCode;

use clap::Parser as _;
use portcullis::cli::Options;

/// The library leaves the choice to whoever uses it.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    Options::parse().run()
}
