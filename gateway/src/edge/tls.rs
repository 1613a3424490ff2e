//! TLS: certificates chosen by server name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConnection, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;

use crate::web::mtls::{
    ClientCertificate, ClientTrust, Negotiated, Site, SiteTable, UnreadableCertificate,
};

/// A certificate chain and its key, as files.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The chain, leaf first, PEM.
    pub chain: PathBuf,
    /// The leaf's private key, PEM.
    pub key: PathBuf,
    /// Whose client certificates its site asks for, if it does.
    pub clients: Option<Arc<ClientTrust>>,
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
    /// A site that asks clients for certificates cannot be found by any name.
    #[error(
        "`{path}` names no host (subjectAltName), so that nobody would be asked for a client \
         certificate; have it issued with the hosts' names"
    )]
    Nameless {
        /// The chain.
        path: PathBuf,
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
    table: Arc<SiteTable>,
    configs: Configs,
}

/// How handshakes are done.
enum Configs {
    /// No site asks for anything: one way for all, and the certificate by name.
    One(Arc<ServerConfig>),
    /// In the order of the table. Each has tickets and sessions of its own, so that what began at one
    /// site is never resumed at another, which asks for something else (CVE-2025-23419).
    Each(Vec<Arc<ServerConfig>>),
}

#[derive(Debug)]
struct ByName {
    table: Arc<SiteTable>,
    certified: Vec<Arc<CertifiedKey>>,
}

#[derive(Debug)]
struct Only(Arc<CertifiedKey>);

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
        let certified = certificates.iter().map(certify).collect::<Result<Vec<_>, _>>()?;
        let site = |(files, certified): (&Certificate, &Arc<CertifiedKey>)| Site {
            name: files.chain.to_string_lossy().into(),
            leaf: certified.cert.first().cloned().unwrap_or_else(|| CertificateDer::from(vec![])),
            clients: files.clients.clone(),
        };
        let table =
            Arc::new(SiteTable::new(certificates.iter().zip(&certified).map(site).collect()));
        if let Some(site) = table.nameless() {
            return Err(CertificateFault::Nameless { path: PathBuf::from(&*site.name) });
        }
        let configs = if table.asks() {
            let all = certificates.iter().zip(certified);
            let configs = all.map(|(files, certified)| {
                server_config(files.clients.as_deref(), Arc::new(Only(certified)), http2)
            });
            Configs::Each(configs.collect::<Result<_, _>>()?)
        } else {
            let by_name = ByName { table: Arc::clone(&table), certified };
            Configs::One(server_config(None, Arc::new(by_name), http2)?)
        };
        Ok(Self { table, configs })
    }

    /// Which site a host belongs to, and which of them ask clients for certificates.
    pub fn table(&self) -> &Arc<SiteTable> {
        &self.table
    }

    /// How every handshake is done; `None` where that depends on the name that the client asks for.
    pub(super) fn for_all(&self) -> Option<Arc<ServerConfig>> {
        match &self.configs {
            Configs::One(config) => Some(Arc::clone(config)),
            Configs::Each(_) => None,
        }
    }

    /// How a handshake for this name is done.
    pub(super) fn for_name(&self, name: Option<&str>) -> Option<Arc<ServerConfig>> {
        match &self.configs {
            Configs::One(config) => Some(Arc::clone(config)),
            Configs::Each(configs) => configs.get(self.table.place_of(name)).map(Arc::clone),
        }
    }

    /// What a handshake has settled, where sites ask for certificates.
    ///
    /// # Errors
    /// A certificate that was verified, but does not say clearly whom it names.
    pub(super) fn settled(
        &self,
        session: &ServerConnection,
    ) -> Result<Option<Negotiated>, UnreadableCertificate> {
        let site = self.table.get(self.table.place_of(session.server_name()));
        let Some(site) = site.filter(|_| self.table.asks()) else { return Ok(None) };
        // Of a resumed session too: its ticket holds the chain that was verified at its beginning.
        let certificate = match (&site.clients, session.peer_certificates()) {
            (Some(trust), Some(chain)) => Some(Arc::new(ClientCertificate::read(chain, trust)?)),
            _ => None,
        };
        Ok(Some(Negotiated { site: Arc::clone(&site.name), certificate }))
    }
}

impl fmt::Debug for Sites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sites").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certified.get(self.table.place_of(hello.server_name())).map(Arc::clone)
    }
}

impl ResolvesServerCert for Only {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// TLS 1.2 with forward secrecy and AEAD only, TLS 1.3 with X25519MLKEM768 offered first: the
/// provider's defaults.
fn server_config(
    clients: Option<&ClientTrust>,
    certificates: Arc<dyn ResolvesServerCert>,
    http2: bool,
) -> Result<Arc<ServerConfig>, CertificateFault> {
    let verifier = clients.map_or_else(WebPkiClientVerifier::no_client_auth, ClientTrust::verifier);
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(CertificateFault::Setup)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificates);
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(CertificateFault::Setup)?;
    config.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    Ok(Arc::new(config))
}

fn certify(files: &Certificate) -> Result<Arc<CertifiedKey>, CertificateFault> {
    let chain = read_chain(&files.chain)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|cause| CertificateFault::Key {
        path: files.key.clone(),
        cause: cause.to_string(),
    })?;
    let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    certified.map(Arc::new).map_err(|cause| CertificateFault::Mismatch {
        chain: files.chain.clone(),
        key: files.key.clone(),
        cause,
    })
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
