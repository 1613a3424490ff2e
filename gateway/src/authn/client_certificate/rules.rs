//! From a verified certificate to whom it names.

use crate::authn::authenticator::RejectReason;
use crate::identity::{ClaimMapping, Principal};
use crate::web::mtls::ClientCertificate;

/// What an operator says of the certificates of some authorities.
#[derive(Clone, Debug)]
pub struct CertificateRules {
    /// The id of the trust that verifies them.
    pub trust: String,
    /// The issuer of the principals.
    pub issuer: String,
    /// What is the stable name.
    pub subject: SubjectField,
    /// Whether addresses in them are checked by the authorities.
    pub email_verified: bool,
    /// What becomes what else.
    pub claims: ClaimMapping,
}

/// Where in a certificate the stable name of its holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectField {
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

/// As for OpenID: a subject is a key in other people's databases.
const LONGEST_SUBJECT: usize = 255;

impl CertificateRules {
    /// Whether these rules are for this certificate.
    pub(in crate::authn) fn are_for(&self, shown: &ClientCertificate) -> bool {
        shown.trust() == self.trust
    }

    /// The stable name of its holder.
    ///
    /// # Errors
    /// There is none, or more than one: nobody could say which.
    pub(in crate::authn) fn subject<'a>(
        &self,
        shown: &'a ClientCertificate,
    ) -> Result<&'a str, RejectReason> {
        let names = match self.subject {
            SubjectField::CommonName => shown.common_names(),
            SubjectField::DistinguishedName => return usable(shown.subject()),
            SubjectField::Dns => shown.dns_names(),
            SubjectField::Email => shown.emails(),
            SubjectField::Uri => shown.uris(),
        };
        match names {
            [name] => usable(name),
            _ => Err(RejectReason::Claims),
        }
    }

    /// Whom the certificate names.
    ///
    /// # Errors
    /// It does not name one holder.
    pub(super) fn principal(&self, shown: &ClientCertificate) -> Result<Principal, RejectReason> {
        let subject = self.subject(shown)?;
        let mut principal = self.claims.principal(&self.issuer, subject, &shown.claims());
        if let Some(email) = &mut principal.email {
            email.verified = self.email_verified;
        }
        Ok(principal)
    }
}

fn usable(name: &str) -> Result<&str, RejectReason> {
    let good = !name.is_empty() && name.len() <= LONGEST_SUBJECT;
    if good { Ok(name) } else { Err(RejectReason::Claims) }
}
