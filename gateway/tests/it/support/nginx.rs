//! A real nginx in front of the gateway and of the application.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::support::folder::Folder;
use crate::support::port;

/// A running nginx; killed when dropped.
pub(crate) struct Nginx {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    folder: Folder,
    child: Child,
}

impl Nginx {
    /// Starts one with what stands in its `http` block; `LISTEN` in it is where it shall listen.
    pub(crate) async fn start(servers: &str) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port::free()));
        let folder = Folder::new();
        let servers = servers.replace("LISTEN", &address.to_string());
        let text = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log error.log info;\n\
             events {{ worker_connections 256; }}\nhttp {{\naccess_log off;\n\
             client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n{servers}\n}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let child = Command::new(program())
            .args(["-p", &format!("{}/", folder.path().display()), "-c", "nginx.conf"])
            .args(["-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx is installed: run .ci/prerequisites test");
        let mut nginx = Self { address, folder, child };
        for _ in 0..3_000 {
            if TcpStream::connect(address).await.is_ok() {
                return nginx;
            }
            if nginx.child.try_wait().unwrap().is_some() {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("nginx does not listen: {}", nginx.log());
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

/// Debian keeps it where the search path of ordinary users does not lead.
fn program() -> &'static str {
    let debian = "/usr/sbin/nginx";
    if Path::new(debian).exists() { debian } else { "nginx" }
}
