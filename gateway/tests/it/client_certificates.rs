//! Client certificates: verified in the handshake, for one site, and no longer than they are good.

use std::sync::Arc;

use portcullis::base::{Clock, SystemClock};
use rcgen::ExtendedKeyUsagePurpose;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::client::{Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::support::client_certs::{Ca, Client, ENDED, Shown};
use crate::support::forge::claims;
use crate::support::gateway::Signal;
use crate::support::h2::H2;
use crate::support::http::{Message, read_answer};
use crate::support::lab::Lab;
use crate::support::raw::{Raw, exchange};
use crate::support::settings::HOST;

const ANY: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
const ANN: &str = "spiffe://corp.test/ann";

/// Three sites: `localhost` asks for nothing, `shut.test` requires a certificate, `maybe.test` takes
/// one. A list of revoked certificates is beside them.
struct House {
    lab: Lab,
    sites: Ca,
    people: Ca,
}

const SECTIONS: &str = r#"
[client_certificates.corp]
ca = ["people.pem"]
crl = ["people.crl"]
required = true
subject = "uri"
issuer = "urn:corp"
claims = { groups = "organizational_unit" }

[client_certificates.maybe]
ca = ["people.pem"]
crl = ["people.crl"]
subject = "uri"

[trusted_headers]
from_certificates = { client_certificates = "maybe", subjects = ["spiffe://corp.test/proxy"] }

[[routes]]
name = "shut"
host = "shut.test"
path = "/*"
auth = ["client_certificate"]
access = "authenticated"
upstream = "agent"

[[routes]]
name = "perhaps"
host = "maybe.test"
path = "/*"
auth = ["trusted_headers", "client_certificate", "anonymous"]
access = "public"
upstream = "agent"

[[routes]]
name = "open"
host = "localhost"
path = "/open/*"
auth = ["trusted_headers", "client_certificate", "anonymous"]
access = "public"
upstream = "agent"
"#;

const SITES: &str = r#"certificates = [
  { chain = "chain.pem", key = "key.pem" },
  { chain = "shut.pem", key = "shut.key", client_certificates = "corp" },
  { chain = "maybe.pem", key = "maybe.key", client_certificates = "maybe" },
]"#;

impl House {
    async fn open() -> Self {
        let (sites, people) = (Ca::new(), Ca::new());
        let mut files = vec![("people.pem".to_owned(), people.pem())];
        files.push(("people.crl".to_owned(), people.revoke(&[66])));
        let pairs = [("chain.pem", "key.pem", HOST), ("shut.pem", "shut.key", "shut.test")];
        for (chain, key, name) in
            pairs.into_iter().chain([("maybe.pem", "maybe.key", "maybe.test")])
        {
            let (chain_pem, key_pem) = sites.site(&[name, &format!("*.{name}")]);
            files.extend([(chain.to_owned(), chain_pem), (key.to_owned(), key_pem)]);
        }
        let lab = Lab::with(|settings| {
            settings.https = true;
            settings.files = files;
            settings.issuers = SECTIONS.to_owned();
            let one = "certificates = [{ chain = \"chain.pem\", key = \"key.pem\" }]";
            settings.swaps.push((one, SITES.to_owned()));
        })
        .await;
        Self { lab, sites, people }
    }

    fn ann(&self) -> Shown {
        self.people.client(&Client::new(ANN))
    }

    /// A client that shows this.
    fn with(&self, shown: Option<&Shown>) -> ClientConfig {
        self.sites.visitor(shown, ANY, &["http/1.1"])
    }

    /// Connects for `name`, asks `host` for a page.
    async fn visit(
        &self,
        config: ClientConfig,
        name: &str,
        host: &str,
        lines: &str,
    ) -> std::io::Result<Message> {
        let at = self.lab.gateway.https.unwrap();
        let mut raw = Raw::connect_tls(at, name, Arc::new(config)).await?;
        raw.send(request(host, "/open/x", lines)).await;
        raw.answer().await
    }

    fn last_subject(&self) -> String {
        claims(&self.lab.last_token())["sub"].as_str().unwrap().to_owned()
    }
}

fn request(host: &str, path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")
}

