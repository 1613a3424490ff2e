//! A real PostgreSQL server.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Now, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::support::certs::Authority;
use crate::support::folder::Folder;
use crate::support::port;

/// A running server with TLS, which takes nothing else over TCP; killed when dropped. Its authority's
/// certificate is `ca.pem` in its folder.
pub(crate) struct Postgres {
    pub(crate) address: SocketAddr,
    pub(crate) folder: Folder,
    child: Child,
}

/// The gateway's own password in it; its name is `portcullis`, the database is `people`.
pub(crate) const DATABASE_PASSWORD: &str = "canary-database-password";

/// It refuses to run as root; then it is nobody.
const NOBODY: u32 = 65_534;

impl Postgres {
    /// Starts one and runs `sql` in its database.
    pub(crate) async fn start(sql: &str) -> Self {
        let folder = Folder::new();
        Authority::issue(folder.path(), &["localhost"]);
        fs::set_permissions(folder.path().join("key.pem"), fs::Permissions::from_mode(0o600))
            .unwrap();
        if is_root(folder.path()) {
            let inside = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            for path in inside.chain([folder.path().to_owned()]) {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let data = folder.path().join("data");
        let made = as_user(program("initdb"), folder.path())
            .args(["--no-sync", "--auth=trust", "--username=admin", "--encoding=UTF8", "-D"])
            .arg(&data)
            .output()
            .expect("PostgreSQL is installed: run .ci/prerequisites test");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let rules = "local all admin trust\nhostssl people portcullis all scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), rules).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port::free()));
        let child = spawn(&folder, address);
        let mut postgres = Self { address, folder, child };
        postgres.answers().await;
        postgres.run("postgres", "CREATE DATABASE people");
        let role = format!("CREATE ROLE portcullis LOGIN PASSWORD '{DATABASE_PASSWORD}'");
        postgres.run("people", &format!("{role}; {sql}"));
        postgres
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Now::new("kill").args(["-QUIT", &pid]).status().unwrap().success());
        self.child.wait().await.unwrap();
    }

    /// Starts it again on the same data.
    pub(crate) async fn again(&mut self) {
        self.child = spawn(&self.folder, self.address);
        self.answers().await;
    }

    /// Runs statements as its administrator; gives what they print.
    pub(crate) fn run(&self, database: &str, sql: &str) -> String {
        let out = self.psql(database, sql);
        assert!(out.status.success(), "{sql}\n{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        as_user(program("psql"), self.folder.path())
            .args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-U", "admin", "-d", database])
            .arg("-h")
            .arg(self.folder.path())
            .args(["-p", &self.address.port().to_string(), "-c", sql])
            .output()
            .expect("PostgreSQL is installed: run .ci/prerequisites test")
    }

    async fn answers(&mut self) {
        for _ in 0..1_200 {
            if self.psql("postgres", "SELECT 1").status.success() {
                return;
            }
            if self.child.try_wait().unwrap().is_some() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("PostgreSQL does not answer: {log}");
    }
}

fn spawn(folder: &Folder, address: SocketAddr) -> Child {
    let log = folder.path().join("log");
    let log = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    let place = folder.path().display();
    let mut command = as_user(program("postgres"), folder.path());
    for setting in [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={}", address.port()),
        format!("unix_socket_directories={place}"),
        "fsync=off".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={place}/chain.pem"),
        format!("ssl_key_file={place}/key.pem"),
    ] {
        command.args(["-c", &setting]);
    }
    command.arg("-D").arg(folder.path().join("data"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Command::from(command).kill_on_drop(true).spawn().unwrap()
}

fn as_user(program: PathBuf, folder: &Path) -> Now {
    let mut command = Now::new(program);
    command.current_dir("/");
    // By now the folder is nobody's, where we are root.
    if Now::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
        let owner = fs::metadata(folder).unwrap();
        command.uid(owner.uid()).gid(owner.gid());
    }
    command
}

fn is_root(own: &Path) -> bool {
    fs::metadata(own).unwrap().uid() == 0
}

/// Debian keeps a folder for each version, beside the search path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|it| it.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}
