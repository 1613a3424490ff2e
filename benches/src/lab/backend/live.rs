//! A backend of event streams and WebSockets, in the lab's own process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{MissedTickBehavior, interval};

use crate::lab::machine::time::now;

/// The example of RFC 6455: one key, one answer to it.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What goes with [`KEY`].
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// The bytes of a message's text.
pub(crate) const MESSAGE: usize = 64;
/// A text message as a client sends it; the mask is zero, so that the text is as it is.
pub(crate) const ASKED: [u8; 6 + MESSAGE] = {
    let mut frame = [b'h'; 6 + MESSAGE];
    [frame[0], frame[1], frame[2], frame[3], frame[4], frame[5]] =
        [0x81, 0x80 | MESSAGE as u8, 0, 0, 0, 0];
    frame
};
/// The same message as a server sends it.
pub(crate) const ECHOED: [u8; 2 + MESSAGE] = {
    let mut frame = [b'h'; 2 + MESSAGE];
    [frame[0], frame[1]] = [0x81, MESSAGE as u8];
    frame
};
/// The events of one stream in a second.
pub(crate) const EVENTS_PER_SECOND: u32 = 50;
/// Streams speak in turns, not all at once: no crowd of applications keeps step.
const PHASES: u32 = 50;
/// The length of one event: `data: `, nanoseconds with 20 digits, filling, an empty line.
pub(crate) const EVENT: usize = 100;

/// A running backend; ends when dropped.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) address: SocketAddr,
    /// What the time in an event counts from.
    pub(crate) began: Instant,
    runtime: Option<Runtime>,
}

impl Live {
    pub(crate) fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let (address, began) = (listener.local_addr()?, now());
        runtime.spawn(async move {
            for phase in (0..PHASES).cycle() {
                let Ok((stream, _)) = listener.accept().await else { break };
                tokio::spawn(async move { serve(stream, began, phase).await.ok() });
            }
        });
        Ok(Self { address, began, runtime: Some(runtime) })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(mut stream: TcpStream, began: Instant, phase: u32) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if head.starts_with(b"GET /ws ") {
        echo(stream).await
    } else {
        tell(stream, began, phase).await
    }
}

async fn echo(mut stream: TcpStream) -> Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut asked = [0; ASKED.len()];
    loop {
        stream.read_exact(&mut asked).await?;
        // Proxies may mask anew.
        let [_, _, mask @ ..] = asked;
        let (mask, text) = mask.split_at(4);
        let mut answer = ECHOED;
        let (_, body) = answer.split_at_mut(2);
        for ((to, from), key) in body.iter_mut().zip(text).zip(mask.iter().cycle()) {
            *to = from ^ key;
        }
        stream.write_all(&answer).await?;
    }
}

async fn tell(mut stream: TcpStream, began: Instant, phase: u32) -> Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let pace = Duration::from_secs(1) / EVENTS_PER_SECOND;
    tokio::time::sleep(pace * phase / PHASES).await;
    let mut clock = interval(pace);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let nanos = began.elapsed().as_nanos();
        let event = format!("data: {nanos:020} {:.<width$}\n\n", "", width = EVENT - 29);
        stream.write_all(format!("{EVENT:x}\r\n{event}\r\n").as_bytes()).await?;
    }
}
