//! nginx: the backend of all, and the proxy that the others are compared with.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::lab::machine::folder::Folder;
use crate::lab::machine::port::free;
use crate::lab::peer::own::AuthService;
use crate::lab::peer::{Feature, Guard, Peer, Running, running};
use crate::lab::surroundings::{BODY, Surroundings};

/// `proxy_pass`, and `auth_request` before it.
#[derive(Debug)]
pub(crate) struct Nginx;

impl Peer for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn version(&self) -> Result<String> {
        let said = Command::new(program()).arg("-v").output().context("apt install nginx")?;
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        Ok(said.trim().rsplit('/').next().unwrap_or_default().to_owned())
    }

    fn guards(&self, guard: Guard) -> Option<&'static str> {
        match guard {
            Guard::Open => Some(""),
            Guard::Session => Some("auth_request to a Rust service"),
            Guard::SharedSession => Some("auth_request, its answer cached 30 s"),
            Guard::BearerEs256 | Guard::BearerRs256 => None,
        }
    }

    fn has(&self, _: Feature) -> bool {
        true
    }

    fn start(&self, guard: Guard, around: &Surroundings) -> Result<Running> {
        if guard == Guard::Open {
            return start(around.callgrind, |at| servers(around, at, "", ""));
        }
        let service = AuthService::start()?;
        let cached = if guard == Guard::SharedSession { CACHED } else { "" };
        let outside = format!(
            "proxy_cache_path cache keys_zone=auth:1m;\n    \
             upstream auth {{ server {}; keepalive 64; keepalive_requests 1000000; }}",
            service.address
        );
        let inside = format!(
            r#"
        auth_request /auth;
        auth_request_set $token $upstream_http_x_user_jwt;
        proxy_set_header X-User-JWT $token;
        location = /auth {{
            internal;
            proxy_pass http://auth;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_pass_request_body off;
            {cached}
        }}"#
        );
        let up = start(around.callgrind, |at| servers(around, at, &outside, &inside))?;
        Ok(up.with(service.server).by(service.credential))
    }
}

const CACHED: &str = "proxy_cache auth; proxy_cache_key $http_cookie; proxy_cache_valid 200 30s;";

/// An answer of 1 KiB out of memory, and a page that shows the token it was sent.
pub(crate) fn backend() -> Result<Running> {
    let body = "x".repeat(BODY);
    start(false, |(http, _)| {
        format!(
            r#"
    server {{
        listen {http} backlog=4096;
        location / {{ return 200 "{body}"; }}
        location /token {{ return 200 "$http_x_user_jwt"; }}
    }}"#
        )
    })
}

fn servers(around: &Surroundings, (http, https): Addresses, outside: &str, inside: &str) -> String {
    let (certs, backend, live) =
        (around.certs.path().display(), around.backend(), around.live.address);
    format!(
        r#"
    upstream backend {{ server {backend}; keepalive 64; keepalive_requests 1000000; }}
    ssl_certificate {certs}/dev.pem;
    ssl_certificate_key {certs}/dev.key;
    ssl_protocols TLSv1.3;
    {outside}
    server {{
        listen {http} backlog=4096;
        listen {https} ssl http2 backlog=4096;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        location / {{ proxy_pass http://backend; }}
        location = /events {{
            proxy_pass http://{live};
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
        location = /ws {{
            proxy_pass http://{live};
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_read_timeout 1h;
        }}
        {inside}
    }}"#
    )
}

/// Where it speaks HTTP and HTTPS.
type Addresses = (SocketAddr, SocketAddr);

fn start(callgrind: bool, servers: impl FnOnce(Addresses) -> String) -> Result<Running> {
    let folder = Folder::new()?;
    let addresses = (free()?, free()?);
    folder.write("nginx.conf", &configuration(callgrind, &servers(addresses)))?;
    let prefix = format!("{}/", folder.path().display());
    let mut command = Command::new(program());
    command.args(["-p", &prefix, "-c", "nginx.conf", "-e", "stderr"]);
    running(callgrind, command, folder, addresses)
}

fn configuration(callgrind: bool, servers: &str) -> String {
    // callgrind sees one process only.
    let processes = if callgrind { "master_process off;" } else { "worker_processes auto;" };
    format!(
        r"
daemon off;
pid nginx.pid;
{processes}
worker_rlimit_nofile 32768;
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
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
