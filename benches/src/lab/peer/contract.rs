//! What the lab asks of a server that it compares.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::lab::client::visitor::{Answer, get};
use crate::lab::machine::folder::Folder;
use crate::lab::machine::port;
use crate::lab::machine::process::Server;
use crate::lab::options::Scenario;
use crate::lab::peer::{apache, caddy, envoy, haproxy, nginx, own, portcullis};
use crate::lab::scenario::instructions::VALGRIND;
use crate::lab::surroundings::{BODY, Surroundings};

/// A program between client and backend.
///
/// Under each guard it serves `/x` (1 KiB of the backend), `/token` (shows the token that the backend
/// was sent), `/events` and `/ws`, over HTTP and, unless it lacks TLS, over HTTPS.
pub(crate) trait Peer {
    /// Its name in all tables.
    fn name(&self) -> &'static str;

    /// Its version.
    ///
    /// # Errors
    /// Why it is not here.
    fn version(&self) -> Result<String>;

    /// How it guards requests, in few words, empty for [`Guard::Open`]; none if it cannot.
    fn guards(&self, guard: Guard) -> Option<&'static str>;

    /// Whether it can do this.
    fn has(&self, feature: Feature) -> bool;

    /// Whether all its work is done in the process that is started.
    fn one_process(&self) -> bool {
        true
    }

    /// Whether it needs nobody else to look at sessions.
    fn guards_itself(&self) -> bool {
        false
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it does not start, or does not want this configuration.
    fn start(&self, guard: Guard, around: &Surroundings) -> Result<Running>;
}

/// Who is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Everybody.
    Open,
    /// People with a session; the backend gets a new token with each request.
    Session,
    /// The same, one token for 30 s.
    SharedSession,
    /// Whoever has a bearer token; what was verified may be remembered.
    BearerEs256,
    /// Whoever has a bearer token; each is verified.
    BearerRs256,
}

/// What not every server can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    Tls,
    Http2,
    Streams,
}

/// A server that is up.
#[derive(Debug)]
pub(crate) struct Running {
    /// The server, and what works for it alone, such as an authentication service.
    pub(crate) servers: Vec<Server>,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    /// The header field that lets a client in, without its line end; empty for none.
    pub(crate) credential: String,
    /// Its files.
    pub(crate) folder: Folder,
}

/// All servers; the first one is what the others are compared with.
pub(crate) fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(nginx::Nginx),
        Box::new(haproxy::HaProxy),
        Box::new(envoy::Envoy),
        Box::new(caddy::Caddy),
        Box::new(apache::Apache),
        Box::new(own::Own::PINGORA),
        Box::new(own::Own::FLOOR),
        Box::new(portcullis::Portcullis),
    ]
}

impl Scenario {
    /// Who is let through while it is measured.
    pub(crate) const fn guard(self) -> Guard {
        match self {
            Self::Minted => Guard::Session,
            Self::Shared => Guard::SharedSession,
            Self::BearerEs256 => Guard::BearerEs256,
            Self::BearerRs256 => Guard::BearerRs256,
            _ => Guard::Open,
        }
    }
}

/// Starts a program in a folder with its configuration, under callgrind or not, and waits until it
/// listens.
pub(crate) fn running(
    callgrind: bool,
    command: Command,
    folder: Folder,
    (http, https): (SocketAddr, SocketAddr),
) -> Result<Running> {
    let mut command = if callgrind { under_callgrind(&command) } else { command };
    let log = std::fs::File::create(folder.path().join("output.log"))?;
    command.current_dir(folder.path()).stdout(log.try_clone()?).stderr(log).stdin(Stdio::null());
    let mut server = Server::start(&mut command)?;
    if port::wait_until_open(http, &mut server).is_err() {
        let said = std::fs::read_to_string(folder.path().join("output.log")).unwrap_or_default();
        let said: Vec<&str> = said.split_whitespace().collect();
        bail!("it does not listen; it said: {}", said.join(" "));
    }
    Ok(Running { servers: vec![server], http, https, credential: String::new(), folder })
}

fn under_callgrind(command: &Command) -> Command {
    let mut wrapped = Command::new("valgrind");
    wrapped.args(VALGRIND).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

impl Running {
    /// Adds a server that works for this one.
    pub(crate) fn with(mut self, helper: Server) -> Self {
        self.servers.push(helper);
        self
    }

    /// Lets clients in by this header field.
    pub(crate) fn by(mut self, credential: String) -> Self {
        self.credential = credential;
        self
    }

    /// Looks that it does the work it is measured for: a fast refusal must not pass for speed.
    ///
    /// # Errors
    /// What it does instead.
    pub(crate) fn check(&self, guard: Guard) -> Result<()> {
        let answer = self.get("/x", &self.credential)?;
        if answer.status != 200 || answer.body.len() != BODY {
            bail!("/x gives {} with {} bytes", answer.status, answer.body.len());
        }
        if guard == Guard::Open {
            return Ok(());
        }
        if self.get("/x", "")?.status == 200 {
            bail!("/x is open to everybody");
        }
        // One cookie of several is the one that counts, so each is forged.
        let forge = |pair: &str| pair.strip_suffix(|_: char| true).unwrap_or_default().to_owned();
        let forged: Vec<String> = self.credential.split("; ").map(forge).collect();
        if self.get("/x", &forged.join("; "))?.status == 200 {
            bail!("/x is open with a forged credential");
        }
        if matches!(guard, Guard::Session | Guard::SharedSession) {
            let token = || -> Result<String> { Ok(self.get("/token", &self.credential)?.body) };
            let (one, other) = (token()?, token()?);
            if one.split('.').count() != 3 || (one == other) != (guard == Guard::SharedSession) {
                bail!("the backend gets these tokens of two requests: {one} {other}");
            }
        }
        Ok(())
    }

    fn get(&self, path: &str, credential: &str) -> Result<Answer> {
        get(self.http, path, credential).with_context(|| format!("no answer to {path}"))
    }
}
