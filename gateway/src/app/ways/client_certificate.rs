//! `client_certificate`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::providers::mapping;
use crate::app::ways::chain::Ways;
use crate::authn::Authenticator;
use crate::authn::client_certificate::{CertificateRules, ClientCertificates, SubjectField};
use crate::config::{CertificateSubject, ClientCertificates as Section, Route};

/// The way in of one route: by the certificates of all sections. Which of them can come is decided by
/// the host's site.
#[expect(clippy::unnecessary_wraps, reason = "every way in is made alike")]
pub(super) fn way(ways: &Ways<'_>, _: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let rules = ways.config.client_certificates.iter().map(|(id, section)| rules(id, section));
    let rules: Vec<_> = rules.collect();
    Ok(Arc::new(ClientCertificates::new(rules, Arc::clone(&ways.lasting.clock))))
}

/// Whom the certificates of one section name.
pub(super) fn rules(id: &str, section: &Section) -> CertificateRules {
    CertificateRules {
        trust: id.to_owned(),
        issuer: section.issuer(id),
        subject: match section.subject {
            CertificateSubject::CommonName => SubjectField::CommonName,
            CertificateSubject::DistinguishedName => SubjectField::DistinguishedName,
            CertificateSubject::Dns => SubjectField::Dns,
            CertificateSubject::Email => SubjectField::Email,
            CertificateSubject::Uri => SubjectField::Uri,
        },
        email_verified: section.email_verified,
        claims: mapping(&section.claims),
    }
}
