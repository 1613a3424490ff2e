//! A client's certificate, read once for its connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value, json};
use x509_parser::prelude::{
    AttributeTypeAndValue, FromDer as _, GeneralName, ParsedExtension, X509Certificate,
};

use crate::base::Timestamp;
use crate::web::mtls::name;
use crate::web::mtls::trust::{ClientTrust, bond_of};

/// What a client's certificate says. The client has proven in its handshake that it holds the key, and
/// the chain was verified by one [`ClientTrust`].
pub struct ClientCertificate {
    trust: Arc<str>,
    chain: Vec<CertificateDer<'static>>,
    facts: Facts,
    /// The state of the trust that last found the chain good.
    mark: AtomicU64,
}

/// The parts of a certificate that somebody may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    subject: String,
    issuer: String,
    serial: String,
    thumbprint: String,
    common_names: Vec<String>,
    organizations: Vec<String>,
    units: Vec<String>,
    dns_names: Vec<String>,
    emails: Vec<String>,
    uris: Vec<String>,
    ends: Timestamp,
}

/// A verified certificate of which one cannot say whom it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableCertificate {
    /// A name in it has characters that no name has.
    #[error("a name in the client's certificate has control characters; the CA must correct it")]
    ControlCharacter,
    /// No certificate, or not as RFC 5280 writes it.
    #[error("the client's certificate cannot be read; the CA must correct it")]
    Malformed,
}

impl ClientCertificate {
    /// Reads the leaf of a chain that `trust` has just verified.
    ///
    /// # Errors
    /// When a name in it could be read in two ways.
    pub fn read(
        chain: &[CertificateDer<'_>],
        trust: &ClientTrust,
    ) -> Result<Self, UnreadableCertificate> {
        let leaf = chain.first().ok_or(UnreadableCertificate::Malformed)?;
        Ok(Self {
            trust: Arc::clone(trust.id()),
            facts: Facts::read(leaf)?,
            chain: chain.iter().map(|der| der.clone().into_owned()).collect(),
            mark: AtomicU64::new(trust.mark()),
        })
    }

    /// The id of the trust that verified it: `[client_certificates.<id>]`.
    pub fn trust(&self) -> &str {
        &self.trust
    }

    /// What streams are bound to that it opens: the state of the trust that last found it good. When
    /// that changes, they end, and whoever still counts opens another.
    pub fn bond(&self) -> [u8; 32] {
        bond_of(&self.trust, self.mark.load(Ordering::Acquire))
    }

    /// When it ends: `notAfter`.
    pub const fn ends(&self) -> Timestamp {
        self.facts.ends
    }

    /// The whole subject (RFC 4514); empty where the names are in the alternative names only.
    pub fn subject(&self) -> &str {
        &self.facts.subject
    }

    /// The subject's common names.
    pub fn common_names(&self) -> &[String] {
        &self.facts.common_names
    }

    /// The alternative names that are hosts.
    pub fn dns_names(&self) -> &[String] {
        &self.facts.dns_names
    }

    /// The alternative names that are e-mail addresses.
    pub fn emails(&self) -> &[String] {
        &self.facts.emails
    }

    /// The alternative names that are URIs; a SPIFFE id is one.
    pub fn uris(&self) -> &[String] {
        &self.facts.uris
    }

    /// SHA-256 of the certificate, as in `x5t#S256` (RFC 8705 section 3.1).
    pub fn thumbprint(&self) -> &str {
        &self.facts.thumbprint
    }

    /// All that it says, under the names that a mapping of claims can use. `name` is the common name and
    /// `email` the address, where there is one.
    pub fn claims(&self) -> Map<String, Value> {
        let facts = &self.facts;
        let mut claims = Map::new();
        for (name, value) in [
            ("subject_dn", json!(facts.subject)),
            ("issuer_dn", json!(facts.issuer)),
            ("serial", json!(facts.serial)),
            ("thumbprint", json!(facts.thumbprint)),
            ("organization", json!(facts.organizations)),
            ("organizational_unit", json!(facts.units)),
            ("dns_names", json!(facts.dns_names)),
            ("emails", json!(facts.emails)),
            ("uris", json!(facts.uris)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        for (name, values) in [("name", &facts.common_names), ("email", &facts.emails)] {
            if let [value] = values.as_slice() {
                claims.insert(name.to_owned(), json!(value));
            }
        }
        claims
    }

    /// Whether it still counts now that `trust` may have changed: other authorities, another list of
    /// revoked certificates. Judged again only where something has changed since the last time.
    pub(super) fn counts(&self, trust: &ClientTrust, now: Timestamp) -> bool {
        if now >= self.facts.ends || *self.trust != **trust.id() {
            return false;
        }
        if self.mark.load(Ordering::Acquire) == trust.mark() {
            return true;
        }
        let good = trust.verifies(&self.chain, now);
        if good {
            self.mark.store(trust.mark(), Ordering::Release);
        }
        good
    }
}

/// Says nothing of the person.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl Facts {
    fn read(leaf: &CertificateDer<'_>) -> Result<Self, UnreadableCertificate> {
        let (rest, parsed) =
            X509Certificate::from_der(leaf).map_err(|_| UnreadableCertificate::Malformed)?;
        if !rest.is_empty() {
            return Err(UnreadableCertificate::Malformed);
        }
        let subject = parsed.subject();
        let mut facts = Self {
            subject: name::text(subject),
            issuer: name::text(parsed.issuer()),
            serial: serial(parsed.raw_serial()),
            thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA256, leaf).as_ref()),
            common_names: texts(subject.iter_common_name())?,
            organizations: texts(subject.iter_organization())?,
            units: texts(subject.iter_organizational_unit())?,
            dns_names: Vec::new(),
            emails: Vec::new(),
            uris: Vec::new(),
            ends: Timestamp::from_secs(parsed.validity().not_after.timestamp()),
        };
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    for name in &names.general_names {
                        facts.add(name)?;
                    }
                }
                // Of this kind and yet not to be read: nobody knows whom it names.
                ParsedExtension::ParseError { .. } => return Err(UnreadableCertificate::Malformed),
                _ => {}
            }
        }
        Ok(facts)
    }

    fn add(&mut self, name: &GeneralName<'_>) -> Result<(), UnreadableCertificate> {
        let (text, names) = match name {
            GeneralName::DNSName(text) => (text, &mut self.dns_names),
            GeneralName::RFC822Name(text) => (text, &mut self.emails),
            GeneralName::URI(text) => (text, &mut self.uris),
            GeneralName::Invalid(..) => return Err(UnreadableCertificate::Malformed),
            _ => return Ok(()),
        };
        names.push(plain(text)?);
        Ok(())
    }
}

/// Without the zero that keeps the sign of the number.
fn serial(bytes: &[u8]) -> String {
    let digits = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts<'a>(
    attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>,
) -> Result<Vec<String>, UnreadableCertificate> {
    let text = |attribute: &AttributeTypeAndValue<'_>| match attribute.as_str() {
        Ok(text) => plain(text),
        Err(_) => Err(UnreadableCertificate::Malformed),
    };
    attributes.map(text).collect()
}

/// `good\0.evil` is one name to a reader that stops at NUL, and another one to the rest.
fn plain(text: &str) -> Result<String, UnreadableCertificate> {
    if text.chars().any(char::is_control) {
        return Err(UnreadableCertificate::ControlCharacter);
    }
    Ok(text.to_owned())
}
