//! The sites of an https listener: which certificate of ours is for which name, and which of them ask
//! clients for one of theirs.

use std::collections::HashSet;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::base::Timestamp;
use crate::web::mtls::certificate::ClientCertificate;
use crate::web::mtls::trust::ClientTrust;

/// One certificate of ours.
#[derive(Debug)]
pub struct Site {
    /// What tells it from the others across reloads: the file of its chain.
    pub name: Arc<str>,
    /// Its leaf. The names in it say whom it is for.
    pub leaf: CertificateDer<'static>,
    /// Whose client certificates it asks for, if it does.
    pub clients: Option<Arc<ClientTrust>>,
}

/// All sites. One function says which one a name belongs to, in the handshake (SNI) and for each
/// request (`Host`): were there two, somebody could connect for a site that asks nothing and then speak
/// to one that does (as with CVE-2025-23419).
#[derive(Debug, Default)]
pub struct SiteTable(Vec<Site>);

/// What a handshake has settled.
#[derive(Clone, Debug)]
pub struct Negotiated {
    /// The site it was for.
    pub site: Arc<str>,
    /// The certificate that the client showed, verified.
    pub certificate: Option<Arc<ClientCertificate>>,
}

/// A request on a connection that was not made for its host, or whose certificate counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherSite;

impl SiteTable {
    /// The sites, in order: the first one is also for clients that name no host of ours.
    pub const fn new(sites: Vec<Site>) -> Self {
        Self(sites)
    }

    /// Whether any site asks clients for certificates.
    pub fn asks(&self) -> bool {
        self.0.iter().any(|site| site.clients.is_some())
    }

    /// The place of the site that serves a name: that which it belongs to, else the first of all.
    pub fn place_of(&self, name: Option<&str>) -> usize {
        name.and_then(|name| self.place_named(name)).unwrap_or(0)
    }

    /// The place of the first site whose certificate is for a name.
    fn place_named(&self, name: &str) -> Option<usize> {
        let bare = name.strip_prefix('[').unwrap_or(name).trim_end_matches(']');
        let name = ServerName::try_from(bare).ok()?;
        self.0.iter().position(|site| site.is_for(&name))
    }

    /// What streams are bound to that clients' certificates have opened, by what counts now.
    pub fn bonds(&self) -> HashSet<[u8; 32]> {
        self.0.iter().filter_map(|site| site.clients.as_deref()).map(ClientTrust::bond).collect()
    }

    /// A site that asks for certificates and that no name leads to, since its own certificate names no
    /// host: it would never ask anybody.
    pub fn nameless(&self) -> Option<&Site> {
        self.0.iter().find(|site| site.clients.is_some() && !site.has_names())
    }

    fn requires(&self) -> bool {
        self.0.iter().any(|site| site.clients.as_ref().is_some_and(|it| it.is_required()))
    }

    /// The site at a place.
    pub fn get(&self, place: usize) -> Option<&Site> {
        self.0.get(place)
    }

    /// The client's certificate that counts for a request for `host`, on a connection whose handshake
    /// has settled `negotiated`; `over_tls` tells whether there was one at all.
    ///
    /// # Errors
    /// The host's site asks for certificates, and the connection was made for another site, or by other
    /// rules: the client must connect again (421, RFC 9110 section 15.5.20).
    pub fn admit(
        &self,
        host: &str,
        over_tls: bool,
        negotiated: Option<&Negotiated>,
        now: Timestamp,
    ) -> Result<Option<Arc<ClientCertificate>>, OtherSite> {
        let place = self.place_named(host);
        // Whom no certificate names is nobody's neighbour: where one site keeps everybody out without a
        // certificate, a name that its certificate misses and its routes do not would be a way around.
        if place.is_none() && self.requires() {
            return Err(OtherSite);
        }
        let site = self.get(place.unwrap_or(0));
        let Some((site, trust)) = site.and_then(|it| Some((it, it.clients.as_ref()?))) else {
            // What is shown to another site is nothing here.
            return Ok(None);
        };
        if !over_tls {
            return if trust.is_required() { Err(OtherSite) } else { Ok(None) };
        }
        let same = negotiated.filter(|negotiated| negotiated.site == site.name).ok_or(OtherSite)?;
        match &same.certificate {
            None if trust.is_required() => Err(OtherSite),
            None => Ok(None),
            Some(shown) if shown.counts(trust, now) => Ok(Some(Arc::clone(shown))),
            Some(_) => Err(OtherSite),
        }
    }
}

impl Site {
    /// Whether the leaf has a subject alternative name; nothing else counts (RFC 9110 section 4.3.4).
    fn has_names(&self) -> bool {
        let parsed = X509Certificate::from_der(&self.leaf);
        parsed.is_ok_and(|(_, leaf)| {
            let names = leaf.subject_alternative_name().ok().flatten();
            names.is_some_and(|names| !names.value.general_names.is_empty())
        })
    }

    fn is_for(&self, name: &ServerName<'_>) -> bool {
        ParsedCertificate::try_from(&self.leaf)
            .is_ok_and(|leaf| rustls::client::verify_server_name(&leaf, name).is_ok())
    }
}
