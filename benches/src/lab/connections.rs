//! Clients that ask once and then keep their connection open.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::lab::echo::{ACCEPT, ASKED, ECHOED, KEY};
use crate::lab::nginx::BODY;
use crate::lab::visitor::{HOST, read_head};

/// One open connection.
pub(super) enum Idle {
    Plain(#[expect(dead_code, reason = "held to keep it open")] TcpStream),
    Tls(#[expect(dead_code, reason = "held to keep it open")] Box<Tls>),
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Opens a connection, asks for `path` once, and keeps it.
pub(super) fn plain(to: SocketAddr, path: &str) -> Result<Idle> {
    let mut stream = connect(to)?;
    ask(&mut stream, path)?;
    Ok(Idle::Plain(stream))
}

/// The same over TLS.
pub(super) fn tls(to: SocketAddr, path: &str, trust: &Arc<ClientConfig>) -> Result<Idle> {
    let name = ServerName::try_from(HOST)?;
    let client = ClientConnection::new(Arc::clone(trust), name)?;
    let mut stream = StreamOwned::new(client, connect(to)?);
    ask(&mut stream, path)?;
    Ok(Idle::Tls(Box::new(stream)))
}

/// Opens a WebSocket, sends one message, reads it back, and keeps it.
pub(super) fn websocket(to: SocketAddr, cookie: &str) -> Result<Idle> {
    let mut stream = connect(to)?;
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\n{cookie}Origin: http://{HOST}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let head = read_head(&mut stream)?;
    if !head.starts_with("HTTP/1.1 101") || !head.contains(ACCEPT) {
        bail!("no WebSocket but {head}");
    }
    stream.write_all(&ASKED)?;
    let mut echoed = [0; ECHOED.len()];
    stream.read_exact(&mut echoed).context("no echo")?;
    if echoed != ECHOED {
        bail!("the echo is {echoed:?}");
    }
    Ok(Idle::Plain(stream))
}

/// A TLS client that trusts the development authority in a folder.
pub(super) fn trust(certs: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certs.join("dev-ca.pem"))?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn connect(to: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(to).context("cannot connect; is `ulimit -n` high enough?")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn ask(stream: &mut (impl Read + Write), path: &str) -> Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let head = read_head(stream)?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("not 200 but {head}");
    }
    let mut body = [0; BODY];
    stream.read_exact(&mut body).context("a short body")
}
