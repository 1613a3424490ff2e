//! The gateway and the demo's provider, as programs of their own.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::lab::bearers::{AUDIENCE, Bearers, ISSUER};
use crate::lab::client::visitor::Visitor;
use crate::lab::goals::OURS;
use crate::lab::machine::folder::Folder;
use crate::lab::machine::port::{self, free};
use crate::lab::machine::process::Server;
use crate::lab::peer::own::program;
use crate::lab::peer::{Feature, Guard, Peer, Running, running};
use crate::lab::surroundings::{HOST, Surroundings};

/// The gateway.
#[derive(Debug)]
pub(crate) struct Portcullis;

/// A running provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    _server: Server,
}

/// What differs between gateways of the lab.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) guard: Guard,
    /// Routes beside the ones that are asked.
    pub(crate) more_routes: u32,
    /// Where sessions and keys are.
    pub(crate) state: String,
    /// Whether somebody signs in, where the guard wants sessions; otherwise they are in the state.
    pub(crate) signs_in: bool,
}

/// What the gateway shows the provider; both live for one run.
const CLIENT_SECRET: &str = "known-to-the-lab-only-and-long-enough";
const NAME: &str = "portcullis";

impl Peer for Portcullis {
    fn name(&self) -> &'static str {
        OURS
    }

    fn version(&self) -> Result<String> {
        let said = Command::new(program(NAME)?).arg("--version").output()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok(said.split_whitespace().last().unwrap_or_default().to_owned())
    }

    fn guards(&self, guard: Guard) -> Option<&'static str> {
        // What a build lacks it says itself, see `check`.
        Some(match guard {
            Guard::Open => "",
            Guard::Session => "session and new token",
            Guard::SharedSession => "session and token of 30 s",
            Guard::BearerEs256 | Guard::BearerRs256 => "bearer",
        })
    }

    fn has(&self, _: Feature) -> bool {
        true
    }

    fn guards_itself(&self) -> bool {
        true
    }

    fn start(&self, guard: Guard, around: &Surroundings) -> Result<Running> {
        Self::start_with(&Setting::of(guard), around)
    }
}

impl Setting {
    /// As few routes as can be, and a fresh state.
    pub(crate) fn of(guard: Guard) -> Self {
        Self { guard, more_routes: 0, state: "state".to_owned(), signs_in: true }
    }
}

impl Portcullis {
    /// Starts a gateway, and signs somebody in where the guard wants that.
    pub(crate) fn start_with(setting: &Setting, around: &Surroundings) -> Result<Running> {
        let folder = Folder::new()?;
        let addresses = (free()?, free()?);
        let bearer = Bearers::for_guard(setting.guard)?;
        if let Some(bearer) = &bearer {
            folder.write("jwks.json", &bearer.jwks)?;
        }
        folder.write("gateway.toml", &configuration(setting, addresses, around))?;
        folder.write("client-secret", CLIENT_SECRET)?;
        check(folder.path())?;
        let mut command = Command::new(program(NAME)?);
        command.args(["run", "--config", "gateway.toml"]).env_remove("RUST_LOG");
        let up = running(around.callgrind, command, folder, addresses)?;
        Ok(match (setting.guard, bearer) {
            (Guard::Session | Guard::SharedSession, _) if setting.signs_in => {
                let cookie = Visitor::of(up.http).sign_in("/x").context("nobody can sign in")?;
                up.by(format!("Cookie: {cookie}"))
            }
            (_, Some(bearer)) => up.by(bearer.credential()),
            (_, None) => up,
        })
    }
}

