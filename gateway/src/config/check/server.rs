//! Checks of `[server]`.

use std::path::Path;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::config::check::findings::Problem;
use crate::config::limits::Limits;
use crate::config::origin::Origin;
use crate::config::server::{Certificate, Server};

/// What the system's `sockaddr_un` holds.
const LONGEST_SOCKET: usize = 107;
/// 128 bits, as hexadecimal digits.
const SHORTEST_TOKEN: usize = 32;

pub(super) fn check(server: &Server, problems: &mut Vec<Problem>) {
    origins(server, problems);
    listeners(server, problems);
    limits(&server.limits, problems);
    admin(server, problems);
    if server.state.exists() && !server.state.is_dir() {
        let message = format!("`{}` is not a directory", server.state.display());
        problems.push(Problem::new("server.state", message, "name a directory"));
    }
    let certificates = server.https.iter().flat_map(|https| &https.certificates);
    for (index, certificate) in certificates.enumerate() {
        let path = format!("server.https.certificates[{index}]");
        pair(&path, certificate, problems);
    }
}

/// Reads the certificates of a PEM file; says why it can't.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(format!("`{shown}` holds no certificate")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(format!("`{shown}` is not PEM: {error}")),
    }
}

fn origins(server: &Server, problems: &mut Vec<Problem>) {
    let loopback = |path: String, origin: &Origin, problems: &mut Vec<Problem>| {
        if !origin.get().is_https() && !origin.is_loopback() {
            problems.push(Problem::new(
                path,
                format!("`{origin}` is plain http, and not on this machine"),
                "use https; session cookies in clear text can be stolen on the way",
            ));
        }
    };
    loopback("server.public_url".to_owned(), &server.public_url, problems);
    for (index, origin) in server.origins.iter().enumerate() {
        loopback(format!("server.origins[{index}]"), origin, problems);
    }
}

fn listeners(server: &Server, problems: &mut Vec<Problem>) {
    if server.http.is_none() && server.https.is_none() {
        problems.push(Problem::new(
            "server",
            "nothing listens for requests",
            "add http = { listen = \"127.0.0.1:8080\" }, or https with a certificate",
        ));
    }
    if server.https.as_ref().is_some_and(|https| https.certificates.is_empty()) {
        problems.push(Problem::new(
            "server.https.certificates",
            "TLS needs a certificate",
            "add { chain = \"app.pem\", key = \"app.key\" }; `portcullis certs dev` makes some",
        ));
    }
    if server.http.as_ref().is_some_and(|http| http.redirect_to_https)
        && !server.public_url.get().is_https()
    {
        problems.push(Problem::new(
            "server.http.redirect_to_https",
            "the redirect leads to public_url, which is not https",
            "make server.public_url an https URL, or leave the redirect out",
        ));
    }
    let http = server.http.as_ref().map(|http| ("server.http.listen", http.listen));
    let https = server.https.as_ref().map(|https| ("server.https.listen", https.listen));
    let admin = Some(("server.admin.listen", server.admin.listen));
    let mut taken = Vec::new();
    for (path, listen) in [http, https, admin].into_iter().flatten() {
        let clash = taken.iter().find(|(_, other)| *other == listen && listen.port() != 0);
        if let Some((other, _)) = clash {
            let message = format!("{listen} is taken by {other}");
            problems.push(Problem::new(path, message, "give each listener its own port"));
        }
        taken.push((path, listen));
    }
}

fn admin(server: &Server, problems: &mut Vec<Problem>) {
    let socket = server.admin_socket();
    if socket.as_os_str().len() > LONGEST_SOCKET {
        problems.push(Problem::new(
            "server.admin.socket",
            format!("`{}` is too long for the name of a socket", socket.display()),
            "name one of at most 107 bytes, such as \"/run/portcullis/admin.sock\"",
        ));
    }
    let token = server.admin.token.as_ref().map(|token| token.secret().expose().len());
    // An empty one has its own fault already.
    if token.is_some_and(|length| (1..SHORTEST_TOKEN).contains(&length)) {
        problems.push(Problem::new(
            "server.admin.token",
            format!("a token of fewer than {SHORTEST_TOKEN} characters can be guessed"),
            "make one: openssl rand -hex 32",
        ));
    }
}

fn limits(limits: &Limits, problems: &mut Vec<Problem>) {
    let zeros = [
        ("connections", limits.connections == 0),
        ("header_time", limits.header_time.is_zero()),
        ("tls_handshake_time", limits.tls_handshake_time.is_zero()),
        ("idle_time", limits.idle_time.is_zero()),
        ("requests_per_connection", limits.requests_per_connection == 0),
        ("headers", limits.headers == 0),
        ("body_time", limits.body_time.is_zero()),
        ("write_time", limits.write_time.is_zero()),
        ("http2_streams", limits.http2_streams == 0),
    ];
    for (key, _) in zeros.into_iter().filter(|(_, zero)| *zero) {
        problems.push(Problem::new(
            format!("server.limits.{key}"),
            "0 would refuse every request",
            "leave it out for the default",
        ));
    }
    if !(1 << 10..=1 << 20).contains(&limits.header_bytes.bytes()) {
        problems.push(Problem::new(
            "server.limits.header_bytes",
            format!("{} is not between 1KiB and 1MiB", limits.header_bytes),
            "leave it out for the default, 32KiB",
        ));
    }
}

fn pair(path: &str, certificate: &Certificate, problems: &mut Vec<Problem>) {
    const REMEDY: &str = "name a PEM file that the gateway's user can read; \
        `portcullis certs dev` makes a certificate for development";
    let chain = certificates(&certificate.chain)
        .map_err(|message| problems.push(Problem::new(format!("{path}.chain"), message, REMEDY)));
    let key = key(&certificate.key)
        .map_err(|message| problems.push(Problem::new(format!("{path}.key"), message, REMEDY)));
    let (Ok(chain), Ok(key)) = (chain, key) else {
        return;
    };
    let message = match any_supported_type(&key) {
        Ok(key) => match CertifiedKey::new(chain, key).keys_match() {
            Ok(()) => return,
            Err(_) => "the key does not belong to the certificate".to_owned(),
        },
        Err(error) => format!("the key cannot be used: {error}"),
    };
    let remedy = "name the key that the certificate was made with";
    problems.push(Problem::new(format!("{path}.key"), message, remedy));
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| format!("`{shown}` holds no private key in PEM"))
}
