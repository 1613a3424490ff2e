//! The proxies of other people that ask the gateway, each with the configuration of the manual.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::support::folder::Folder;
use crate::support::lab::Lab;
use crate::support::nginx::Nginx;
use crate::support::port;
use crate::support::raw::status_of;
use crate::support::settings::{HOST, Settings};

const MANUAL: &str = include_str!("../../../docs/other-proxies.md");

/// A proxy that can stand in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Caddy,
    Envoy,
    Nginx,
    Traefik,
}

/// A running one; killed when dropped. What it printed is shown when the test has failed.
pub(crate) struct Front {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    process: Process,
}

enum Process {
    Nginx(Nginx),
    Wheel(Child, Folder),
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Caddy, Self::Envoy, Self::Nginx, Self::Traefik];

    /// The standard house, which answers this proxy.
    pub(crate) async fn house(self) -> Lab {
        Lab::with(|settings| answer_proxies(settings, self.verify())).await
    }

    fn verify(self) -> &'static str {
        match self {
            Self::Envoy => r#"{ peers = ["127.0.0.1/32"], dialect = "envoy" }"#,
            Self::Caddy | Self::Traefik => {
                r#"{ peers = ["127.0.0.1/32"], dialect = "forward_auth" }"#
            }
            Self::Nginx => {
                r#"{ peers = ["127.0.0.1/32"], dialect = "nginx", headers = ["X-Original-URI", "X-Original-Host", "X-Original-Method", "X-Original-Remote-Addr"] }"#
            }
        }
    }

    /// The block of the manual, with the addresses of a test.
    fn configuration(self, lab: &Lab, port: u16) -> String {
        let (gateway, app) = (lab.gateway.http, lab.recorder.address);
        let socket = |name: &str, port: u16| {
            format!("socket_address: {{ address: {name}, port_value: {port} }}")
        };
        let local = |port| socket("127.0.0.1", port);
        let (gateway_text, app_text) = (gateway.to_string(), app.to_string());
        let (heading, language, swaps) = match self {
            Self::Caddy => {
                let swaps = vec![
                    ("app.example.com {", format!("http://{HOST}:{port} {{\n    bind 127.0.0.1")),
                    ("portcullis:8080", gateway_text),
                    ("app:8000", app_text),
                ];
                ("Caddy", "caddyfile", swaps)
            }
            Self::Envoy => {
                let swaps = vec![
                    ("socket_address: { address: 0.0.0.0, port_value: 80 }", local(port)),
                    ("app.example.com", HOST.to_owned()),
                    ("socket_address: { address: app, port_value: 8000 }", local(app.port())),
                    (
                        "socket_address: { address: portcullis, port_value: 8080 }",
                        local(gateway.port()),
                    ),
                ];
                ("Envoy", "yaml", swaps)
            }
            Self::Nginx => {
                let swaps = vec![
                    ("127.0.0.1:8080", gateway_text),
                    ("127.0.0.1:8000", app_text),
                    ("listen 80;", "listen LISTEN;".to_owned()),
                ];
                ("nginx", "nginx", swaps)
            }
            Self::Traefik => {
                let swaps = vec![
                    ("app.example.com", HOST.to_owned()),
                    ("portcullis:8080", gateway_text),
                    ("app:8000", app_text),
                ];
                ("Traefik", "yaml", swaps)
            }
        };
        let section = MANUAL.split(&format!("\n## {heading}\n")).nth(1).unwrap();
        let block = section.split(&format!("```{language}\n")).nth(1).unwrap();
        let mut block = block.split("```").next().unwrap().to_owned();
        for (from, to) in swaps {
            assert!(block.contains(from), "{heading}: the manual does not say {from}");
            block = block.replace(from, &to);
        }
        block
    }
}

impl Front {
    /// Starts one between clients and the recorder; it asks the gateway.
    pub(crate) async fn start(kind: Kind, lab: &Lab) -> Self {
        let port = port::free();
        let text = kind.configuration(lab, port);
        if kind == Kind::Nginx {
            let nginx = Nginx::start(&text).await;
            return Self { address: nginx.address, process: Process::Nginx(nginx) };
        }
        let folder = Folder::new();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let words: &[&str] = match kind {
            Kind::Caddy => {
                let quiet = "{\n    admin off\n    auto_https off\n    persist_config off\n}\n";
                write("Caddyfile", &format!("{quiet}{text}"));
                &["run", "--config", "Caddyfile"]
            }
            Kind::Traefik => {
                write("dynamic.yaml", &text);
                let entry = format!("entryPoints:\n  web:\n    address: 127.0.0.1:{port}\n");
                let file = "providers:\n  file:\n    filename: dynamic.yaml\n";
                let quiet = "global:\n  checkNewVersion: false\n  sendAnonymousUsage: false\n";
                write("traefik.yaml", &format!("{entry}{file}{quiet}"));
                &["--configFile=traefik.yaml"]
            }
            Kind::Envoy | Kind::Nginx => {
                write("envoy.yaml", &text);
                &[
                    "-c",
                    "envoy.yaml",
                    "--disable-hot-restart",
                    "--concurrency",
                    "1",
                    "-l",
                    "warning",
                ]
            }
        };
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program(kind))
            .args(words)
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("it can be started");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut front = Self { address, process: Process::Wheel(child, folder) };
        front.ready(kind).await;
        front
    }

    async fn ready(&mut self, kind: Kind) {
        let ask = format!("GET /home HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        for _ in 0..6_000 {
            // Traefik listens before it has read its routes.
            if TcpStream::connect(self.address).await.is_ok()
                && !matches!(status_of(self.address, &ask).await, 0 | 404)
            {
                return;
            }
            if let Process::Wheel(child, _) = &mut self.process
                && child.try_wait().unwrap().is_some()
            {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{kind:?} is not ready: {}", self.log());
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        match &self.process {
            Process::Nginx(nginx) => nginx.log(),
            Process::Wheel(_, folder) => {
                fs::read_to_string(folder.path().join("log")).unwrap_or_default()
            }
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- the proxy in front printed ---\n{}", self.log());
        }
    }
}

/// Lets a gateway answer other proxies.
pub(crate) fn answer_proxies(settings: &mut Settings, verify: &str) {
    let state = "state = \"state\"\n";
    let trusted = "trusted_proxies = [\"127.0.0.1/32\"]\n";
    settings.swaps.push((state, format!("{state}{trusted}verify = {verify}\n")));
}

/// A program from the wheels of `tests/peers/requirements.txt`.
fn program(kind: Kind) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/.venv");
    let libraries = fs::read_dir(root.join("lib")).into_iter().flatten().flatten();
    let packages = libraries.map(|python| python.path().join("site-packages"));
    let name = match kind {
        Kind::Caddy => "bin/caddy",
        Kind::Envoy | Kind::Nginx => "envoy/_bin/envoy",
        Kind::Traefik => "bin/traefik",
    };
    let found = packages.chain([root]).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed: run `make peers`"))
}
