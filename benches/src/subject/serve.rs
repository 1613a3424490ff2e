//! Heads of HTTP/1.1, and a runtime on each core: what a program needs at the least.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, bail};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

/// Bytes that came, and how far the first head in them goes.
#[derive(Debug, Default)]
pub struct Heads {
    bytes: Vec<u8>,
}

const LONGEST: usize = 64 * 1024;

impl Heads {
    /// Reads on until there is a whole head; its length, none at the end of the connection.
    ///
    /// # Errors
    /// When the connection breaks, or the head does not end.
    pub async fn next(&mut self, from: &mut TcpStream) -> Result<Option<usize>> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.bytes, b"\r\n\r\n") {
                return Ok(Some(at.saturating_add(4)));
            }
            if self.bytes.len() > LONGEST {
                bail!("an endless head");
            }
            if !self.more(from).await? {
                return Ok(None);
            }
        }
    }

    /// Reads once; false at the end of the connection.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn more(&mut self, from: &mut TcpStream) -> Result<bool> {
        self.bytes.reserve(8 * 1024);
        Ok(from.read_buf(&mut self.bytes).await? > 0)
    }

    /// All that came and was not consumed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets so many bytes.
    pub fn consume(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
    }
}

/// A field of a head; names in lower case or in the usual one.
pub fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let head = std::str::from_utf8(head).ok()?;
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Serves each connection by itself, with a single-threaded runtime on each core that all accept
/// from one socket.
///
/// # Errors
/// When it cannot listen.
pub fn on_each_core<S, F>(
    listen: SocketAddr,
    state: &Arc<S>,
    serve: fn(TcpStream, Arc<S>) -> F,
) -> Result<()>
where
    S: Send + Sync + 'static,
    F: Future<Output = Result<()>> + 'static,
{
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut threads = Vec::new();
    for _ in 0..cores {
        let (listener, state) = (listener.try_clone()?, Arc::clone(state));
        threads.push(std::thread::spawn(move || accept(listener, &state, serve)));
    }
    for thread in threads {
        if let Ok(ended) = thread.join() {
            ended?;
        }
    }
    Ok(())
}

fn accept<S, F>(
    listener: std::net::TcpListener,
    state: &Arc<S>,
    serve: fn(TcpStream, Arc<S>) -> F,
) -> Result<()>
where
    S: 'static,
    F: Future<Output = Result<()>> + 'static,
{
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let state = Arc::clone(state);
            tokio::task::spawn_local(async move { serve(stream, state).await.ok() });
        }
    })
}
