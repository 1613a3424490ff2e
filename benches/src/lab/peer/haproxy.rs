//! haproxy, which verifies bearer tokens itself.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::lab::bearers::Bearers;
use crate::lab::machine::folder::Folder;
use crate::lab::machine::port::free;
use crate::lab::peer::{Feature, Guard, Peer, Running, running};
use crate::lab::surroundings::Surroundings;

/// `mode http`, and `jwt_verify` before it.
#[derive(Debug)]
pub(crate) struct HaProxy;

impl Peer for HaProxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn version(&self) -> Result<String> {
        let said = Command::new(program()).arg("-v").output().context("apt install haproxy")?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok(said.split_whitespace().nth(2).unwrap_or_default().to_owned())
    }

    fn guards(&self, guard: Guard) -> Option<&'static str> {
        match guard {
            Guard::Open => Some(""),
            Guard::BearerEs256 | Guard::BearerRs256 => Some("jwt_verify"),
            Guard::Session | Guard::SharedSession => None,
        }
    }

    fn has(&self, _: Feature) -> bool {
        true
    }

    fn start(&self, guard: Guard, around: &Surroundings) -> Result<Running> {
        let folder = Folder::new()?;
        let addresses = (free()?, free()?);
        let certs = around.certs.path();
        let pair = ["dev.pem", "dev.key"].map(|name| std::fs::read_to_string(certs.join(name)));
        let [chain, key] = pair;
        folder.write("pair.pem", &format!("{}\n{}", chain?, key?))?;
        let (mut check, mut credential) = (String::new(), String::new());
        if let Some(bearer) = Bearers::for_guard(guard)? {
            folder.write("issuer.pem", &bearer.public_pem)?;
            let alg = bearer.algorithm;
            check = format!(
                "http-request set-var(txn.token) http_auth_bearer\n    \
                 http-request deny unless {{ var(txn.token),jwt_header_query('$.alg') -m str {alg} }}\n    \
                 http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')\n    \
                 http-request set-var(txn.now) date()\n    \
                 http-request deny unless {{ var(txn.exp),sub(txn.now) -m int gt 0 }}\n    \
                 http-request deny unless {{ var(txn.token),jwt_verify({alg},\"issuer.pem\") -m int 1 }}"
            );
            credential = bearer.credential();
        }
        folder.write("haproxy.cfg", &configuration(addresses, &check, around))?;
        let mut command = Command::new(program());
        command.args(["-db", "-f", "haproxy.cfg"]);
        Ok(running(around.callgrind, command, folder, addresses)?.by(credential))
    }
}

fn configuration(
    (http, https): (std::net::SocketAddr, std::net::SocketAddr),
    check: &str,
    around: &Surroundings,
) -> String {
    let (backend, live) = (around.backend(), around.live.address);
    format!(
        r"
global
    maxconn 8000
    ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
    http-reuse always
frontend all
    bind {http} backlog 4096
    bind {https} ssl crt pair.pem alpn h2,http/1.1 backlog 4096
    {check}
    use_backend live if {{ path /events /ws }}
    default_backend app
backend app
    server app {backend}
backend live
    option http-no-delay
    server live {live}
"
    )
}

fn program() -> &'static str {
    let debian = "/usr/sbin/haproxy";
    if Path::new(debian).exists() { debian } else { "haproxy" }
}
