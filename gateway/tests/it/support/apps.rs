//! Real applications of other people, from `tests/peers/apps`, each as a process in a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::support::browser::Browser;
use crate::support::folder::Folder;
use crate::support::lab::Lab;
use crate::support::peers;
use crate::support::port;
use crate::support::provider::Provider;
use crate::support::settings::{CLIENT_SECRET, Route, Settings};

/// The first start compiles some thousand Python files.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A running application; killed when dropped. What it printed is shown when the test has failed.
pub(crate) struct App {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: Folder,
    printed: Arc<Mutex<String>>,
}

impl App {
    /// The real Chainlit with one of our scripts. It shares the gateway's secret.
    pub(crate) async fn chainlit(script: &str, more: &[(&str, &str)]) -> Self {
        let port = port::free();
        let words = ["--headless", "--host", "127.0.0.1", "--port", &port.to_string()];
        let mut command = program("chainlit", script, &words);
        command.env("CHAINLIT_AUTH_SECRET", CLIENT_SECRET).envs(more.iter().copied());
        Self::start(Folder::new(), command, port).await
    }

    /// The real Streamlit with one of our scripts; `config` is its `config.toml`.
    pub(crate) async fn streamlit(script: &str, config: &str, more: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let inside = folder.path().join(".streamlit");
        std::fs::create_dir_all(&inside).unwrap();
        std::fs::write(inside.join("config.toml"), config).unwrap();
        let port = port::free();
        let port_word = format!("--server.port={port}");
        let words = ["--server.headless=true", "--server.address=127.0.0.1", &port_word];
        let mut command = program("streamlit", script, &words);
        command.env("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false").envs(more.iter().copied());
        Self::start(folder, command, port).await
    }

    /// The real NVIDIA `NeMo` Agent Toolkit with our workflow.
    pub(crate) async fn nat() -> Self {
        let (port, peers) = (port::free(), folder().with_file_name("nat"));
        let mut command = python_of(&peers, "python");
        command.arg(peers.join("whoami.py")).arg(port.to_string());
        Self::start(Folder::new(), command, port).await
    }

    async fn start(folder: Folder, mut command: Command, port: u16) -> Self {
        let home = folder.path();
        let mut child = command.current_dir(home).env("HOME", home).spawn().unwrap();
        let printed = Arc::default();
        collect(child.stdout.take().unwrap(), &printed);
        collect(child.stderr.take().unwrap(), &printed);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let begun = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            let status = child.try_wait().unwrap();
            let late = begun.elapsed() > READY_WITHIN;
            let said = || printed.lock().unwrap().clone();
            assert!(status.is_none() && !late, "the app is not ready: {status:?}\n{}", said());
            sleep(Duration::from_millis(50)).await;
        }
        Self { child, address, folder, printed }
    }

    /// One of our scripts, run by the Python that has the applications' packages.
    pub(crate) async fn script(name: &str, more: &[(&str, &str)]) -> Self {
        let port = port::free();
        let mut command = python("python");
        command.arg(folder().join(name)).arg(port.to_string()).envs(more.iter().copied());
        Self::start(Folder::new(), command, port).await
    }

    /// A gateway in front of this app alone, at an address that a real browser finds.
    pub(crate) async fn house(
        &self,
        provider: Provider,
        change: impl FnOnce(&mut Settings),
    ) -> House {
        self.house_at(port::free(), provider, change).await
    }

    /// The same at this port.
    pub(crate) async fn house_at(
        &self,
        port: u16,
        provider: Provider,
        change: impl FnOnce(&mut Settings),
    ) -> House {
        let lab = Lab::around(provider, |settings| {
            settings.upstream = self.address;
            settings.routes.truncate(0);
            settings.swaps.push(("http://localhost\"", format!("http://localhost:{port}\"")));
            let listen = format!("http = {{ listen = \"127.0.0.1:{port}\"");
            settings.swaps.push(("http = { listen = \"127.0.0.1:0\"", listen));
            change(settings);
        });
        House { lab: lab.await, url: format!("http://localhost:{port}") }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        if std::thread::panicking() {
            println!("--- the app in {} printed ---", self.folder.path().display());
            println!("{}", self.printed.lock().map(|text| text.clone()).unwrap_or_default());
        }
    }
}

/// A gateway that a real browser can reach.
pub(crate) struct House {
    pub(crate) lab: Lab,
    pub(crate) url: String,
}

impl House {
    /// A browser in which `user` has signed in.
    pub(crate) async fn sign_in(&self, user: &str) -> Browser {
        let mut browser = Browser::default();
        let authority = self.url.strip_prefix("http://").unwrap();
        browser.resolve("http", authority, self.lab.gateway.http, None);
        self.lab.provider.remember(&mut browser, user);
        let page = browser.navigate(&format!("{}/home", self.url)).await;
        assert_eq!(page.url.path(), "/home", "{:#?}\n{}", page.hops, page.answer.text());
        browser
    }

    /// Drives a real browser through it; gives what the script saw.
    pub(crate) async fn drive(&self, script: &str, name: &str, more: &Value) -> Value {
        let output = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("test-output");
        let mut all = json!({
            "url": self.url, "provider": self.lab.provider.issuer(), "name": name, "output": output,
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let seen = peers::drive(script, &all).await;
        println!("{seen:#}");
        seen
    }
}

/// The one route of a house, for an app with this preset.
pub(crate) fn everything(preset: &str, auth: &'static str, token: &'static str) -> Route {
    let access = format!("access = \"authenticated\"\npreset = \"{preset}\"");
    Route { path: "/*", auth, access: access.leak(), token }
}

fn program(name: &str, script: &str, words: &[&str]) -> Command {
    let mut command = python(name);
    command.arg("run").arg(folder().join(script)).args(words);
    command
}

/// A program of the applications' environment.
fn python(name: &str) -> Command {
    python_of(&folder(), name)
}

fn python_of(folder: &Path, name: &str) -> Command {
    let program = folder.join(".venv/bin").join(name);
    assert!(program.exists(), "the test peers are not installed: run `make peers`");
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/apps")
}

fn collect(from: impl AsyncRead + Send + Unpin + 'static, into: &Arc<Mutex<String>>) {
    let into = Arc::clone(into);
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut text = into.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    });
}
