//! TLS to directories that do not speak HTTP.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// TLS that trusts the authorities of `ca`, a PEM bundle, and no others; the system's where there is
/// none. Name and time of a certificate are always looked at.
///
/// # Errors
/// In words: the bundle holds no certificate, or the system's cannot be read.
pub fn trusting(ca: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|cause| cause.to_string())?;
    let Some(pem) = ca else {
        let config = builder.with_platform_verifier().map_err(|cause| cause.to_string())?;
        return Ok(Arc::new(config.with_no_client_auth()));
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|cause| format!("the CA file: {cause}"))?;
        roots.add(certificate).map_err(|cause| format!("the CA file: {cause}"))?;
    }
    if roots.is_empty() {
        return Err("the CA file holds no certificate".to_owned());
    }
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
