//! A real server for tests, and what can go wrong between it and us.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[path = "port.rs"]
pub(crate) mod port;

/// A running `redis-server`, with no data of its own at first; killed when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: PathBuf,
    more: &'static [&'static str],
    child: Child,
}

impl Server {
    /// Starts one with these lines in its configuration; `PORT` is its own.
    pub(crate) fn start(lines: &str) -> Self {
        Self::start_as(lines, &[])
    }

    /// Starts a sentinel that watches the primary `main`.
    pub(crate) fn sentinel(main: u16) -> Self {
        let lines = format!(
            "sentinel monitor main 127.0.0.1 {main} 1\nsentinel down-after-milliseconds main 300\n\
             sentinel failover-timeout main 3000\n"
        );
        Self::start_as(&lines, &["--sentinel"])
    }

    fn start_as(lines: &str, more: &'static [&'static str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("portcullis-redis-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // Of an earlier process of the same number.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let port = port::free();
        let own = format!(
            "port {port}\nbind 127.0.0.1\nlogfile log\nsave \"\"\ndir \"{}\"\n",
            folder.display()
        );
        // A later line counts: one that speaks TLS on the port takes it from plain TCP.
        let lines = lines.replace("PORT", &port.to_string());
        let lines = lines.replace("FOLDER", &folder.display().to_string());
        fs::write(folder.join("redis.conf"), own + &lines).unwrap();
        let child = spawn(&folder, more);
        let mut server = Self { port, folder, more, child };
        server.wait();
        server
    }

    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, on its port and with what it had kept.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.folder, self.more);
        self.wait();
    }

    /// Stops it in the middle of whatever it does, or lets it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Sends one command; all lines of a short answer.
    pub(crate) fn command(&self, line: &str) -> Vec<String> {
        self.try_command(line).expect("an answer of redis-server")
    }

    /// How often a command was called, by the server's own count.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        let name = format!("cmdstat_{command}:calls=");
        let lines = self.command("INFO commandstats");
        let found = lines.iter().find_map(|line| line.strip_prefix(&name));
        found.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }

    /// The same, of a server that may hang up meanwhile.
    pub(crate) fn try_command(&self, line: &str) -> std::io::Result<Vec<String>> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        // The second command ends the answer.
        stream.write_all(format!("{line}\r\nPING the-end\r\n").as_bytes())?;
        let mut lines = Vec::new();
        for line in BufReader::new(stream).lines() {
            match line? {
                line if line == "the-end" => break,
                line => lines.push(line),
            }
        }
        lines.pop();
        if lines.is_empty() { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(lines) }
    }

    fn wait(&mut self) {
        for _ in 0..3_000 {
            if TcpStream::connect(self.address()).is_ok() {
                return;
            }
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "redis-server stopped: {}",
                self.log()
            );
            pause();
        }
        panic!("redis-server does not listen: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "a server is waited for before a test begins")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

fn spawn(folder: &Path, more: &[&str]) -> Child {
    let mut command = Command::new("redis-server");
    command.arg(folder.join("redis.conf")).args(more).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server is installed: run .ci/prerequisites test")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What lies between us and the server.
pub(crate) struct Relay {
    pub(crate) port: u16,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// Milliseconds that each piece takes; [`STALLED`]: nothing passes.
    delay: AtomicU64,
    target: AtomicU32,
    taken: AtomicUsize,
}

const STALLED: u64 = u64::MAX;

impl Relay {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::new(State { target: AtomicU32::new(port.into()), ..State::default() });
        let passing = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                passing.taken.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(pass(client, Arc::clone(&passing)));
            }
        });
        Self { port: own, state, task }
    }

    /// Nothing passes any more, and nobody is told.
    pub(crate) fn stall(&self) {
        self.state.delay.store(STALLED, Ordering::SeqCst);
    }

    /// Each piece takes so long.
    pub(crate) fn slow(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.state.delay.store(millis, Ordering::SeqCst);
    }

    /// From now on new connections lead to another server.
    pub(crate) fn aim(&self, port: u16) {
        self.state.target.store(port.into(), Ordering::SeqCst);
    }

    /// How many connections were made.
    pub(crate) fn taken(&self) -> usize {
        self.state.taken.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: tokio::net::TcpStream, state: Arc<State>) {
    let port = u16::try_from(state.target.load(Ordering::SeqCst)).unwrap();
    let Ok(server) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(one_way(from_client, to_server, &state), one_way(from_server, to_client, &state));
}

async fn one_way(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    state: &State,
) {
    let mut piece = vec![0; 65_536];
    while let Ok(length) = from.read(&mut piece).await {
        if length == 0 {
            return;
        }
        loop {
            match state.delay.load(Ordering::SeqCst) {
                STALLED => tokio::time::sleep(Duration::from_millis(20)).await,
                millis => break tokio::time::sleep(Duration::from_millis(millis)).await,
            }
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
