//! A TLS client that makes each handshake anew.

use std::io::Read as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::lab::machine::time::now;
use crate::lab::peer::Running;
use crate::lab::rounds::Seen;
use crate::lab::surroundings::HOST;

/// A connection.
pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A client that trusts the development authority in a folder. TLS 1.3, X25519, no resumption: what
/// every server can, so that all do the same work.
pub(crate) fn client(certs: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certs.join("dev-ca.pem"))?)?;
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Connects; the handshake is made with the first read or write.
pub(crate) fn connect(to: SocketAddr, config: &Arc<ClientConfig>) -> Result<Tls> {
    let client = ClientConnection::new(Arc::clone(config), ServerName::try_from(HOST)?)?;
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    Ok(StreamOwned::new(client, stream))
}

/// Full handshakes and nothing else, by some threads at once. Each ends when the server has closed
/// the connection, so that it has seen the client's last message.
pub(crate) fn handshakes(
    running: &Running,
    config: &Arc<ClientConfig>,
    threads: u32,
    seconds: u64,
) -> Result<Seen> {
    let began = now();
    let limit = Duration::from_secs(seconds);
    let all: Result<Vec<Vec<f64>>> = thread::scope(|scope| {
        let work = || {
            let mut times = Vec::new();
            while began.elapsed() < limit {
                let started = now();
                handshake(running.https, config)?;
                times.push(started.elapsed().as_secs_f64() * 1e6);
            }
            Ok(times)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a panic")))
            .collect()
    });
    Ok(Seen::of(all?.concat(), began.elapsed()))
}

fn handshake(to: SocketAddr, config: &Arc<ClientConfig>) -> Result<()> {
    let mut tls = connect(to, config)?;
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    tls.conn.send_close_notify();
    tls.conn.write_tls(&mut tls.sock)?;
    tls.sock.shutdown(Shutdown::Write)?;
    // Tickets and the server's farewell; some end with a reset.
    let _ = tls.sock.read_to_end(&mut Vec::new());
    Ok(())
}
