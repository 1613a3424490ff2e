//! Logins with a password, and what they do to everybody else: argon2id takes a processor and 19 MiB.
//!
//!     cargo run --release -p benches --bin password_logins -- target/release/portcullis
//!
//! People sign in by HTTP Basic, each once, so that every login is hashed. Beside them, one request
//! after the other goes to a public page, at a steady pace.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::base::{Secret, SystemEntropy};
use portcullis::directory::PasswordHash;

/// More than can sign in while this runs; the file of users holds no more.
const PEOPLE: usize = 5_000;
const PASSWORD: &str = "correct-horse-battery";
const AT_ONCE: [usize; 5] = [0, 1, 4, 16, 64];
const ROUND: Duration = Duration::from_secs(8);
/// Of the requests to the public page, on each of two connections.
const PACE: Duration = Duration::from_millis(5);

fn main() -> Result<()> {
    let gateway = std::env::args().nth(1).context("name the gateway's program")?;
    let folder = std::env::temp_dir().join(format!("password-logins-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let done = run(Path::new(&gateway), &folder);
    fs::remove_dir_all(&folder)?;
    done
}

fn run(gateway: &Path, folder: &Path) -> Result<()> {
    let running = Running::start(gateway, folder)?;
    let next = AtomicUsize::new(0);
    println!("| logins at once | logins/s | refused (503) | public p50 ms | p99 ms | worst ms |");
    println!("|---|---|---|---|---|---|");
    for at_once in AT_ONCE {
        let began = now();
        let (mut times, mut counts) = (Vec::new(), (0, 0));
        thread::scope(|scope| -> Result<()> {
            let visitors: Vec<_> =
                (0..2).map(|_| scope.spawn(|| visit(running.address, began))).collect();
            let people: Vec<_> = (0..at_once)
                .map(|_| scope.spawn(|| sign_in(running.address, began, &next)))
                .collect();
            for visitor in visitors {
                times.extend(visitor.join().map_err(|_| anyhow!("a visitor panicked"))??);
            }
            for person in people {
                let (in_, busy) = person.join().map_err(|_| anyhow!("a person panicked"))??;
                counts = (counts.0 + in_, counts.1 + busy);
            }
            Ok(())
        })?;
        times.sort_by(f64::total_cmp);
        let at =
            |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        let rate = f64::from(counts.0) / ROUND.as_secs_f64();
        let worst = times.last().copied().unwrap_or(0.0);
        println!(
            "| {at_once} | {rate:.1} | {} | {:.2} | {:.2} | {worst:.2} |",
            counts.1,
            at(0.5),
            at(0.99)
        );
    }
    Ok(())
}

/// The times of a steady visitor, in milliseconds.
fn visit(address: SocketAddr, began: Instant) -> Result<Vec<f64>> {
    let mut connection = Connection::open(address)?;
    let mut times = Vec::new();
    let mut due = began;
    while began.elapsed() < ROUND {
        // From when it was due, not from when its turn came: else waiting would hide.
        wait(due.saturating_duration_since(now()));
        let status = connection.get("/public/x", "")?;
        if status != 200 {
            bail!("the public page answers with {status}");
        }
        times.push(due.elapsed().as_secs_f64() * 1e3);
        due += PACE;
    }
    Ok(times)
}

/// One person after the other. How many got in, and how many found no room.
fn sign_in(address: SocketAddr, began: Instant, next: &AtomicUsize) -> Result<(u32, u32)> {
    let mut connection = Connection::open(address)?;
    let (mut in_, mut busy) = (0, 0);
    while began.elapsed() < ROUND {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= PEOPLE {
            bail!("more logins than there are people");
        }
        let pair = STANDARD.encode(format!("user{number}:{PASSWORD}"));
        match connection.get("/api/x", &format!("Authorization: Basic {pair}\r\n"))? {
            200 => in_ += 1,
            503 => busy += 1,
            status => bail!("user{number} is answered with {status}"),
        }
    }
    Ok((in_, busy))
}

struct Connection(BufReader<TcpStream>, SocketAddr);

impl Connection {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self(BufReader::new(stream), address))
    }

    fn get(&mut self, path: &str, lines: &str) -> Result<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
        let mut line = String::new();
        self.0.get_mut().write_all(request.as_bytes())?;
        if self.0.read_line(&mut line).unwrap_or(0) == 0 {
            // The gateway ends a connection after some requests.
            *self = Self::open(self.1)?;
            self.0.get_mut().write_all(request.as_bytes())?;
            self.0.read_line(&mut line)?;
        }
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("no answer: {line:?}"))?;
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            let field = line.to_ascii_lowercase();
            if let Some(value) = field.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(status)
    }
}

struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(gateway: &Path, folder: &Path) -> Result<Self> {
        let hash = PasswordHash::make(&Secret::from(PASSWORD), &SystemEntropy)?.to_text();
        let mut users = String::new();
        for number in 0..PEOPLE {
            writeln!(users, "[users.user{number}]\npassword = \"{hash}\"")?;
        }
        let file = folder.join("users.toml");
        fs::write(&file, users)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let text = format!(
            "[server]\npublic_url = \"http://localhost\"\n\
             http = {{ listen = \"{address}\", redirect_to_https = false }}\nstate = \"state\"\n\
             [directories.staff]\nkind = \"file\"\npath = \"users.toml\"\n\
             [password]\naddress_tries = 1000000\n\
             [upstreams.app]\nservers = [\"{}\"]\n\
             [[routes]]\npath = \"/public/*\"\nauth = [\"anonymous\"]\naccess = \"public\"\n\
             upstream = \"app\"\n\
             [[routes]]\npath = \"/api/*\"\nauth = [\"password\"]\naccess = \"authenticated\"\n\
             upstream = \"app\"\n[log]\nlevel = \"error\"\n",
            app()?
        );
        fs::write(folder.join("portcullis.toml"), text)?;
        let child = Command::new(gateway.canonicalize()?)
            .args(["run", "--config", "portcullis.toml"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()?;
        let running = Self { child, address };
        for _ in 0..500 {
            if TcpStream::connect(address).is_ok() {
                return Ok(running);
            }
            wait(Duration::from_millis(20));
        }
        bail!("the gateway does not listen")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An application that says one word.
fn app() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap_or(0) > 0 {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    let ends = line.trim_end().is_empty();
                    if ends && reader.get_mut().write_all(answer).is_err() {
                        break;
                    }
                    line.clear();
                }
            });
        }
    });
    Ok(address)
}

#[expect(clippy::disallowed_methods, reason = "measures what really passes")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "there is no runtime here to be held up")]
fn wait(time: Duration) {
    thread::sleep(time);
}
