//! Caddy.

use std::process::Command;

use anyhow::Result;

use crate::lab::machine::folder::Folder;
use crate::lab::machine::port::free;
use crate::lab::peer::own::AuthService;
use crate::lab::peer::{Feature, Guard, Peer, Running, running, wheel};
use crate::lab::surroundings::{Surroundings, TOKEN_HEADER};

/// `reverse_proxy`, and `forward_auth` before it.
#[derive(Debug)]
pub(crate) struct Caddy;

impl Peer for Caddy {
    fn name(&self) -> &'static str {
        "Caddy"
    }

    fn version(&self) -> Result<String> {
        let said = Command::new(wheel::program(&["caddy"])?).arg("version").output()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok(said.split_whitespace().next().unwrap_or_default().trim_start_matches('v').to_owned())
    }

    fn guards(&self, guard: Guard) -> Option<&'static str> {
        match guard {
            Guard::Open => Some(""),
            Guard::Session => Some("forward_auth to a Rust service"),
            Guard::SharedSession | Guard::BearerEs256 | Guard::BearerRs256 => None,
        }
    }

    fn has(&self, _: Feature) -> bool {
        true
    }

    fn one_process(&self) -> bool {
        // Its many threads of its own make no steady count.
        false
    }

    fn start(&self, guard: Guard, around: &Surroundings) -> Result<Running> {
        let service = if guard == Guard::Session { Some(AuthService::start()?) } else { None };
        let auth = service.as_ref().map(|service| {
            format!(
                "forward_auth {} {{\n\t\turi /auth\n\t\tcopy_headers {TOKEN_HEADER}\n\t}}",
                service.address
            )
        });
        let folder = Folder::new()?;
        let (http, https) = (free()?, free()?);
        let (certs, backend, live) =
            (around.certs.path().display(), around.backend(), around.live.address);
        let configuration = format!(
            r"{{
	admin off
	auto_https off
	persist_config off
	storage file_system {folder}
	log {{
		level ERROR
	}}
	servers {{
		protocols h1 h2
	}}
}}
(app) {{
	{auth}
	@live path /events /ws
	reverse_proxy @live {live} {{
		flush_interval -1
	}}
	reverse_proxy {backend} {{
		transport http {{
			keepalive_idle_conns_per_host 64
		}}
	}}
}}
http://:{http_port} {{
	import app
}}
https://:{https_port} {{
	tls {certs}/dev.pem {certs}/dev.key {{
		protocols tls1.3
	}}
	import app
}}
",
            folder = folder.path().display(),
            auth = auth.unwrap_or_default(),
            http_port = http.port(),
            https_port = https.port(),
        );
        folder.write("Caddyfile", &configuration)?;
        let mut command = Command::new(wheel::program(&["caddy"])?);
        command.args(["run", "--config", "Caddyfile"]).env("HOME", folder.path());
        let up = running(around.callgrind, command, folder, (http, https))?;
        Ok(match service {
            Some(service) => up.with(service.server).by(service.credential),
            None => up,
        })
    }
}
