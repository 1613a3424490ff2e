//! Whose client certificates are good.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::base::Timestamp;

/// The authorities that sign client certificates, and what they have taken back: one section
/// `[client_certificates.<id>]`, ready to verify with.
pub struct ClientTrust {
    id: Arc<str>,
    required: bool,
    mark: u64,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// What a trust is made of.
#[derive(Clone, Copy, Debug)]
pub struct TrustFiles<'a> {
    /// PEM files with the authorities' certificates.
    pub authorities: &'a [PathBuf],
    /// PEM files with the lists of revoked certificates; empty where nothing is ever revoked.
    pub revoked: &'a [PathBuf],
    /// Whether a connection without a certificate is refused.
    pub required: bool,
}

/// Why nobody's certificates would be good. Nothing is served then: a site that cannot ask must not
/// let everybody in instead.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    /// A file of authorities.
    #[error("`{path}` holds no certificate of an authority in PEM: {cause}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A file of revoked certificates.
    #[error("`{path}` holds no list of revoked certificates (CRL) in PEM: {cause}")]
    Revoked {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// All together.
    #[error("client certificates cannot be verified: {0}")]
    Verifier(String),
}

/// A name for one state of one trust.
pub(super) fn bond_of(id: &str, mark: u64) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"portcullis client certificates");
    context.update(&mark.to_be_bytes());
    context.update(id.as_bytes());
    let mut bond = [0; 32];
    for (to, from) in bond.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    bond
}

impl ClientTrust {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read, or holds nothing of its kind.
    pub fn load(id: &str, files: TrustFiles<'_>) -> Result<Self, TrustFault> {
        let mut seen = Context::new(&SHA256);
        let mut roots = RootCertStore::empty();
        for path in files.authorities {
            let fault = |cause: String| TrustFault::Authorities { path: path.clone(), cause };
            for root in read::<CertificateDer<'static>>(path).map_err(fault)? {
                seen.update(&root);
                roots.add(root).map_err(|cause| fault(cause.to_string()))?;
            }
        }
        let mut lists = Vec::new();
        for path in files.revoked {
            let fault = |cause: String| TrustFault::Revoked { path: path.clone(), cause };
            let read = read::<CertificateRevocationListDer<'static>>(path).map_err(fault)?;
            read.iter().for_each(|list| seen.update(list));
            lists.extend(read);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // A list that is too old says nothing: whoever can keep the new one away could go on.
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .with_crls(lists)
            .enforce_revocation_expiration();
        let builder = if files.required { builder } else { builder.allow_unauthenticated() };
        let verifier = builder.build().map_err(|cause| TrustFault::Verifier(cause.to_string()))?;
        let mark = seen.finish();
        let mut first = [0; 8];
        first.copy_from_slice(mark.as_ref().get(..8).unwrap_or(&[0; 8]));
        let mark = u64::from_be_bytes(first);
        Ok(Self { id: id.into(), required: files.required, mark, verifier })
    }

    /// Its id.
    pub const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Whether a connection without a certificate is refused.
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// What judges the certificates in a handshake.
    pub fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.verifier)
    }

    /// A number that changes with the authorities and the lists.
    pub(super) const fn mark(&self) -> u64 {
        self.mark
    }

    /// What streams are bound to whose clients it has found good.
    pub fn bond(&self) -> [u8; 32] {
        bond_of(&self.id, self.mark)
    }

    /// Whether a chain is good at this moment.
    pub(super) fn verifies(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> bool {
        let Some((leaf, others)) = chain.split_first() else { return false };
        let now = Duration::from_secs(u64::try_from(now.as_secs()).unwrap_or(0));
        let now = UnixTime::since_unix_epoch(now);
        self.verifier.verify_client_cert(leaf, others, now).is_ok()
    }
}

impl fmt::Debug for ClientTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTrust").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Everything of one kind in a PEM file; at least one.
fn read<T: PemObject>(path: &Path) -> Result<Vec<T>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let found: Result<Vec<T>, _> = T::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| error.to_string())?;
    if found.is_empty() { Err("there is none in it".to_owned()) } else { Ok(found) }
}
