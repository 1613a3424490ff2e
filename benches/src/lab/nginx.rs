//! nginx, as the backend of all and as the proxy that the gateway is compared with.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::lab::folder::Folder;
use crate::lab::pause::wait_for;
use crate::lab::process::Server;

/// A running nginx.
#[derive(Debug)]
pub(super) struct Nginx {
    pub(super) server: Server,
    /// Where it speaks plain HTTP.
    pub(super) http: SocketAddr,
    /// Where it speaks HTTPS; only the proxy does.
    pub(super) https: SocketAddr,
    _folder: Folder,
}

/// The bytes of an answer's body.
pub(super) const BODY: usize = 1024;

impl Nginx {
    /// The backend: an answer of 1 KiB out of memory, and a page that shows the token it was sent.
    pub(super) fn backend() -> Result<Self> {
        let body = "x".repeat(BODY);
        Self::start(|http, _| {
            format!(
                r#"
    keepalive_requests 1000000;
    server {{
        listen {http} backlog=4096;
        location / {{ return 200 "{body}"; }}
        location /minted/token {{ return 200 "$http_x_user_jwt"; }}
    }}"#
            )
        })
    }

    /// The plain proxy, with kept connections to its backends.
    pub(super) fn proxy(backend: SocketAddr, echo: SocketAddr, certs: &Path) -> Result<Self> {
        let certs = certs.display();
        Self::start(|http, https| {
            format!(
                r#"
    upstream backend {{ server {backend}; keepalive 64; keepalive_requests 1000000; }}
    ssl_certificate {certs}/dev.pem;
    ssl_certificate_key {certs}/dev.key;
    ssl_protocols TLSv1.3;
    keepalive_requests 1000;
    server {{
        listen {http} backlog=4096;
        listen {https} ssl backlog=4096;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
        location /ws {{
            proxy_pass http://{echo};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_read_timeout 1h;
        }}
    }}"#
            )
        })
    }

    fn start(servers: impl FnOnce(SocketAddr, SocketAddr) -> String) -> Result<Self> {
        let folder = Folder::new()?;
        let (http, https) = (free()?, free()?);
        folder.write("nginx.conf", &configuration(&servers(http, https)))?;
        let prefix = format!("{}/", folder.path().display());
        let server = Server::start(
            Command::new(program())
                .args(["-p", &prefix, "-c", "nginx.conf", "-e", "error.log"])
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let up = wait_for(Duration::from_secs(5), || TcpStream::connect(http).ok());
        up.with_context(|| {
            let log = std::fs::read_to_string(folder.path().join("error.log"));
            format!("nginx does not listen: {}", log.unwrap_or_default())
        })?;
        Ok(Self { server, http, https, _folder: folder })
    }
}

/// The version that `nginx -v` tells.
pub(super) fn version() -> String {
    let said = Command::new(program()).arg("-v").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    said.unwrap_or_default().trim().rsplit('/').next().unwrap_or_default().to_owned()
}

fn configuration(servers: &str) -> String {
    format!(
        r"
daemon off;
pid nginx.pid;
worker_processes auto;
worker_rlimit_nofile 16384;
error_log error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_timeout 75s;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{servers}
}}
"
    )
}

/// Debian keeps it where the search path of ordinary users does not lead.
fn program() -> &'static str {
    let debian = "/usr/sbin/nginx";
    if Path::new(debian).exists() { debian } else { "nginx" }
}

/// A port that nobody has just now: nginx cannot choose one itself.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