impl Provider {
    pub(crate) fn start() -> Result<Self> {
        let folder = Folder::new()?;
        let log = folder.path().join("output.log");
        let redirect = format!("http://{HOST}/.portcullis/callback/demo");
        let mut command = Command::new(program(NAME)?);
        command.args(["demo-provider", "--secret", CLIENT_SECRET, "--redirect-uri", &redirect]);
        command.stdout(std::fs::File::create(&log)?).stderr(Stdio::null());
        let mut server = Server::start(&mut command)?;
        let address = crate::lab::machine::time::wait_for(Duration::from_secs(20), || {
            let said = std::fs::read_to_string(&log).ok()?;
            said.lines().find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                line.get("address")?.as_str()?.parse().ok()
            })
        });
        let address = address.context("the demo's provider does not start")?;
        port::wait_until_open(address, &mut server)?;
        Ok(Self { address, _server: server })
    }
}

/// Makes a development certificate in a folder.
pub(crate) fn make_certificate(folder: &Path) -> Result<()> {
    let made = Command::new(program(NAME)?).args(["certs", "dev", "--out"]).arg(folder).output()?;
    if !made.status.success() {
        bail!("no certificate: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}

/// Whether this build knows all that the configuration asks for.
fn check(folder: &Path) -> Result<()> {
    let mut command = Command::new(program(NAME)?);
    command.args(["check", "gateway.toml"]).current_dir(folder);
    let said = command.env_remove("RUST_LOG").output()?;
    if !said.status.success() {
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        bail!("not built yet: {}", text.lines().next().unwrap_or_default());
    }
    Ok(())
}

fn configuration(
    setting: &Setting,
    (http, https): (SocketAddr, SocketAddr),
    around: &Surroundings,
) -> String {
    let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (certs, state) = (around.certs.path().display(), &setting.state);
    let (provider, backend, live) =
        (around.provider.address, around.backend(), around.live.address);
    // callgrind runs one thread at a time; several only make the count depend on which one woke up.
    let threads = if around.callgrind { "threads = 1\n" } else { "" };
    let mut text = format!(
        r#"[server]
public_url = "http://{HOST}"
origins = ["https://{HOST}"]
http = {{ listen = "{http}" }}
https = {{ listen = "{https}", certificates = [{{ chain = "{certs}/dev.pem", key = "{certs}/dev.key" }}] }}
admin = {{ listen = "{admin}" }}
state = "{state}"
{threads}limits = {{ connections = 16000, requests_per_connection = 1000000000 }}

[providers.demo]
kind = "oidc"
issuer = "http://{provider}"
client_id = "portcullis"
client_secret = {{ file = "client-secret" }}
insecure_http = true

[upstreams.app]
servers = ["{backend}"]

[upstreams.live]
servers = ["{live}"]

[log]
level = "warn"
access = false
"#
    );
    if matches!(setting.guard, Guard::BearerEs256 | Guard::BearerRs256) {
        let remembered = if setting.guard == Guard::BearerEs256 { 10_000 } else { 0 };
        let _ = write!(
            text,
            "\n[issuers.lab]\nissuer = \"{ISSUER}\"\naudiences = [\"{AUDIENCE}\"]\njwks_file = \"jwks.json\"\nverified_cache = {remembered}\n"
        );
    }
    let lets_in = match setting.guard {
        Guard::Open => "auth = [\"anonymous\"]\naccess = \"public\"\ntoken = { off = true }\n",
        Guard::Session => "auth = [\"session\"]\nlogin = [\"demo\"]\naccess = \"authenticated\"\n",
        Guard::SharedSession => {
            "auth = [\"session\"]\nlogin = [\"demo\"]\naccess = \"authenticated\"\ntoken = { reuse = \"30s\" }\n"
        }
        Guard::BearerEs256 | Guard::BearerRs256 => {
            "auth = [\"bearer\"]\naccess = \"authenticated\"\ntoken = { off = true }\n"
        }
    };
    let paths = [("/*", "app"), ("/events", "live"), ("/ws", "live")];
    for (path, upstream) in paths {
        let _ =
            write!(text, "\n[[routes]]\npath = \"{path}\"\nupstream = \"{upstream}\"\n{lets_in}");
    }
    for number in 0..setting.more_routes {
        let _ = write!(
            text,
            "\n[[routes]]\npath = \"/route{number}/*\"\nupstream = \"app\"\n{lets_in}"
        );
    }
    text
}
