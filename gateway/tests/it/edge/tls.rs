//! TLS: which certificate, which protocol, and certificates that change while in use.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, ProtocolVersion, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::edge::tools::{get, limited};
use crate::support::certs::Authority;
use crate::support::gateway::Signal;
use crate::support::http::read_answer;
use crate::support::lab::Lab;
use crate::support::raw::exchange;
use crate::support::settings::HOST;

type Versions = &'static [&'static rustls::SupportedProtocolVersion];
const ANY: Versions = &[&TLS12, &TLS13];
const NEW: Versions = &[&TLS13];
const OLD: Versions = &[&TLS12];

#[tokio::test]
async fn both_versions_are_spoken_and_the_key_exchange_resists_quantum_computers() {
    let lab = limited(true, "").await;
    let at = lab.gateway.https.unwrap();
    let new = shake(at, HOST, NEW, &["h2", "http/1.1"]).await.unwrap();
    let (_, tls) = new.get_ref();
    assert_eq!(tls.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(tls.alpn_protocol(), Some(&b"h2"[..]));
    let group = tls.negotiated_key_exchange_group().map(|group| group.name());
    assert_eq!(group, Some(NamedGroup::X25519MLKEM768));
    let old = shake(at, HOST, OLD, &["http/1.1"]).await.unwrap();
    let (_, tls) = old.get_ref();
    assert_eq!(tls.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    let suite = format!("{:?}", tls.negotiated_cipher_suite().unwrap().suite());
    assert!(suite.contains("ECDHE") && !suite.contains("CBC"), "{suite}");
    assert!(shake(at, HOST, ANY, &["acme-tls/1"]).await.is_err(), "a protocol nobody speaks");
}

#[tokio::test]
async fn the_certificate_is_the_one_for_the_name_and_else_the_first() {
    let lab = limited(true, "").await;
    let (at, folder) = (lab.gateway.https.unwrap(), lab.gateway.folder());
    let second = folder.join("second");
    std::fs::create_dir(&second).unwrap();
    Authority::issue(&second, &["second.test", "*.wild.test"]);
    let mut settings = lab.settings.clone();
    let pairs = "certificates = [{ chain = \"chain.pem\", key = \"key.pem\" }, { chain = \"second/chain.pem\", key = \"second/key.pem\" }]";
    settings
        .swaps
        .push(("certificates = [{ chain = \"chain.pem\", key = \"key.pem\" }]", pairs.to_owned()));
    lab.gateway.rewrite(&settings.render());
    lab.gateway.signal(Signal::Hup).await;
    let (one, two) = (leaf(folder), leaf(&second));
    becomes(at, "second.test", &two).await;
    for (name, wanted) in [
        (HOST, &one),
        ("SeCoNd.TeSt", &two),
        ("a.wild.test", &two),
        ("a.b.wild.test", &one),
        ("wild.test", &one),
        ("nobody.test", &one),
        ("127.0.0.1", &one),
    ] {
        assert_eq!(&served(at, name).await, wanted, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_and_no_request_fails() {
    let lab = limited(true, "").await;
    let (at, folder) = (lab.gateway.https.unwrap(), lab.gateway.folder().to_owned());
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let clients = tokio::spawn(async move {
        let mut failed = Vec::new();
        while !stopped.load(Ordering::SeqCst) {
            let answer = match shake(at, HOST, ANY, &["http/1.1"]).await {
                Ok(stream) => ask(stream).await,
                Err(error) => Err(error),
            };
            failed.extend(answer.err().map(|error| error.to_string()));
        }
        failed
    });
    for round in 0..2 {
        let next = folder.join(format!("next-{round}"));
        std::fs::create_dir(&next).unwrap();
        Authority::issue(&next, &[HOST]);
        let new = leaf(&next);
        for file in ["chain.pem", "key.pem"] {
            std::fs::rename(next.join(file), folder.join(file)).unwrap();
        }
        becomes(at, HOST, &new).await;
    }
    stop.store(true, Ordering::SeqCst);
    assert_eq!(clients.await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_does_not_fit_changes_nothing_and_is_named() {
    let lab = limited(true, "").await;
    let (at, folder) = (lab.gateway.https.unwrap(), lab.gateway.folder());
    let old = leaf(folder);
    let other = folder.join("other");
    std::fs::create_dir(&other).unwrap();
    Authority::issue(&other, &[HOST]);
    for (file, text, words) in [
        ("key.pem", std::fs::read(other.join("key.pem")).unwrap(), "the key does not belong to"),
        ("key.pem", b"no key at all".to_vec(), "no private key"),
        ("chain.pem", Vec::new(), "no certificate"),
    ] {
        std::fs::write(folder.join(file), text).unwrap();
        lab.gateway.signal(Signal::Hup).await;
        assert!(lab.gateway.has_printed(words, 1).await, "{words}");
        assert_eq!(served(at, HOST).await, old);
    }
    let named = lab.gateway.has_printed("certificates[0].key", 1).await;
    assert!(named, "the log says which one");
}

#[tokio::test]
async fn http2_can_be_turned_off() {
    let lab = Lab::with(|settings| {
        settings.https = true;
        settings
            .swaps
            .push(("key = \"key.pem\" }] }", "key = \"key.pem\" }], http2 = false }".to_owned()));
    })
    .await;
    let stream = shake(lab.gateway.https.unwrap(), HOST, ANY, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    ask(stream).await.unwrap();
}

#[tokio::test]
async fn plain_http_leads_people_to_https_and_refuses_programs() {
    let lab = Lab::with(|settings| {
        settings.https = true;
        settings.swaps.push(("redirect_to_https = false", "redirect_to_https = true".to_owned()));
        settings.swaps.push(("\"http://localhost\"", "\"https://localhost:8443\"".to_owned()));
    })
    .await;
    let at = lab.gateway.http;
    let person = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n";
    let asked = |method: &str, host: &str, more: &str| {
        format!(
            "{method} /public/a%20b?c=d HTTP/1.1\r\nHost: {host}\r\n{more}Content-Length: 0\r\n\r\n"
        )
    };
    for host in ["localhost", "localhost:80", "LOCALHOST"] {
        let answer = exchange(at, asked("GET", host, person)).await.unwrap();
        assert_eq!(answer.status(), 308, "{host}");
        assert_eq!(answer.header("location"), Some("https://localhost:8443/public/a%20b?c=d"));
    }
    let program = exchange(at, asked("GET", "localhost", "Authorization: Bearer x\r\n")).await;
    assert!((400..500).contains(&program.unwrap().status()));
    let form = exchange(at, asked("POST", "localhost", person)).await.unwrap();
    assert!((400..500).contains(&form.status()), "{form:?}");
    let lost = exchange(at, asked("GET", "evil.example", person)).await.unwrap();
    assert_eq!((lost.status(), lost.header("location")), (421, None));
    assert!(lab.recorder.bytes().is_empty());
}

async fn shake(
    to: SocketAddr,
    name: &str,
    versions: Versions,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let tcp = TcpStream::connect(to).await?;
    let name = ServerName::try_from(name.to_owned()).map_err(std::io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

async fn ask(mut stream: TlsStream<TcpStream>) -> std::io::Result<()> {
    use tokio::io::AsyncWriteExt;
    stream.write_all(get("/public/x").as_bytes()).await?;
    stream.flush().await?;
    let answer = read_answer(&mut stream, "GET").await?;
    if answer.status() == 200 { Ok(()) } else { Err(std::io::Error::other(answer.start)) }
}

async fn served(at: SocketAddr, name: &str) -> CertificateDer<'static> {
    let stream = shake(at, name, ANY, &["http/1.1"]).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

async fn becomes(at: SocketAddr, name: &str, wanted: &CertificateDer<'static>) {
    for _ in 0..600 {
        if served(at, name).await == *wanted {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} never got its certificate");
}

fn leaf(folder: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(folder.join("chain.pem")).unwrap()
}

/// Takes any certificate; the tests look at it themselves.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
