//! `portcullis verify-upstream`: asks an app with tokens that it must refuse.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::probe::{ProbeFault, probe};

/// Sends an app nothing, bad tokens of every kind, and a good one, and says what it wrongly accepts or
/// refuses. The good token is a real one: name an address of your own app only.
#[derive(Clone, Debug, Args)]
pub(super) struct VerifyUpstreamArgs {
    /// An address of the app that answers 200 to somebody who is signed in, past the gateway:
    /// <http://127.0.0.1:8000/api>
    #[arg(value_name = "URL")]
    url: String,
    /// The gateway's configuration file
    #[arg(long, short, default_value = "portcullis.toml", env = "PORTCULLIS_CONFIG")]
    config: PathBuf,
    /// The route whose tokens the app is sent; can be left out where there is one
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Prints the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Asks. Exit code 0 where the app does all it should, 1 where it does not, 2 where it could not be
/// asked.
pub(super) fn run(args: &VerifyUpstreamArgs) -> ExitCode {
    // TLS to the app needs one; a second call changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let asked = runtime.map_err(|fault| ProbeFault::Setup(fault.to_string())).and_then(|runtime| {
        runtime.block_on(probe(&args.config, args.route.as_deref(), &args.url))
    });
    let report = match asked {
        Ok(report) => report,
        Err(fault) => {
            eprintln!("error: {fault}");
            return ExitCode::from(2);
        }
    };
    if args.json {
        let right = report.is_right();
        let document = json!({ "right": right, "report": report });
        println!("{document:#}");
    } else {
        println!("{report}");
    }
    if report.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
