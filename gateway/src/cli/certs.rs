//! `portcullis certs dev`: a certificate authority and a certificate for development.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::app::dev_certificate;
use crate::base::SystemClock;

/// Makes certificates for development.
#[derive(Clone, Debug, Args)]
pub(super) struct CertsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Makes a development CA (kept if it is there) and a certificate for this machine
    Dev(Dev),
}

#[derive(Clone, Debug, Args)]
struct Dev {
    /// The directory to write to
    #[arg(long, default_value = "certs")]
    out: PathBuf,
    /// A host name or address the certificate is for; may be given several times
    #[arg(long = "host", default_values_t = ["localhost", "127.0.0.1", "::1"].map(str::to_owned))]
    hosts: Vec<String>,
}

pub(super) fn run(args: &CertsArgs) -> ExitCode {
    let Action::Dev(dev) = &args.action;
    match dev_certificate::make(&dev.out, &dev.hosts, &SystemClock) {
        Ok(()) => {
            let out = dev.out.display();
            println!(
                "{out}/dev-ca.pem   the development CA: import it where a browser should trust it"
            );
            println!("{out}/dev.pem      the certificate, for {}", dev.hosts.join(", "));
            println!("{out}/dev.key      its private key");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}
