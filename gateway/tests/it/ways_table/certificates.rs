//! The row of client certificates: an authority, and those whom it has signed for.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::version::TLS13;

use crate::support::client_certs::{Ca, Client};
use crate::support::lab::Lab;
use crate::support::raw::{PATIENCE, Raw};
use crate::support::settings::{HOST, Settings};
use crate::ways_table::ways::{BAD_CERTIFICATE, GOOD_CERTIFICATE};

/// Certificates of clients, and of the site that takes them.
pub(super) struct Certificates {
    sites: Ca,
    people: Ca,
    good: Arc<ClientConfig>,
    bad: Arc<ClientConfig>,
}

impl Certificates {
    pub(super) fn new() -> Self {
        let (sites, people) = (Ca::new(), Ca::new());
        let shows = |uri| {
            let shown = people.client(&Client::new(uri));
            Arc::new(sites.visitor(Some(&shown), &[&TLS13], &["http/1.1"]))
        };
        // Well signed, and its name is longer than any that counts.
        let nobody = format!("spiffe://corp.test/{}", "x".repeat(300)).leak();
        let (good, bad) = (shows("spiffe://corp.test/ann"), shows(nobody));
        Self { sites, people, good, bad }
    }

    /// Lets the site ask for them.
    pub(super) fn add_to(&self, settings: &mut Settings) {
        let (chain, key) = self.sites.site(&[HOST]);
        settings.https = true;
        for (name, text) in
            [("chain.pem", chain), ("key.pem", key), ("people.pem", self.people.pem())]
        {
            settings.files.push((name.to_owned(), text));
        }
        settings.issuers.push_str(
            "[client_certificates.corp]\nca = [\"people.pem\"]\nsubject = \"uri\"\nissuer = \"urn:corp\"\n",
        );
        let pair = "{ chain = \"chain.pem\", key = \"key.pem\"";
        settings.swaps.push((pair, format!("{pair}, client_certificates = \"corp\"")));
    }

    /// A connection on which one of them was shown.
    pub(super) async fn connect(&self, lab: &Lab, name: &str) -> io::Result<Raw> {
        let shown = match name {
            GOOD_CERTIFICATE => &self.good,
            BAD_CERTIFICATE => &self.bad,
            other => panic!("no certificate is called {other}"),
        };
        Raw::connect_tls(lab.gateway.https.unwrap(), HOST, Arc::clone(shown)).await
    }

    /// What comes of a certificate of another authority.
    pub(super) async fn connect_as_stranger(&self, lab: &Lab) -> io::Result<()> {
        let stranger = Ca::new().client(&Client::new("spiffe://corp.test/ann"));
        let config = Arc::new(self.sites.visitor(Some(&stranger), &[&TLS13], &["http/1.1"]));
        let mut raw = Raw::connect_tls(lab.gateway.https.unwrap(), HOST, config).await?;
        // By TLS 1.3 the client learns of it with the first answer.
        raw.send(format!("GET /clientcertificate/x HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        tokio::time::timeout(PATIENCE, raw.answer()).await.map_err(io::Error::other)?.map(drop)
    }
}
