//! What can be asked of the program.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::base::{SystemClock, SystemEntropy};
use crate::cli::{
    certs, check, demo, keys, presets, run, schema, sign_url, users, verify_upstream,
};

/// The identity edge for AI apps and agents: sign-in, sessions and a freshly minted identity token
/// in front of any web app.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, propagate_version = true)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes certificates for development
    Certs(certs::CertsArgs),
    /// Checks a configuration file and names every fault in it
    Check(check::Check),
    /// Runs a demo: a provider with two accounts, the gateway, and an agent behind it
    Demo(demo::DemoArgs),
    /// Runs the demo's provider alone, for tests
    #[command(hide = true)]
    DemoProvider(demo::ProviderArgs),
    /// Makes, lists and rotates the keys that sign identity tokens
    Keys(keys::KeysArgs),
    /// Lists the presets for apps, or shows one
    Presets(presets::PresetsArgs),
    /// Runs the gateway
    Run(run::RunArgs),
    /// Prints the JSON Schema of the configuration file
    Schema(schema::Schema),
    /// Makes a link that signs its bearer in
    SignUrl(sign_url::SignUrlArgs),
    /// Adds, switches off and lists the people of a users file
    Users(users::UsersArgs),
    /// Asks an app with tokens that it must refuse
    VerifyUpstream(verify_upstream::VerifyUpstreamArgs),
}

impl Options {
    /// Does what was asked. Exit code 2 for a fault in the configuration or on the command line,
    /// 1 for a failure while running.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Certs(args) => certs::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::DemoProvider(args) => demo::run_provider(&args),
            Command::Keys(args) => told(args.run(&SystemClock)),
            Command::Presets(args) => presets::run(&args),
            Command::Run(args) => run::run(&args),
            Command::Schema(args) => schema::run(&args),
            Command::SignUrl(args) => told(args.run(&SystemClock, &SystemEntropy)),
            Command::Users(args) => told(args.run(&SystemEntropy)),
            Command::VerifyUpstream(args) => verify_upstream::run(&args),
        }
    }
}

/// Prints what a command made, or why it did not.
fn told(made: Result<String, impl std::fmt::Display>) -> ExitCode {
    match made {
        Ok(text) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}
