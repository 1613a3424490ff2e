//! What stands around a server under test: a backend, a provider, keys and certificates.

use std::net::SocketAddr;

use anyhow::Result;

use crate::lab::backend::live::Live;
use crate::lab::machine::folder::Folder;
use crate::lab::peer::Running;
use crate::lab::peer::{nginx, portcullis};

/// All of it; ends when dropped.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// Development certificates: `dev.pem`, `dev.key`, `dev-ca.pem`.
    pub(crate) certs: Folder,
    pub(crate) backend: Running,
    /// Event streams and WebSockets.
    pub(crate) live: Live,
    pub(crate) provider: portcullis::Provider,
    /// Whether servers are started under callgrind.
    pub(crate) callgrind: bool,
}

/// The bytes of an answer's body.
pub(crate) const BODY: usize = 1024;
/// The name under which every client knows the servers.
pub(crate) const HOST: &str = "localhost";
/// The header field in which the backend gets a token.
pub(crate) const TOKEN_HEADER: &str = "X-User-JWT";

impl Surroundings {
    pub(crate) fn new() -> Result<Self> {
        let certs = Folder::new()?;
        portcullis::make_certificate(certs.path())?;
        let (backend, live) = (nginx::backend()?, Live::start()?);
        Ok(Self {
            certs,
            backend,
            live,
            provider: portcullis::Provider::start()?,
            callgrind: false,
        })
    }

    /// Where ordinary requests end.
    pub(crate) fn backend(&self) -> SocketAddr {
        self.backend.http
    }
}
