//! What the edge and the proxy share of one client connection.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

use crate::web::mtls::Negotiated;

/// One client connection: facts that do not change, and what it is doing just now. The edge's I/O
/// object holds it to know which deadline applies; the proxy finds it through pingora's digest.
#[derive(Debug)]
pub struct Connection {
    /// The other end of the socket: a client, or a proxy before us.
    pub peer: SocketAddr,
    /// Our end of the socket.
    pub local: SocketAddr,
    /// What the handshake settled; `None` on a plain connection.
    pub tls: Option<TlsFacts>,
    phase: AtomicU8,
    farewell: OnceLock<(u16, &'static str)>,
    closing: CancellationToken,
}

/// What a TLS handshake settled.
#[derive(Clone, Debug)]
pub struct TlsFacts {
    /// The name the client asked for, lower case.
    pub server_name: Option<String>,
    /// Whether ALPN chose HTTP/2.
    pub http2: bool,
    /// Which site it was for, where sites ask clients for certificates.
    pub site: Option<Negotiated>,
}

/// What a connection is doing; decides which deadline its reads have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// HTTP/1.1, between requests.
    Idle = 0,
    /// HTTP/1.1, a request head is arriving.
    Head = 1,
    /// HTTP/1.1, a request is being served; the proxy's own deadlines hold.
    Busy = 2,
    /// HTTP/2: deadlines are per stream.
    Multiplexed = 3,
    /// The head of a 101 answer is about to be written; what follows are WebSocket frames.
    WebSocket = 4,
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn new(peer: SocketAddr, local: SocketAddr, tls: Option<TlsFacts>) -> Self {
        let http2 = tls.as_ref().is_some_and(|tls| tls.http2);
        let phase = if http2 { Phase::Multiplexed } else { Phase::Idle };
        Self {
            peer,
            local,
            tls,
            phase: AtomicU8::new(phase as u8),
            farewell: OnceLock::new(),
            closing: CancellationToken::new(),
        }
    }

    /// What the connection is doing.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Idle,
            1 => Phase::Head,
            3 => Phase::Multiplexed,
            4 => Phase::WebSocket,
            _ => Phase::Busy,
        }
    }

    /// Moves on to another phase; an HTTP/2 connection stays multiplexed.
    pub fn enter(&self, phase: Phase) {
        if self.phase() != Phase::Multiplexed {
            self.phase.store(phase as u8, Ordering::Release);
        }
    }

    /// Asks the I/O object to end this WebSocket with a close frame as soon as no frame of the
    /// upstream's is half written. What is asked first counts.
    pub fn close_websocket(&self, code: u16, reason: &'static str) {
        let _ = self.farewell.set((code, reason));
        self.closing.cancel();
    }

    /// Code and reason of the close frame to send, once one is asked for.
    pub fn farewell(&self) -> Option<(u16, &'static str)> {
        self.farewell.get().copied()
    }

    /// Fires when [`Self::close_websocket`] is called.
    pub const fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}
