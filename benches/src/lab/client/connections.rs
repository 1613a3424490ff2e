//! Clients that ask once and then keep their connection open.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustls::ClientConfig;

use crate::lab::client::tls::{self, Tls};
use crate::lab::client::visitor::read_head;
use crate::lab::surroundings::{BODY, HOST};

/// One open connection.
pub(crate) enum Idle {
    Plain(#[expect(dead_code, reason = "held to keep it open")] TcpStream),
    Tls(#[expect(dead_code, reason = "held to keep it open")] Box<Tls>),
    WebSocket(#[expect(dead_code, reason = "held to keep it open")] tokio::net::TcpStream),
}

/// Opens a connection, asks for `/x` once, and keeps it.
pub(crate) fn plain(to: SocketAddr) -> Result<Idle> {
    let mut stream =
        TcpStream::connect(to).context("cannot connect; is `ulimit -n` high enough?")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    ask(&mut stream)?;
    Ok(Idle::Plain(stream))
}

/// The same over TLS.
pub(crate) fn tls(to: SocketAddr, config: &Arc<ClientConfig>) -> Result<Idle> {
    let mut stream = tls::connect(to, config)?;
    ask(&mut stream)?;
    Ok(Idle::Tls(Box::new(stream)))
}

fn ask(stream: &mut (impl Read + Write)) -> Result<()> {
    stream.write_all(format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes())?;
    let head = read_head(stream)?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("not 200 but {head}");
    }
    stream.read_exact(&mut [0; BODY]).context("a short body")
}
