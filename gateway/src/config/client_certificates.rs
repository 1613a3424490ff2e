//! `[client_certificates.<id>]`: whose client certificates count for the way in `client_certificate`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::providers::ClaimNames;

/// Authorities that sign client certificates (mutual TLS). A certificate of `server.https` names the
/// section, and so says which hosts ask their clients for one.
///
/// A client certificate that is shown must be good, also where none is required: a bad one ends the
/// handshake.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// PEM files with the certificates of the authorities. Relative to this file's directory; read at
    /// start and at reload.
    pub ca: Vec<PathBuf>,
    /// PEM files with the lists of revoked certificates (CRL), one for each authority that signs. Read at
    /// start and at reload; open connections are judged again by a new one. Default none: nothing is
    /// ever revoked. A list whose `nextUpdate` is over lets nobody in.
    #[serde(default)]
    pub crl: Vec<PathBuf>,
    /// Whether a connection without a certificate is refused. Default false: then a request may show
    /// something else, as far as its route takes it.
    #[serde(default)]
    pub required: bool,
    /// What is the stable name: `uri` (the alternative name that is a URI, such as a SPIFFE id), `email`,
    /// `dns` (alternative names too), `common_name`, or `distinguished_name` (the whole subject, by RFC
    /// 4514). A certificate that has none of it, or more than one, names nobody.
    pub subject: CertificateSubject,
    /// Who vouches for them: the issuer of the principals. Default
    /// `urn:portcullis:client-certificate:<id>`. With the issuer of a provider, and the provider's `sub`
    /// in the certificates, both are the same people.
    pub issuer: Option<String>,
    /// Whether the authorities check that an address in a certificate is its holder's. Default false:
    /// then no rule that lists addresses or domains counts them.
    #[serde(default)]
    pub email_verified: bool,
    /// What in a certificate is what: `name` (the common name), `email`, `organization`,
    /// `organizational_unit`, `dns_names`, `emails`, `uris`, `subject_dn`, `issuer_dn`, `serial`,
    /// `thumbprint`. With `groups = "organizational_unit"` the units are groups. Default: `name` and
    /// `email`.
    #[serde(default)]
    pub claims: ClaimNames,
}

/// What in a certificate names its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSubject {
    /// The subject's common name.
    CommonName,
    /// The whole subject.
    DistinguishedName,
    /// The alternative name that is a host.
    Dns,
    /// The alternative name that is an e-mail address.
    Email,
    /// The alternative name that is a URI.
    Uri,
}

impl ClientCertificates {
    /// The issuer of its principals.
    pub fn issuer(&self, id: &str) -> String {
        let own = || format!("urn:portcullis:client-certificate:{id}");
        self.issuer.clone().unwrap_or_else(own)
    }
}
