//! Programs of this package: what pingora costs by itself, the least a proxy can cost, and the
//! service that others ask about sessions.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::lab::machine::folder::Folder;
use crate::lab::machine::port::{self, free};
use crate::lab::machine::process::Server;
use crate::lab::peer::{Feature, Guard, Peer, Running, running};
use crate::lab::surroundings::Surroundings;

/// One of this package's proxies.
#[derive(Debug)]
pub(crate) struct Own {
    name: &'static str,
    program: &'static str,
}

/// The value of the cookie that the comparison programs let in.
const SESSION: &str = "Vb3Jw1xk2o0m9pTqzYd5Gw";

impl Own {
    /// pingora's `HttpProxy`, with an `upstream_peer` and nothing else.
    pub(crate) const PINGORA: Self = Self { name: "bare pingora", program: "bare_pingora" };
    /// Reads heads, forwards bytes: the least that a proxy on tokio can do.
    pub(crate) const FLOOR: Self = Self { name: "tokio floor", program: "tokio_floor" };
}

impl Peer for Own {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> Result<String> {
        program(self.program)?;
        Ok(env!("CARGO_PKG_VERSION").to_owned())
    }

    fn guards(&self, guard: Guard) -> Option<&'static str> {
        match guard {
            Guard::Open => Some(""),
            Guard::Session => Some("session and token in process"),
            _ => None,
        }
    }

    fn has(&self, _: Feature) -> bool {
        self.program == Self::PINGORA.program
    }

    fn guards_itself(&self) -> bool {
        true
    }

    fn start(&self, guard: Guard, around: &Surroundings) -> Result<Running> {
        let addresses = (free()?, free()?);
        let mut command = Command::new(program(self.program)?);
        command
            .arg(format!("--http={}", addresses.0))
            .arg(format!("--backend={}", around.backend()));
        if self.has(Feature::Tls) {
            command.arg(format!("--https={}", addresses.1));
            command.arg(format!("--live={}", around.live.address));
            command.arg("--certs").arg(around.certs.path());
        }
        let mut credential = String::new();
        if guard == Guard::Session {
            command.args(["--session", SESSION]);
            credential = format!("Cookie: session={SESSION}");
        }
        Ok(running(around.callgrind, command, Folder::new()?, addresses)?.by(credential))
    }
}

/// A service that answers whether a session is good, and with what token.
#[derive(Debug)]
pub(crate) struct AuthService {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    /// What it lets in.
    pub(crate) credential: String,
}

impl AuthService {
    pub(crate) fn start() -> Result<Self> {
        let address = free()?;
        let mut command = Command::new(program("auth_service")?);
        command.args(["--listen", &address.to_string(), "--session", SESSION]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Server::start(&mut command)?;
        port::wait_until_open(address, &mut server).context("the authentication service")?;
        Ok(Self { server, address, credential: format!("Cookie: session={SESSION}") })
    }
}

/// A program beside this one: built in the same way, so never a debug build either.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        bail!("{} is not there; run: make bench", path.display());
    }
    Ok(path)
}