#[tokio::test]
async fn a_good_certificate_names_its_holder_and_others_end_the_handshake() {
    let house = House::open().await;
    let ann = house.ann();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        for name in ["shut.test", "ShUt.TeSt", "a.shut.test"] {
            let config = house.sites.visitor(Some(&ann), versions, &["http/1.1"]);
            let host = "shut.test";
            let answer = house.visit(config, name, host, "").await.unwrap();
            assert_eq!(answer.status(), 200, "{name}: {}", answer.text());
            let minted = claims(&house.lab.last_token());
            assert_eq!(minted["sub"], ANN);
            assert_eq!(minted["idp"], "urn:corp");
            assert_eq!(minted["name"], "Ann");
            assert_eq!(minted["groups"], serde_json::json!(["staff"]));
            assert_eq!(minted["auth_method"], "client_certificate");
        }
    }
    house.lab.recorder.clear();
    let wrong_purpose = ExtendedKeyUsagePurpose::ServerAuth;
    let bad = [
        ("another authority", Ca::new().client(&Client::new(ANN))),
        ("expired", house.people.client(&Client { ends_in: -60, ..Client::new(ANN) })),
        ("revoked", house.people.client(&Client { serial: 66, ..Client::new(ANN) })),
        ("a server's", house.people.client(&Client { purpose: wrong_purpose, ..Client::new(ANN) })),
    ];
    for versions in [&[&TLS12][..], &[&TLS13]] {
        for name in ["shut.test", "SHUT.TEST", "maybe.test"] {
            for (what, shown) in &bad {
                let config = house.sites.visitor(Some(shown), versions, &["http/1.1"]);
                let answer = house.visit(config, name, name, "").await;
                assert!(answer.is_err(), "{what} at {name}: {answer:?}");
            }
        }
        let nothing = || house.sites.visitor(None, versions, &["http/1.1"]);
        for name in ["shut.test", "ShUt.TeSt", "a.shut.test"] {
            assert!(
                house.visit(nothing(), name, "shut.test", "").await.is_err(),
                "{name}: nothing"
            );
        }
        assert!(house.lab.recorder.requests().is_empty());
        let answer = house.visit(nothing(), "maybe.test", "maybe.test", "").await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(house.last_subject(), "anonymous");
        house.lab.recorder.clear();
    }
}

/// CVE-2025-23419 and its kin: the handshake is for one host, the request for another.
#[tokio::test]
async fn a_connection_for_one_host_is_misdirected_for_another_that_asks() {
    let house = House::open().await;
    let ann = house.ann();
    for (name, host) in [
        (HOST, "shut.test"),
        (HOST, "SHUT.test:443"),
        (HOST, "maybe.test"),
        ("a.maybe.test", "shut.test"),
        ("maybe.test", "shut.test"),
        ("shut.test", "maybe.test"),
    ] {
        for path in ["/open/x", "/.portcullis/me", "/.well-known/jwks.json"] {
            let config = Arc::new(house.with(Some(&ann)));
            let at = house.lab.gateway.https.unwrap();
            let mut raw = Raw::connect_tls(at, name, config).await.unwrap();
            raw.send(request(host, path, "")).await;
            let answer = raw.answer().await.unwrap();
            assert_eq!(answer.status(), 421, "{name}, then {host}{path}");
            assert!(answer.text().contains("other_connection"), "{}", answer.text());
            assert_eq!(raw.rest().await.unwrap(), b"", "the connection is closed");
        }
    }
    assert!(house.lab.recorder.requests().is_empty());
    // What one host was shown is nothing to another that did not ask.
    let answer = house.visit(house.with(Some(&ann)), "shut.test", HOST, "").await.unwrap();
    assert_eq!((answer.status(), house.last_subject().as_str()), (200, "anonymous"));
    house.lab.recorder.clear();
    // By plain HTTP there is no certificate: what is required is not there.
    let plain = house.lab.gateway.http;
    let answer = exchange(plain, request("shut.test", "/open/x", "")).await.unwrap();
    assert_eq!(answer.status(), 421);
    assert!(house.lab.recorder.requests().is_empty());
    let answer = exchange(plain, request("maybe.test", "/open/x", "")).await.unwrap();
    assert_eq!((answer.status(), house.last_subject().as_str()), (200, "anonymous"));
}

#[tokio::test]
async fn http2_requests_have_the_certificate_of_their_connection() {
    let house = House::open().await;
    let config = house.sites.visitor(Some(&house.ann()), ANY, &["h2"]);
    let at = house.lab.gateway.https.unwrap();
    let raw = Raw::connect_tls(at, "shut.test", Arc::new(config)).await.unwrap();
    let mut h2 = H2::start(raw).await;
    for (host, status) in [("shut.test", 200), ("maybe.test", 421), ("shut.test", 200)] {
        let fields = [(":scheme", "https"), (":authority", host), (":path", "/x")];
        let stream = h2.open_and_end("GET", &fields).await;
        assert_eq!(h2.status(stream).await.unwrap(), status, "{host}");
        assert_eq!(house.last_subject(), ANN);
    }
    assert_eq!(house.lab.recorder.requests().len(), 2);
}

/// Looks for a session to resume under one name, whatever the server is called.
#[derive(Debug)]
struct Forgetful(ClientSessionMemoryCache);

fn anyone() -> ServerName<'static> {
    ServerName::try_from("anyone.test").unwrap()
}

