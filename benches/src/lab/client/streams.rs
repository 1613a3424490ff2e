//! Clients of event streams and WebSockets, and what they see under load.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::lab::backend::live::{ACCEPT, ASKED, ECHOED, EVENT, KEY};
use crate::lab::machine::time::now;
use crate::lab::rounds::Seen;
use crate::lab::surroundings::HOST;

/// How often a WebSocket is tried.
const HANDSHAKES: u32 = 4;
/// No event and no echo takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens to some event streams at once; the times are from the backend's writing to our reading.
/// `began` is what the backend counts from.
pub(crate) fn listen(to: SocketAddr, began: Instant, streams: u32, seconds: u64) -> Result<Seen> {
    runtime()?.block_on(async {
        let opened = try_join_all((0..streams).map(|_| open_events(to))).await?;
        let started = now();
        let until = Duration::from_secs(seconds);
        let heard = opened.into_iter().map(|stream| {
            tokio::spawn(async move {
                let heard = timeout(until + PATIENCE, hear(stream, began, started, until)).await;
                heard.context("a stream has stopped")?
            })
        });
        let mut times = Vec::new();
        for heard in try_join_all(heard).await? {
            times.extend(heard?);
        }
        Ok(Seen::of(times, started.elapsed()))
    })
}

/// Sends a message on each of some WebSockets, waits for its echo, and again.
pub(crate) fn talk(to: SocketAddr, connections: u32, seconds: u64) -> Result<Seen> {
    runtime()?.block_on(async {
        let opened = try_join_all((0..connections).map(|_| open_websocket(to))).await?;
        let started = now();
        let until = Duration::from_secs(seconds);
        let said = opened.into_iter().map(|mut stream| {
            tokio::spawn(async move {
                let mut times = Vec::new();
                while started.elapsed() < until {
                    let asked = now();
                    timeout(PATIENCE, exchange(&mut stream)).await.context("no echo")??;
                    times.push(asked.elapsed().as_secs_f64() * 1e6);
                }
                anyhow::Ok(times)
            })
        });
        let mut times = Vec::new();
        for said in try_join_all(said).await? {
            times.extend(said?);
        }
        Ok(Seen::of(times, started.elapsed()))
    })
}

/// A WebSocket that has carried one message both ways. A handshake that fails is tried again: the bare
/// pingora loses some (its issue 946), and this is not the place that judges handshakes.
pub(crate) async fn open_websocket(to: SocketAddr) -> Result<TcpStream> {
    for _ in 1..HANDSHAKES {
        if let Ok(stream) = shake_hands(to).await {
            return Ok(stream);
        }
    }
    shake_hands(to).await
}

async fn shake_hands(to: SocketAddr) -> Result<TcpStream> {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nOrigin: http://{HOST}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    let (mut stream, head) = ask(to, &request).await?;
    if !head.starts_with("HTTP/1.1 101") || !head.contains(ACCEPT) {
        bail!("no WebSocket but {head}");
    }
    exchange(&mut stream).await?;
    Ok(stream)
}

/// A runtime of its own, so that nobody else's work is in the way.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

async fn exchange(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(&ASKED).await?;
    let mut echoed = [0; ECHOED.len()];
    stream.read_exact(&mut echoed).await?;
    if echoed != ECHOED {
        bail!("the echo is {echoed:?}");
    }
    Ok(())
}

async fn open_events(to: SocketAddr) -> Result<TcpStream> {
    let request =
        format!("GET /events HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n\r\n");
    let (stream, head) = ask(to, &request).await?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("no event stream but {head}");
    }
    Ok(stream)
}

async fn ask(to: SocketAddr, request: &str) -> Result<(TcpStream, String)> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.context("no answer")??);
    }
    Ok((stream, String::from_utf8_lossy(&head).into_owned()))
}

/// What each event took, in microseconds; events that were written before `started` do not count.
async fn hear(
    mut stream: TcpStream,
    began: Instant,
    started: Instant,
    until: Duration,
) -> Result<Vec<f64>> {
    let (mut times, mut bytes) = (Vec::new(), Vec::with_capacity(16 * 1024));
    let first = (started - began).as_nanos() as f64;
    while started.elapsed() < until {
        if timeout(PATIENCE, stream.read_buf(&mut bytes)).await.context("no event")?? == 0 {
            bail!("the stream has ended");
        }
        let heard = began.elapsed().as_nanos() as f64;
        let mut used = 0;
        for at in memchr::memmem::find_iter(&bytes, b"data: ") {
            let Some(event) = bytes.get(at..at.saturating_add(EVENT)) else { break };
            let written = std::str::from_utf8(event)?.split(' ').nth(1);
            let written: f64 = written.context("no time in an event")?.parse()?;
            used = at.saturating_add(EVENT);
            if written >= first {
                times.push((heard - written) / 1e3);
            }
        }
        bytes.drain(..used);
    }
    Ok(times)
}
