//! A backend that keeps every byte it is sent and answers as its path says.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::support::http::{Message, read_body, read_head};
use crate::support::socket::KEY;

/// Time between two events of an event stream.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// What an app says that will not be framed.
const SHUT: &str = "x-frame-options: DENY\r\n\
    content-security-policy: default-src 'self'; frame-ancestors 'none'\r\n";

/// A backend on a port of its own.
///
/// What a path does: `…/shut…` forbids frames, `…/sse` ticks, `…/bytes?n=N` sends N bytes, `…/slow?ms=N` waits,
/// `…/drip` sends a long body a little at a time, `…/close`
/// hangs up, `…/early` answers 200 before the body is read, `…/answer?code=N` answers N; everything
/// else answers 200 with the request as JSON. Each `X-Answer-Cookie` comes back as `Set-Cookie`. A
/// WebSocket echoes.
pub(crate) struct Recorder {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<Message>>,
    connections: Mutex<HashMap<usize, Vec<u8>>>,
    open: AtomicUsize,
    /// Answer 101 at the first byte, before the head is read: the quickest upstream there is.
    hasty: AtomicBool,
    born: Option<Instant>,
}

impl Recorder {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { born: Some(Instant::now()), ..State::default() });
        let accepting = Arc::clone(&state);
        let task = tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let state = Arc::clone(&accepting);
                tokio::spawn(async move {
                    state.open.fetch_add(1, Ordering::SeqCst);
                    let _ = state.serve(stream, number).await;
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, state, task }
    }

    /// The requests so far, in the order in which their heads were complete.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Message {
        self.requests().pop().expect("a request reached the upstream")
    }

    /// Every byte received, connection by connection.
    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        self.state.connections.lock().unwrap().values().cloned().collect()
    }

    /// Forgets what was received.
    pub(crate) fn clear(&self) {
        self.state.requests.lock().unwrap().clear();
        self.state.connections.lock().unwrap().clear();
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// From now on, answer every connection with 101 at its first byte.
    pub(crate) fn be_hasty(&self) {
        self.state.hasty.store(true, Ordering::SeqCst);
    }

    /// Milliseconds on the clock that the ticks of an event stream carry.
    pub(crate) fn now(&self) -> u128 {
        self.state.now()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn now(&self) -> u128 {
        self.born.map_or(0, |born| born.elapsed().as_millis())
    }

    async fn serve(self: &Arc<Self>, stream: TcpStream, number: usize) -> io::Result<()> {
        stream.set_nodelay(true)?;
        if self.hasty.load(Ordering::SeqCst) {
            return hurry(stream).await;
        }
        let tap = Tap { stream, number, state: Arc::clone(self) };
        let mut stream = BufReader::new(tap);
        while let Some(mut request) = read_head(&mut stream).await? {
            if request.target().contains("/early") {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
            }
            if request.header("expect").is_some() {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            read_body(&mut stream, &mut request, false).await?;
            self.requests.lock().unwrap().push(request.clone());
            if request.is_websocket() {
                return echo(stream, &request).await;
            }
            if !request.target().contains("/early") {
                self.answer(&mut stream, &request).await?;
            }
        }
        Ok(())
    }

    async fn answer(
        &self,
        to: &mut (impl AsyncWrite + Unpin),
        request: &Message,
    ) -> io::Result<()> {
        let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
        let number =
            query.split_once('=').and_then(|(_, n)| n.parse::<u64>().ok()).unwrap_or_default();
        match path.rsplit('/').next().unwrap_or_default() {
            "sse" => return self.tick(to).await,
            "drip" => return drip(to).await,
            "close" => return Err(io::ErrorKind::ConnectionAborted.into()),
            "slow" => sleep(Duration::from_millis(number)).await,
            "bytes" => {
                let body = vec![b'x'; usize::try_from(number).unwrap_or_default()];
                return respond(to, request, 200, &body).await;
            }
            "answer" => return respond(to, request, number, b"").await,
            _ => {}
        }
        let echo = json!({
            "method": request.method(),
            "target": request.target(),
            "headers": request.headers.0,
            "trailers": request.trailers.0,
            "body_length": request.body.len(),
        });
        respond(to, request, 200, echo.to_string().as_bytes()).await
    }

    /// An event stream without end; each event says when it was sent.
    async fn tick(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
            cache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n";
        to.write_all(HEAD.as_bytes()).await?;
        loop {
            let event = format!("data: {}\n\n", self.now());
            to.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
            to.flush().await?;
            sleep(TICK).await;
        }
    }
}

/// A download that takes minutes.
async fn drip(to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\
        content-length: 1000000\r\n\r\n";
    to.write_all(HEAD.as_bytes()).await?;
    for _ in 0..10_000 {
        to.write_all(&[b'x'; 100]).await?;
        to.flush().await?;
        sleep(TICK).await;
    }
    Ok(())
}

async fn respond(
    to: &mut (impl AsyncWrite + Unpin),
    request: &Message,
    status: u64,
    body: &[u8],
) -> io::Result<()> {
    let cookies = request.headers.all("x-answer-cookie");
    let cookies: String = cookies.map(|cookie| format!("set-cookie: {cookie}\r\n")).collect();
    let shut = if request.target().contains("/shut") { SHUT } else { "" };
    let head = format!(
        "HTTP/1.1 {status} Told\r\n{shut}{cookies}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    to.write_all(head.as_bytes()).await?;
    if request.method() != "HEAD" {
        to.write_all(body).await?;
    }
    to.flush().await
}

async fn echo(mut stream: BufReader<Tap>, request: &Message) -> io::Result<()> {
    let key = request.header("sec-websocket-key").unwrap_or_default();
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(head.as_bytes()).await?;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            return Ok(());
        }
        if message.is_text() || message.is_binary() {
            socket.send(message).await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// Says 101 the moment a connection has its first byte, then sends one text frame.
async fn hurry(mut stream: TcpStream) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {}\r\n\r\n",
        derive_accept_key(KEY.as_bytes())
    );
    // Opcode 1 with the last-fragment bit, five bytes, no mask.
    let mut answer = answer.into_bytes();
    answer.extend(b"\x81\x05hello");
    stream.readable().await?;
    stream.write_all(&answer).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// A connection whose incoming bytes are kept.
struct Tap {
    stream: TcpStream,
    number: usize,
    state: Arc<State>,
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let news = buf.filled().get(before..).unwrap_or_default().to_vec();
        let number = self.number;
        self.state.connections.lock().unwrap().entry(number).or_default().extend(news);
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
