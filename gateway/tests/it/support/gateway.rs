//! The gateway as a process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::support::certs::Authority;
use crate::support::folder::Folder;
use crate::support::raw::exchange;
use crate::support::settings::{CLIENT_SECRET, HOST, Settings};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running gateway; killed when dropped. What it printed is shown when the test has failed.
pub(crate) struct Gateway {
    child: Child,
    /// The plain listener.
    pub(crate) http: SocketAddr,
    /// The TLS listener, if the settings asked for one.
    pub(crate) https: Option<SocketAddr>,
    /// The admin listener.
    pub(crate) admin: SocketAddr,
    /// Whom TLS clients trust.
    pub(crate) authority: Option<Authority>,
    folder: Folder,
    printed: Arc<Mutex<String>>,
}

/// A signal that the gateway knows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Hup,
    Term,
}

impl Gateway {
    /// Starts one in a folder of its own and waits until it listens.
    pub(crate) async fn start(settings: &Settings) -> Self {
        let folder = Folder::new();
        let authority = settings.https.then(|| Authority::issue(folder.path(), &[HOST]));
        Self::start_in(folder, authority, settings).await
    }

    async fn start_in(folder: Folder, authority: Option<Authority>, settings: &Settings) -> Self {
        for (name, text) in &settings.files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        write_config(&folder, &settings.render());
        let printed = Arc::new(Mutex::new(String::new()));
        let mut child = command("run", folder.path()).spawn().expect("the gateway starts");
        collect(child.stdout.take().unwrap(), Arc::clone(&printed));
        collect(child.stderr.take().unwrap(), Arc::clone(&printed));
        let wanted: &[&str] =
            if settings.https { &["http", "https", "admin"] } else { &["http", "admin"] };
        let ready = async {
            loop {
                let found: Vec<_> =
                    wanted.iter().filter_map(|kind| listener(&printed, kind)).collect();
                if found.len() == wanted.len() {
                    break;
                }
                if let Some(status) = child.try_wait().unwrap() {
                    panic!("the gateway stopped with {status}:\n{}", printed.lock().unwrap());
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(READY_WITHIN, ready).await.is_err() {
            panic!("the gateway is not ready in time:\n{}", printed.lock().unwrap());
        }
        let at = |kind| listener(&printed, kind);
        let (http, https, admin) = (at("http").unwrap(), at("https"), at("admin").unwrap());
        Self { child, http, https, admin, authority, folder, printed }
    }

    /// Stops this one as a power cut would, and starts another on the same state.
    pub(crate) async fn crash_and_restart(mut self, settings: &Settings) -> Self {
        // One that has stopped by itself is none that can be killed.
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().await.expect("a running gateway can be killed");
        }
        let folder = std::mem::replace(&mut self.folder, Folder::new());
        let authority = self.authority.take();
        Self::start_in(folder, authority, settings).await
    }

    /// Memory in use, in bytes.
    pub(crate) fn resident(&self) -> usize {
        const PAGE: usize = 4096;
        let id = self.child.id().expect("the gateway runs");
        let statm = std::fs::read_to_string(format!("/proc/{id}/statm")).unwrap();
        let pages: usize = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap();
        pages * PAGE
    }

    /// Sends a signal.
    pub(crate) async fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Hup => "-HUP",
            Signal::Term => "-TERM",
        };
        let id = self.child.id().expect("the gateway runs").to_string();
        let status = Command::new("kill").args([name, &id]).status().await.unwrap();
        assert!(status.success(), "kill {name}: {status}");
    }

    /// Waits until the gateway has stopped by itself.
    pub(crate) async fn stopped(&mut self) -> ExitStatus {
        timeout(Duration::from_secs(90), self.child.wait())
            .await
            .expect("it stops in time")
            .unwrap()
    }

    /// Replaces the configuration file, in one step as an editor would.
    pub(crate) fn rewrite(&self, text: &str) {
        write_config(&self.folder, text);
    }

    /// Runs another subcommand beside this one, in the folder of the configuration.
    pub(crate) async fn cli(&self, subcommand: &[&str]) -> std::process::Output {
        let (first, rest) = subcommand.split_first().expect("a subcommand");
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.arg(first).args(rest);
        command.current_dir(self.folder.path()).env("TEST_CLIENT_SECRET", CLIENT_SECRET);
        command.output().await.unwrap()
    }

    /// Everything printed so far, both streams.
    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// Waits until `words` have been printed at least `times` times.
    pub(crate) async fn has_printed(&self, words: &str, times: usize) -> bool {
        for _ in 0..3_000 {
            if self.printed().matches(words).count() >= times {
                return true;
            }
            sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// A page of the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> String {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.admin);
        exchange(self.admin, request).await.expect("the admin listener answers").text()
    }

    /// The folder with the configuration file and the state.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        if std::thread::panicking() {
            let printed = self.printed.lock().map(|text| text.clone()).unwrap_or_default();
            let tail: Vec<_> = printed.lines().rev().take(200).collect();
            println!("--- the gateway printed (last 200 lines) ---");
            tail.iter().rev().for_each(|line| println!("{line}"));
        }
    }
}

fn command(subcommand: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args([subcommand, "--config", "gateway.toml"])
        .current_dir(folder)
        .env("TEST_CLIENT_SECRET", CLIENT_SECRET)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn write_config(folder: &Folder, text: &str) {
    let path = folder.path().join("gateway.toml");
    let new = folder.path().join("gateway.toml.new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn collect(from: impl AsyncRead + Send + Unpin + 'static, into: Arc<Mutex<String>>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut text = into.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    });
}

/// The address in `{"listening":"http","address":"127.0.0.1:PORT"}`.
fn listener(printed: &Mutex<String>, kind: &str) -> Option<SocketAddr> {
    let printed = printed.lock().unwrap();
    printed.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line.get("listening")?.as_str()? == kind).then_some(())?;
        line.get("address")?.as_str()?.parse().ok()
    })
}
