//! A real LDAP server: `slapd`.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command as Now, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::support::certs::Authority;
use crate::support::folder::Folder;
use crate::support::port;

/// A running slapd; killed when dropped. Its authority's certificate is `ca.pem` in its folder.
pub(crate) struct Slapd {
    /// For clear text and `StartTLS`.
    pub(crate) address: SocketAddr,
    /// For TLS from the start.
    pub(crate) secure: SocketAddr,
    pub(crate) folder: Folder,
    child: Child,
}

pub(crate) const SERVICE: &str = "cn=portcullis,dc=corp,dc=test";
pub(crate) const SERVICE_PASSWORD: &str = "canary-service-password";

impl Slapd {
    /// Starts one with these entries below `dc=corp,dc=test`.
    pub(crate) async fn start(entries: &str) -> Self {
        let folder = Folder::new();
        Authority::issue(folder.path(), &["localhost"]);
        let place = folder.path().display();
        // `bind_anon_dn` takes a bind without a password for anybody, as RFC 4513 has it: the gateway
        // must not.
        let schemas: String = ["core", "cosine", "inetorgperson"]
            .map(|name| format!("include /etc/ldap/schema/{name}.schema\n"))
            .concat();
        let text = format!(
            "{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload memberof\n\
             moduleload argon2\nallow bind_anon_dn\nloglevel stats\n\
             TLSCertificateFile {place}/chain.pem\nTLSCertificateKeyFile {place}/key.pem\n\
             TLSCACertificateFile {place}/ca.pem\n\
             database mdb\nsuffix \"dc=corp,dc=test\"\ndirectory {place}/db\noverlay memberof\n\
             access to attrs=userPassword by anonymous auth by * none\n\
             access to * by dn.exact=\"{SERVICE}\" read by self read by * none\n"
        );
        fs::create_dir(folder.path().join("db")).unwrap();
        fs::write(folder.path().join("slapd.conf"), text).unwrap();
        let own = format!(
            "dn: dc=corp,dc=test\nobjectClass: dcObject\nobjectClass: organization\no: Corp\n\
             dc: corp\n\ndn: {SERVICE}\nobjectClass: organizationalRole\n\
             objectClass: simpleSecurityObject\ncn: portcullis\nuserPassword: {SERVICE_PASSWORD}\n\n"
        );
        fs::write(folder.path().join("entries.ldif"), own + entries).unwrap();
        let conf = folder.path().join("slapd.conf");
        let added = Now::new("/usr/sbin/slapadd")
            .arg("-f")
            .arg(&conf)
            .arg("-l")
            .arg(folder.path().join("entries.ldif"))
            .output()
            .expect("slapd is installed: run .ci/prerequisites test");
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let free = || SocketAddr::from(([127, 0, 0, 1], port::free()));
        let (address, secure) = (free(), free());
        let child = spawn(&folder, address, secure);
        let mut slapd = Self { address, secure, folder, child };
        slapd.listens().await;
        slapd
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again on the same data.
    pub(crate) async fn again(&mut self) {
        self.child = spawn(&self.folder, self.address, self.secure);
        self.listens().await;
    }

    /// What it logged: each operation of each connection.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    async fn listens(&mut self) {
        for _ in 0..1_500 {
            if TcpStream::connect(self.address).await.is_ok() {
                return;
            }
            if self.child.try_wait().unwrap().is_some() {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("slapd does not listen: {}", self.log());
    }
}

fn spawn(folder: &Folder, address: SocketAddr, secure: SocketAddr) -> Child {
    let log = folder.path().join("log");
    let log = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    Command::new("/usr/sbin/slapd")
        .args(["-h", &format!("ldap://{address} ldaps://{secure}"), "-d", "stats", "-f"])
        .arg(folder.path().join("slapd.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("slapd is installed: run .ci/prerequisites test")
}
