//! Ports for those who cannot choose one themselves.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::lab::machine::time::wait_for;

/// How long a server may take until it listens; some read a Python package first.
const LISTENS_WITHIN: Duration = Duration::from_secs(15);

/// A port of the loopback interface that nobody has just now.
pub(crate) fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until somebody listens.
pub(crate) fn wait_until_open(address: SocketAddr) -> Result<()> {
    let up = wait_for(LISTENS_WITHIN, || TcpStream::connect(address).ok());
    up.map(drop).with_context(|| format!("nobody listens at {address}"))
}
