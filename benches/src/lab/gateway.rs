//! The gateway and the demo's provider, as programs of their own.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::lab::folder::Folder;
use crate::lab::pause::wait_for;
use crate::lab::process::Server;
use crate::lab::visitor::HOST;

/// What a gateway needs around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) provider: SocketAddr,
    pub(super) backend: SocketAddr,
    pub(super) echo: SocketAddr,
    /// Where the development certificates are.
    pub(super) certs: &'a Path,
}

/// A running gateway.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) server: Server,
    pub(super) http: SocketAddr,
    pub(super) https: SocketAddr,
    _folder: Folder,
}

/// A running provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) address: SocketAddr,
    _server: Server,
}

/// What the gateway shows the provider; both live for one run.
const CLIENT_SECRET: &str = "known-to-the-lab-only-and-long-enough";
const READY_WITHIN: Duration = Duration::from_secs(20);

impl Gateway {
    pub(super) fn start(around: Around<'_>) -> Result<Self> {
        let folder = Folder::new()?;
        folder.write("gateway.toml", &configuration(around))?;
        folder.write("client-secret", CLIENT_SECRET)?;
        let mut command = Command::new(program()?);
        command.args(["run", "--config", "gateway.toml"]).current_dir(folder.path());
        let (server, said) = start(&mut command)?;
        let http = said.address("http")?;
        let https = said.address("https")?;
        Ok(Self { server, http, https, _folder: folder })
    }
}

impl Provider {
    pub(super) fn start() -> Result<Self> {
        let redirect = format!("http://{HOST}/.portcullis/callback/demo");
        let mut command = Command::new(program()?);
        command.args(["demo-provider", "--secret", CLIENT_SECRET, "--redirect-uri", &redirect]);
        let (server, said) = start(&mut command)?;
        Ok(Self { address: said.address("provider")?, _server: server })
    }
}

/// Makes a development certificate in a folder.
pub(super) fn make_certificate(folder: &Path) -> Result<()> {
    let made = Command::new(program()?).args(["certs", "dev", "--out"]).arg(folder).output()?;
    if !made.status.success() {
        bail!("no certificate: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}

/// The gateway beside this program: built in the same way, so never a debug build either.
fn program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("portcullis");
    if !path.exists() {
        bail!("{} is not there; run: make bench", path.display());
    }
    Ok(path)
}

/// What a program printed so far.
struct Said(Arc<Mutex<String>>);

fn start(command: &mut Command) -> Result<(Server, Said)> {
    command.env_remove("RUST_LOG").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = Server::start(command)?;
    let text = Arc::new(Mutex::new(String::new()));
    collect(server.child.stdout.take(), &text);
    collect(server.child.stderr.take(), &text);
    Ok((server, Said(text)))
}

fn collect(from: Option<impl Read + Send + 'static>, into: &Arc<Mutex<String>>) {
    let into = Arc::clone(into);
    let Some(from) = from else { return };
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut text = into.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&line);
            text.push('\n');
        }
    });
}

impl Said {
    /// The address in `{"listening":"http","address":"127.0.0.1:PORT"}`, as soon as it is printed.
    fn address(&self, listener: &str) -> Result<SocketAddr> {
        let found = wait_for(READY_WITHIN, || {
            self.text().lines().find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                (line.get("listening")?.as_str()? == listener).then_some(())?;
                line.get("address")?.as_str()?.parse().ok()
            })
        });
        found.with_context(|| format!("`{listener}` does not listen; printed:\n{}", self.text()))
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn configuration(around: Around<'_>) -> String {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let Around { provider, backend, echo, certs } = around;
    let certs = certs.display();
    format!(
        r#"[server]
public_url = "http://{HOST}"
origins = ["https://{HOST}"]
http = {{ listen = "{any}" }}
https = {{ listen = "{any}", certificates = [{{ chain = "{certs}/dev.pem", key = "{certs}/dev.key" }}] }}
admin = {{ listen = "{any}" }}
state = "state"

[providers.demo]
kind = "oidc"
issuer = "http://{provider}"
client_id = "portcullis"
client_secret = {{ file = "client-secret" }}
insecure_http = true

[upstreams.backend]
servers = ["{backend}"]

[upstreams.echo]
servers = ["{echo}"]

[[routes]]
name = "plain"
host = "{HOST}"
path = "/plain/*"
auth = ["anonymous"]
access = "public"
upstream = "backend"
token = {{ off = true }}

[[routes]]
name = "minted"
host = "{HOST}"
path = "/minted/*"
auth = ["session"]
login = ["demo"]
access = "authenticated"
upstream = "backend"

[[routes]]
name = "ws"
host = "{HOST}"
path = "/ws"
auth = ["session"]
login = ["demo"]
access = "authenticated"
upstream = "echo"

[log]
level = "warn"
access = false
"#
    )
}