impl ClientSessionStore for Forgetful {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(anyone(), group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(&anyone())
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(anyone(), value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(&anyone())
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.0.remove_tls12_session(&anyone());
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(anyone(), value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(&anyone())
    }
}

/// One visit with a configuration that remembers sessions; how its handshake was, and the subject.
async fn again(
    house: &House,
    config: &Arc<ClientConfig>,
    name: &'static str,
) -> std::io::Result<(HandshakeKind, String)> {
    let tcp = TcpStream::connect(house.lab.gateway.https.unwrap()).await?;
    let server = ServerName::try_from(name).map_err(std::io::Error::other)?;
    let mut tls = TlsConnector::from(Arc::clone(config)).connect(server, tcp).await?;
    tls.write_all(request(name, "/open/x", "").as_bytes()).await?;
    tls.flush().await?;
    let answer = read_answer(&mut tls, "GET").await?;
    assert_eq!(answer.status(), 200, "{name}");
    Ok((tls.get_ref().1.handshake_kind().unwrap(), house.last_subject()))
}

#[tokio::test]
async fn a_resumed_session_keeps_its_holder_and_its_site() {
    let house = House::open().await;
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let remembering = |shown: Option<&Shown>| {
            let mut config = house.sites.visitor(shown, versions, &["http/1.1"]);
            let store = Forgetful(ClientSessionMemoryCache::new(8));
            config.resumption = Resumption::store(Arc::new(store));
            Arc::new(config)
        };
        let config = remembering(Some(&house.ann()));
        let (kind, who) = again(&house, &config, "shut.test").await.unwrap();
        assert!(kind != HandshakeKind::Resumed && who == ANN);
        let (kind, who) = again(&house, &config, "shut.test").await.unwrap();
        assert_eq!((kind, who.as_str()), (HandshakeKind::Resumed, ANN));
        // A session of a site that asks for nothing, or takes nothing for an answer, opens no other.
        for from in ["maybe.test", HOST] {
            let config = remembering(None);
            let (_, who) = again(&house, &config, from).await.unwrap();
            assert_eq!(who, "anonymous");
            assert!(again(&house, &config, "shut.test").await.is_err(), "from {from}");
        }
        // Nor does it take somebody to another site.
        let config = remembering(Some(&house.ann()));
        again(&house, &config, "shut.test").await.unwrap();
        let (kind, who) = again(&house, &config, HOST).await.unwrap();
        assert!(kind != HandshakeKind::Resumed, "{kind:?}");
        assert_eq!(who, "anonymous");
    }
}

#[tokio::test]
async fn a_revoked_certificate_counts_no_more_on_open_connections() {
    let house = House::open().await;
    let open = async |serial| {
        let shown = house.people.client(&Client { serial, ..Client::new(ANN) });
        let at = house.lab.gateway.https.unwrap();
        let config = Arc::new(house.with(Some(&shown)));
        (Raw::connect_tls(at, "shut.test", config).await.unwrap(), shown)
    };
    let asked = request("shut.test", "/x", "");
    let ((mut one, shown), (mut two, _)) = (open(1).await, open(2).await);
    for raw in [&mut one, &mut two] {
        raw.send(&asked).await;
        assert_eq!(raw.answer().await.unwrap().status(), 200);
    }
    let list = house.people.revoke(&[66, 1]);
    std::fs::write(house.lab.gateway.folder().join("people.crl"), list).unwrap();
    house.lab.gateway.signal(Signal::Hup).await;
    assert!(house.lab.gateway.has_printed("configuration loaded", 1).await);
    house.lab.recorder.clear();
    one.send(&asked).await;
    assert_eq!(one.answer().await.unwrap().status(), 421);
    let answer = house.visit(house.with(Some(&shown)), "shut.test", "shut.test", "").await;
    assert!(answer.is_err(), "{answer:?}");
    assert!(house.lab.recorder.requests().is_empty());
    two.send(&asked).await;
    assert_eq!(two.answer().await.unwrap().status(), 200, "nobody else notices");
}

#[tokio::test]
async fn streams_and_tokens_end_with_their_certificate() {
    let house = House::open().await;
    let shown = house.people.client(&Client { ends_in: 10, ..Client::new(ANN) });
    let at = house.lab.gateway.https.unwrap();
    let config = Arc::new(house.with(Some(&shown)));
    let mut stream = Raw::connect_tls(at, "shut.test", Arc::clone(&config)).await.unwrap();
    let mut kept = Raw::connect_tls(at, "shut.test", config).await.unwrap();
    stream.send(request("shut.test", "/sse", "Accept: text/event-stream\r\n")).await;
    assert_eq!(stream.answer_to("HEAD").await.unwrap().status(), 200);
    let minted = claims(&house.lab.last_token());
    assert!(minted["exp"].as_i64().unwrap() <= SystemClock.now().as_secs() + 10, "{minted}");
    timeout(ENDED, stream.rest()).await.expect("the stream ends in time").unwrap();
    kept.send(request("shut.test", "/x", "")).await;
    assert_eq!(kept.answer().await.unwrap().status(), 421);
}

#[tokio::test]
async fn a_proxy_is_known_by_its_certificate() {
    let house = House::open().await;
    let named = "X-Forwarded-User: bob\r\n";
    let proxy = house.people.client(&Client::new("spiffe://corp.test/proxy"));
    for (shown, name, who) in [
        (Some(proxy.clone()), "maybe.test", "bob"),
        (Some(house.ann()), "maybe.test", ANN),
        (None, "maybe.test", "anonymous"),
        // There nobody asks for certificates.
        (Some(proxy), HOST, "anonymous"),
    ] {
        let config = house.with(shown.as_ref());
        let answer = house.visit(config, name, name, named).await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(house.last_subject(), who, "{name}");
        assert_eq!(house.lab.recorder.last().header("x-forwarded-user"), None);
    }
}
