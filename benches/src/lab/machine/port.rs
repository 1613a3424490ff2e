//! Ports for those who cannot choose one themselves.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::lab::machine::process::Server;
use crate::lab::machine::time::wait_for;

/// How long a server may take until it listens; under callgrind all is slow.
const LISTENS_WITHIN: Duration = Duration::from_secs(60);

/// A port of the loopback interface that nobody has just now.
pub(crate) fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until a server listens, or has gone.
pub(crate) fn wait_until_open(address: SocketAddr, server: &mut Server) -> Result<()> {
    let up = wait_for(LISTENS_WITHIN, || {
        let open = TcpStream::connect(address).is_ok();
        let gone = server.child.try_wait().ok().flatten().is_some();
        (open || gone).then_some(open && !gone)
    });
    up.filter(|up| *up).map(drop).with_context(|| format!("nobody listens at {address}"))
}
