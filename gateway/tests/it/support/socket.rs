//! A WebSocket client with exact header fields.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::http::Message;
use crate::support::raw::{Duplex, PATIENCE, Raw};
use crate::support::settings::HOST;

/// The sample key of RFC 6455.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// An open WebSocket.
pub(crate) struct Socket<S = TcpStream>(WebSocketStream<S>);

/// How a WebSocket ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a close frame.
    Frame(u16),
    /// Without.
    Cut,
}

/// The bytes of a handshake for `path`; `more` are whole header lines.
pub(crate) fn handshake(path: &str, more: &[String]) -> String {
    let more: String = more.iter().map(|line| format!("{line}\r\n")).collect();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

/// Opens a WebSocket, or gives the answer that refused it.
pub(crate) async fn open(
    to: SocketAddr,
    path: &str,
    more: &[String],
) -> Result<Socket<impl Duplex + use<>>, Box<Message>> {
    open_on(Raw::connect(to).await, path, more).await
}

/// The same on a connection that is there.
pub(crate) async fn open_on(
    mut raw: Raw,
    path: &str,
    more: &[String],
) -> Result<Socket<impl Duplex + use<>>, Box<Message>> {
    raw.send(handshake(path, more)).await;
    let answer = raw.answer().await.expect("an answer to the handshake");
    if answer.status() != 101 {
        return Err(Box::new(answer));
    }
    Ok(Socket(WebSocketStream::from_raw_socket(raw.into_stream(), Role::Client, None).await))
}

/// Opens a WebSocket with a library's own handshake, as an independent check of ours.
pub(crate) async fn open_by_library(to: SocketAddr, path: &str, cookie: &str) -> Socket {
    let request = http::Request::get(format!("ws://{HOST}{path}"))
        .header("Host", HOST)
        .header("Origin", format!("http://{HOST}"))
        .header("Cookie", cookie)
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", KEY)
        .body(())
        .unwrap();
    let tcp = TcpStream::connect(to).await.unwrap();
    let (socket, _) = client_async(request, tcp).await.expect("a handshake");
    Socket(socket)
}

impl<S: Duplex> Socket<S> {
    /// Sends a text and waits for the next one.
    pub(crate) async fn round_trip(&mut self, text: &str) -> Option<String> {
        self.0.send(Frame::text(text)).await.ok()?;
        loop {
            match timeout(PATIENCE, self.0.next()).await.ok()?? {
                Ok(Frame::Text(text)) => return Some(text.to_string()),
                Ok(Frame::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Waits until the other side ends it. `None` where it still lives after `patience`.
    pub(crate) async fn ending(&mut self, patience: Duration) -> Option<Ending> {
        let ended = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Frame::Close(Some(frame)))) => return Ending::Frame(code(frame.code)),
                    Some(Ok(Frame::Close(None))) => return Ending::Frame(1005),
                    Some(Ok(_)) => {}
                    Some(Err(Error::ConnectionClosed)) | Some(Err(_)) | None => return Ending::Cut,
                }
            }
        };
        timeout(patience, ended).await.ok()
    }
}

fn code(code: CloseCode) -> u16 {
    code.into()
}
