//! Apache httpd with `mod_auth_openidc`, as a resource server.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::lab::bearers::Bearers;
use crate::lab::machine::folder::Folder;
use crate::lab::machine::port::free;
use crate::lab::peer::{Feature, Guard, Peer, Running, running};
use crate::lab::surroundings::Surroundings;

/// `mod_proxy`, and `AuthType oauth20` before it.
#[derive(Debug)]
pub(crate) struct Apache;

const PROGRAM: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";

impl Peer for Apache {
    fn name(&self) -> &'static str {
        "apache"
    }

    fn version(&self) -> Result<String> {
        if !Path::new(MODULES).join("mod_auth_openidc.so").is_file() {
            bail!("apt install apache2 libapache2-mod-auth-openidc");
        }
        let said = Command::new(PROGRAM).arg("-v").output()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let version = said.split_whitespace().find_map(|word| word.strip_prefix("Apache/"));
        Ok(version.unwrap_or_default().to_owned())
    }

    fn guards(&self, guard: Guard) -> Option<&'static str> {
        match guard {
            Guard::Open => Some(""),
            Guard::BearerRs256 => Some("mod_auth_openidc"),
            _ => None,
        }
    }

    fn has(&self, feature: Feature) -> bool {
        feature == Feature::Tls
    }

    fn one_process(&self) -> bool {
        // Its many threads of its own make no steady count.
        false
    }

    fn start(&self, guard: Guard, around: &Surroundings) -> Result<Running> {
        let folder = Folder::new()?;
        let (http, https) = (free()?, free()?);
        let (certs, backend) = (around.certs.path().display(), around.backend());
        let (mut auth, mut credential) = (String::new(), String::new());
        if let Some(bearer) = Bearers::for_guard(guard)? {
            folder.write("issuer.pem", &bearer.public_pem)?;
            auth = format!(
                "LoadModule auth_openidc_module {MODULES}/mod_auth_openidc.so\n\
                 OIDCOAuthVerifyCertFiles lab#{}/issuer.pem\n\
                 <Location />\nAuthType oauth20\nRequire valid-user\n</Location>",
                folder.path().display()
            );
            credential = bearer.credential();
        }
        let modules = [
            ("mpm_event", "mpm_event"),
            ("authn_core", "authn_core"),
            ("authz_core", "authz_core"),
            ("authz_user", "authz_user"),
            ("proxy", "proxy"),
            ("proxy_http", "proxy_http"),
            ("ssl", "ssl"),
        ];
        let load = modules
            .map(|(name, file)| format!("LoadModule {name}_module {MODULES}/mod_{file}.so\n"));
        let configuration = format!(
            r"
{load}
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile apache.pid
ServerName localhost
ErrorLog /dev/stderr
LogLevel error
Listen {http}
Listen {https} https
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 75
ProxyPass / http://{backend}/ keepalive=On
SSLProtocol TLSv1.3
{auth}
<VirtualHost {https}>
    SSLEngine on
    SSLCertificateFile {certs}/dev.pem
    SSLCertificateKeyFile {certs}/dev.key
</VirtualHost>
",
            load = load.concat(),
            folder = folder.path().display(),
        );
        folder.write("apache.conf", &configuration)?;
        let file = folder.path().join("apache.conf");
        let mut command = Command::new(PROGRAM);
        command.args(["-D", "FOREGROUND", "-f"]).arg(file);
        Ok(running(around.callgrind, command, folder, (http, https))?.by(credential))
    }
}
