//! Starts provider, agent and gateway; says where to look; stops all three together.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::app::demo::provider::{DemoClient, DemoProvider, DemoProviderError};
use crate::app::dev_certificate::{self, CertsFault};
use crate::app::{self, RunFault};
use crate::base::{Entropy, Secret, SystemClock, SystemEntropy};
use crate::crypto::keyfile::{self, KeyfileFault};

/// What the demo needs to know.
#[derive(Clone, Debug)]
pub struct DemoSettings {
    /// The port for plain HTTP.
    pub http: u16,
    /// The port for HTTPS.
    pub https: u16,
    /// The port for operators.
    pub admin: u16,
    /// The agent's program.
    pub agent: PathBuf,
    /// Where sessions, keys and the demo's configuration are kept.
    pub directory: PathBuf,
    /// Where the development certificates are, or will be made.
    pub certs: PathBuf,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoFault {
    /// The agent does not start.
    #[error("the agent `{path}` does not start: {cause}; build it with: cargo build")]
    Agent {
        /// Its program.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The certificates cannot be made.
    #[error(transparent)]
    Certificates(#[from] CertsFault),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] KeyfileFault),
    /// The gateway does not start.
    #[error(transparent)]
    Gateway(#[from] RunFault),
    /// The provider does not start.
    #[error(transparent)]
    Provider(#[from] DemoProviderError),
    /// The system refuses something.
    #[error("the demo cannot be set up: {0}")]
    System(#[from] std::io::Error),
}

/// The demo's own client at the demo's own provider.
const CLIENT: &str = "portcullis";

/// Runs the demo until Ctrl-C.
///
/// # Errors
/// What does not start, and why.
pub fn run(settings: &DemoSettings) -> Result<(), DemoFault> {
    keyfile::create_private_dir(&settings.directory)?;
    let hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    dev_certificate::make(&settings.certs, &hosts, &SystemClock)?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let secret = entropy.token::<32>();
    keyfile::write_atomic(&settings.directory.join("client-secret"), secret.as_bytes())?;

    let beside =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let provider = beside.block_on(start_provider(settings, &secret, entropy))?;
    let agent = Agent::start(settings)?;
    let file = settings.directory.join("demo.toml");
    std::fs::write(&file, configuration(settings, provider, agent.address)?)?;
    let shown = settings.clone();
    app::run(&file, move || say_that_it_is_up(&shown))?;
    beside.shutdown_background();
    Ok(())
}

async fn start_provider(
    settings: &DemoSettings,
    secret: &str,
    entropy: Arc<dyn Entropy>,
) -> Result<SocketAddr, DemoProviderError> {
    let origins = [
        format!("http://localhost:{}", settings.http),
        format!("https://localhost:{}", settings.https),
    ];
    let uris = |path: &str| origins.iter().map(|origin| format!("{origin}{path}")).collect();
    let client = DemoClient {
        id: CLIENT.to_owned(),
        secret: Secret::from(secret),
        redirect_uris: uris("/.portcullis/callback/demo"),
        post_logout_redirect_uris: uris("/.portcullis/signed-out"),
    };
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (address, server) =
        DemoProvider::bind(any_port, vec![client], Arc::new(SystemClock), entropy).await?;
    tokio::spawn(server);
    Ok(address)
}

/// The agent, as a program of its own; stopped when the demo is.
struct Agent {
    child: Child,
    address: SocketAddr,
}

impl Agent {
    fn start(settings: &DemoSettings) -> Result<Self, DemoFault> {
        let fault = |cause| DemoFault::Agent { path: settings.agent.clone(), cause };
        let issuer = format!("http://localhost:{}", settings.http);
        let child = Command::new(&settings.agent)
            .args(["--listen", "127.0.0.1:0", "--audience", "agent", "--gateway", &issuer])
            // Held open by this process: the agent ends with it, even if it is killed.
            .arg("--while-stdin-open")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(fault)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut agent = Self { child, address };
        let mut line = String::new();
        if let Some(out) = agent.child.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(fault)?;
        }
        let said = line.split(['"', ' ', '\n', '/']).find_map(|word| word.parse().ok());
        agent.address = said.ok_or_else(|| {
            fault(std::io::Error::other(format!("it said no address but `{}`", line.trim())))
        })?;
        Ok(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have stopped by the same Ctrl-C already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The demo's configuration: what a small deployment looks like, with ports of this run.
fn configuration(
    settings: &DemoSettings,
    provider: SocketAddr,
    agent: SocketAddr,
) -> std::io::Result<String> {
    let certs = std::path::absolute(&settings.certs)?;
    let DemoSettings { http, https, admin, .. } = settings;
    Ok(format!(
        r#"# Written by `portcullis demo`, anew at each start. A real one looks much the same.
[server]
public_url = "http://localhost:{http}"
origins = ["https://localhost:{https}"]
http = {{ listen = "127.0.0.1:{http}" }}
https = {{ listen = "127.0.0.1:{https}", certificates = [{{ chain = {chain}, key = {key} }}] }}
admin = {{ listen = "127.0.0.1:{admin}" }}
state = "state"

[providers.demo]
kind = "oidc"
display_name = "Demo accounts"
issuer = "http://{provider}"
insecure_http = true
client_id = "{CLIENT}"
client_secret = {{ file = "client-secret" }}

[upstreams.agent]
servers = ["{agent}"]

[[routes]]
name = "agent"
host = "localhost"
path = "/*"
auth = ["session"]
access = "authenticated"
upstream = "agent"
token = {{ audience = "agent" }}

[log]
format = "text"
level = "warn,portcullis=info,audit=info"
access = false
"#,
        chain = quoted(&certs.join("dev.pem")),
        key = quoted(&certs.join("dev.key")),
    ))
}

/// A path as a TOML string.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

fn say_that_it_is_up(settings: &DemoSettings) {
    let DemoSettings { http, https, admin, .. } = settings;
    println!(
        "
  Portcullis is up.

    Open      http://localhost:{http}
    Sign in   engineer / engineer   (groups engineering, admin)
              sales / sales         (group sales)

    HTTPS     https://localhost:{https}   (development CA: {ca})
    Metrics   http://127.0.0.1:{admin}/metrics   Health: /readyz
    Settings  {settings}

  Ctrl-C stops everything.
",
        ca = settings.certs.join("dev-ca.pem").display(),
        settings = settings.directory.join("demo.toml").display(),
    );
}
