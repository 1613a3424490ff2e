//! The `agent-backend` program: parse, run, exit code.

use std::process::ExitCode;

use agent_backend::{app, config, observe};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let options = config::Options::parse();
    observe::start(&options.log);
    match app::run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!(%fault, "the agent could not run");
            ExitCode::FAILURE
        }
    }
}
