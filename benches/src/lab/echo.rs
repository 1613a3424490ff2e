//! A backend for WebSockets: shakes hands, echoes one message, then keeps still.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::lab::visitor::read_head;

/// The example of RFC 6455: one key, one answer to it.
pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What goes with [`KEY`].
pub(super) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// A text message as a client sends it; the mask is zero, so that the text is as it is.
pub(super) const ASKED: [u8; 8] = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
/// The same message as a server sends it.
pub(super) const ECHOED: [u8; 4] = [0x81, 0x02, b'h', b'i'];

/// A running backend. Its thread ends with the lab.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Echo {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let open = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&open);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Ok(stream) = greet(stream) {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                }
            }
        });
        Ok(Self { address, open })
    }

    /// Closes all that is open.
    pub(super) fn clear(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn greet(mut stream: TcpStream) -> Result<TcpStream> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    read_head(&mut stream)?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())?;
    let mut message = [0; 8];
    stream.read_exact(&mut message)?;
    stream.write_all(&ECHOED)?;
    Ok(stream)
}
