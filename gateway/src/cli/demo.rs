//! `portcullis demo`: everything on one command, to look at.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::app::demo::provider::{DemoClient, DemoProvider};
use crate::app::demo::{self, DemoSettings};
use crate::base::{Secret, SystemClock, SystemEntropy};

/// Runs provider, gateway and agent on this machine.
#[derive(Clone, Debug, Args)]
pub(super) struct DemoArgs {
    /// The port for plain HTTP
    #[arg(long, env = "DEMO_HTTP_PORT", default_value_t = 8080)]
    http_port: u16,
    /// The port for HTTPS
    #[arg(long, env = "DEMO_HTTPS_PORT", default_value_t = 8443)]
    https_port: u16,
    /// The port for operators
    #[arg(long, env = "DEMO_ADMIN_PORT", default_value_t = 9090)]
    admin_port: u16,
    /// The agent's program; by default the one beside this program
    #[arg(long)]
    agent: Option<PathBuf>,
    /// Where the demo keeps its sessions, keys and configuration
    #[arg(long, default_value = "run")]
    directory: PathBuf,
    /// Where the development certificates are, or will be made
    #[arg(long, default_value = "certs")]
    certs: PathBuf,
}

/// Runs the demo's provider alone.
#[derive(Clone, Debug, Args)]
pub(super) struct ProviderArgs {
    /// Where to listen; loopback only
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The client's id
    #[arg(long, default_value = "portcullis")]
    client: String,
    /// The client's secret
    #[arg(long)]
    secret: String,
    /// Where the provider may send people back to after signing in; may be given several times
    #[arg(long)]
    redirect_uri: Vec<String>,
    /// Where the provider may send people back to after signing out; may be given several times
    #[arg(long)]
    post_logout_redirect_uri: Vec<String>,
}

pub(super) fn run(args: &DemoArgs) -> ExitCode {
    let beside = || {
        let own = std::env::current_exe().unwrap_or_default();
        own.with_file_name("agent-backend")
    };
    let settings = DemoSettings {
        http: args.http_port,
        https: args.https_port,
        admin: args.admin_port,
        agent: args.agent.clone().unwrap_or_else(beside),
        directory: args.directory.clone(),
        certs: args.certs.clone(),
    };
    finish(demo::run(&settings))
}

pub(super) fn run_provider(args: &ProviderArgs) -> ExitCode {
    let client = DemoClient {
        id: args.client.clone(),
        secret: Secret::from(args.secret.as_str()),
        redirect_uris: args.redirect_uri.clone(),
        post_logout_redirect_uris: args.post_logout_redirect_uri.clone(),
    };
    let serve = async {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let bound = DemoProvider::bind(args.listen, vec![client], clock, entropy).await;
        let (address, server) = bound.map_err(|fault| fault.to_string())?;
        println!(r#"{{"listening":"provider","address":"{address}"}}"#);
        server.await.map_err(|fault| fault.to_string())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    finish(runtime.map_err(|fault| fault.to_string()).and_then(|runtime| runtime.block_on(serve)))
}

fn finish<E: std::fmt::Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}
