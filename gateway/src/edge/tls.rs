//! TLS: certificates chosen by server name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// A certificate chain and its key, as files.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The chain, leaf first, PEM.
    pub chain: PathBuf,
    /// The leaf's private key, PEM.
    pub key: PathBuf,
}

/// Why the certificates cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// The chain's file holds no certificate that can be read.
    #[error("`{path}` holds no PEM certificate chain: {cause}")]
    Chain {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The key's file holds no private key that can be read.
    #[error("`{path}` holds no PEM private key: {cause}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// Key and leaf are not a pair, or of a kind that cannot be used.
    #[error("the key `{key}` does not fit the certificate `{chain}`: {cause}")]
    Mismatch {
        /// The chain's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        cause: rustls::Error,
    },
    /// No certificate is configured.
    #[error("no certificate is configured for the https listener")]
    None,
    /// TLS itself cannot be set up.
    #[error("tls cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// The certificates of one https listener, ready to serve.
pub struct Sites {
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct ByName {
    sites: Vec<Site>,
}

#[derive(Debug)]
struct Site {
    certified: Arc<CertifiedKey>,
}

impl Sites {
    /// Reads all certificates. The first one is also served to clients that name no host of ours:
    /// which host it is for is checked again with every request.
    ///
    /// # Errors
    /// A file cannot be read or does not fit; nothing is served then.
    pub fn load(certificates: &[Certificate], http2: bool) -> Result<Self, CertificateFault> {
        if certificates.is_empty() {
            return Err(CertificateFault::None);
        }
        let sites = certificates.iter().map(Site::load).collect::<Result<Vec<_>, _>>()?;
        // TLS 1.2 with forward secrecy and AEAD only, TLS 1.3 with X25519MLKEM768 offered first:
        // the provider's defaults.
        let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(CertificateFault::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ByName { sites }));
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(CertificateFault::Setup)?;
        config.alpn_protocols = match http2 {
            true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            false => vec![b"http/1.1".to_vec()],
        };
        Ok(Self { config: Arc::new(config) })
    }

    pub(super) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for Sites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sites").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let fits = |site: &&Site| named.as_ref().is_some_and(|name| site.is_for(name));
        let site = self.sites.iter().find(fits).or_else(|| self.sites.first())?;
        Some(Arc::clone(&site.certified))
    }
}

impl Site {
    fn load(files: &Certificate) -> Result<Self, CertificateFault> {
        let chain = read_chain(&files.chain)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|cause| {
            CertificateFault::Key { path: files.key.clone(), cause: cause.to_string() }
        })?;
        let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map_err(|cause| CertificateFault::Mismatch {
                chain: files.chain.clone(),
                key: files.key.clone(),
                cause,
            })?;
        Ok(Self { certified: Arc::new(certified) })
    }

    fn is_for(&self, name: &ServerName<'_>) -> bool {
        let leaf = self.certified.end_entity_cert().ok();
        leaf.and_then(|leaf| ParsedCertificate::try_from(leaf).ok())
            .is_some_and(|leaf| rustls::client::verify_server_name(&leaf, name).is_ok())
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateFault> {
    let fault = |cause: String| CertificateFault::Chain { path: path.to_owned(), cause };
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| fault(cause.to_string()))?;
    if chain.is_empty() {
        return Err(fault("the file has no certificate in it".to_owned()));
    }
    Ok(chain)
}
