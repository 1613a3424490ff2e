//! Checked configuration → the snapshot that requests are served with.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::app::lasting::{Lasting, LastingFault};
use crate::app::ways::{self, Ways};
use crate::app::{directories, issuers, logout, providers, routes, upstreams, verify};
use crate::authn::CookieNames;
use crate::authn::api_key::ApiKeyFault;
use crate::authn::bearer::Issuer;
use crate::base::{IssuerId, ProviderId, RouteId};
use crate::config::{
    Certificate as Pair, Checked, Config, Faults, Loaded, Server, UpstreamProtocol,
};
use crate::crypto::{Algorithm, SignFault};
use crate::edge::{Certificate, CertificateFault, Sites};
use crate::endpoints::{EndpointParts, Endpoints};
use crate::gate::Gate;
use crate::http1::HeadLimits;
use crate::oidc::Provider;
use crate::proxy::Snapshot;
use crate::token::{
    Document, Keyring, KeyringFault, Minter, Rotation, SharedSecret, Signer, TokenTimes,
};
use crate::upstream::Pool;
use crate::web::PublicOrigins;
use crate::web::forwarded::Trusted;
use crate::web::mtls::{ClientTrust, TrustFault, TrustFiles};

/// One generation of the configuration, in parts.
pub(super) struct Built {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) sites: Option<Arc<Sites>>,
    pub(super) providers: Vec<Arc<Provider>>,
    pub(super) issuers: Vec<Arc<Issuer>>,
    pub(super) pools: Vec<Arc<Pool>>,
    pub(super) keyring: Option<Arc<Keyring>>,
    /// Fires when a newer generation has taken over: its background work ends.
    pub(super) over: CancellationToken,
}

/// Why a configuration cannot be put in force. The old one, if there is one, stays.
#[derive(Debug, thiserror::Error)]
pub enum BuildFault {
    /// The API keys cannot be opened.
    #[error(transparent)]
    ApiKeys(#[from] ApiKeyFault),
    /// A private CA's file cannot be used.
    #[error("`{path}` is no PEM file of CA certificates: {cause}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A certificate of ours cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// The file itself is at fault.
    #[error("{0}")]
    Config(Faults),
    /// A directory cannot be used.
    #[error("directory `{id}`: {cause}")]
    Directory {
        /// Which.
        id: ProviderId,
        /// Why.
        cause: String,
    },
    /// A document that we publish cannot be written.
    #[error("a published document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
    /// An issuer cannot be set up.
    #[error("issuer `{id}`: {cause}")]
    Issuer {
        /// Which.
        id: IssuerId,
        /// Why.
        cause: String,
    },
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyringFault),
    /// What outlives a configuration cannot be opened.
    #[error(transparent)]
    Lasting(#[from] LastingFault),
    /// A provider cannot be set up.
    #[error("provider `{id}`: {cause}")]
    Provider {
        /// Which.
        id: ProviderId,
        /// Why.
        cause: String,
    },
    /// A route cannot be set up.
    #[error("route `{0}`: {1}")]
    Route(RouteId, String),
    /// The shared secret cannot sign.
    #[error("`token.secret`: {0}")]
    Secret(#[from] SignFault),
    /// The authorities of client certificates cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustFault),
    /// The counters of failed logins cannot be opened.
    #[error("{0}")]
    Tries(String),
}

/// Builds everything that a configuration says, and starts nothing.
pub(super) fn build(
    loaded: &Loaded,
    lasting: &Lasting,
    generation: u64,
) -> Result<Built, BuildFault> {
    let config = &loaded.config;
    let pools = upstreams::pools(config, generation)?;
    let providers = providers::providers(config, lasting)?;
    let issuers = issuers::issuers(config, lasting)?;
    let cookies = CookieNames::default();
    let desk = directories::desk(config, lasting)?;
    let tab = ways::tab(config);
    let ways = Ways {
        config,
        lasting,
        cookies: &cookies,
        desk: desk.as_ref(),
        issuers: &issuers,
        tab: tab.as_ref(),
    };
    let table = routes::table(loaded, &pools, &ways)?;
    let keys = Keys::open(config, lasting)?;
    let issuer = issuer(config);
    let minter = Minter::new(
        issuer.clone(),
        TokenTimes { lifetime: config.token.lifetime.std(), skew: config.token.clock_skew.std() },
        Arc::clone(&keys.signer),
        Arc::clone(&lasting.clock),
        Arc::clone(&lasting.entropy),
    );
    let endpoints = Endpoints::new(EndpointParts {
        providers: providers.clone(),
        desk,
        sessions: Arc::clone(&lasting.sessions),
        logins: Arc::clone(&lasting.logins),
        logout: logout::parts(config, lasting)?,
        sealer: lasting.sealer.clone(),
        cookies: cookies.clone(),
        app_cookies: routes::app_cookies(config),
        pomerium: routes::speaks_pomerium(config),
        origins: origins(&config.server),
        tabs: ways::tabs(config, lasting, tab.as_ref())?,
        jwks: keys.keyring.clone(),
        discovery: keys.discovery(&issuer)?,
        metrics: Arc::clone(&lasting.metrics),
        clock: Arc::clone(&lasting.clock),
        entropy: Arc::clone(&lasting.entropy),
        session_absolute: config.session.absolute.std(),
        verify: config.server.verify.as_ref().map(verify::rules),
    });
    let gate = Gate::new(table, Arc::new(minter), Arc::clone(&lasting.clock));
    let sites = sites(config)?;
    let mut snapshot = snapshot(config, gate, endpoints, cookies);
    snapshot.sites = sites.as_ref().map(|it| Arc::clone(it.table())).filter(|table| table.asks());
    Ok(Built {
        snapshot: Arc::new(snapshot),
        sites,
        providers,
        issuers,
        pools: pools.into_values().collect(),
        keyring: keys.keyring,
        over: CancellationToken::new(),
    })
}

/// Looks for what only building finds, such as two routes that tie, and keeps nothing.
///
/// # Errors
/// What is wrong.
pub fn dry_build(loaded: &Loaded) -> Result<(), BuildFault> {
    routes::check(loaded)?;
    directories::check(&loaded.config)?;
    sites(&loaded.config)?;
    upstreams::pools(&loaded.config, 0).map(|_| ())
}

struct Keys {
    signer: Arc<dyn Signer>,
    keyring: Option<Arc<Keyring>>,
}

impl Keys {
    fn open(config: &Checked<Config>, lasting: &Lasting) -> Result<Self, BuildFault> {
        let token = &config.token;
        if token.algorithm == Algorithm::Hs256 {
            let secret = token.secret.as_ref().map(|source| source.secret().expose());
            let secret = secret.map(|text| text.clone().into_bytes()).unwrap_or_default();
            let signer = SharedSecret::new(&crate::base::Secret::new(secret))?;
            return Ok(Self { signer: Arc::new(signer), keyring: None });
        }
        let keyring = Keyring::open(&lasting.keys, rotation(config), &*lasting.clock)?;
        let keyring = Arc::new(keyring);
        Ok(Self { signer: Arc::clone(&keyring) as Arc<dyn Signer>, keyring: Some(keyring) })
    }

    fn discovery(&self, issuer: &str) -> Result<Document, serde_json::Error> {
        let algorithms = match &self.keyring {
            Some(keyring) => keyring.algorithms(),
            None => vec![Algorithm::Hs256],
        };
        let base = issuer.trim_end_matches('/');
        Document::discovery(issuer, &format!("{base}/.well-known/jwks.json"), &algorithms)
    }
}

/// How the keys that sign tokens follow each other.
pub(super) fn rotation(config: &Checked<Config>) -> Rotation {
    let token = &config.token;
    Rotation {
        algorithm: token.algorithm,
        rotate_after: token.rotate_after.std(),
        publish_before: token.publish_before.std(),
        overlap: token.publish_before.std(),
        token_lifetime: token.lifetime.std(),
    }
}

/// The `iss` of the identity tokens.
pub(super) fn issuer(config: &Checked<Config>) -> String {
    config.token.issuer.clone().unwrap_or_else(|| config.server.public_url.to_string())
}

fn origins(server: &Server) -> PublicOrigins {
    let further = server.origins.iter().map(|origin| origin.get().clone());
    PublicOrigins::new(server.public_url.get().clone(), further)
}

fn snapshot(
    config: &Checked<Config>,
    gate: Gate,
    endpoints: Endpoints,
    cookies: CookieNames,
) -> Snapshot {
    let (server, limits) = (&config.server, &config.server.limits);
    let redirects = server.http.as_ref().is_some_and(|http| http.redirect_to_https);
    Snapshot {
        gate,
        endpoints,
        cookies,
        trusted: Trusted::new(server.trusted_proxies.iter().copied()),
        head: HeadLimits {
            bytes: limits.header_bytes.as_usize(),
            fields: usize::try_from(limits.headers).unwrap_or(usize::MAX),
        },
        body_time: limits.body_time.std(),
        client_time: limits.write_time.std(),
        idle: limits.idle_time.std(),
        // That of the public URL, whatever we listen on: what browsers reach HTTPS at.
        sites: None,
        https_port: redirects.then(|| server.public_url.get().port()),
        access_log: config.log.access,
        http2_upstreams: config
            .upstreams
            .values()
            .any(|pool| pool.protocol == UpstreamProtocol::Http2),
    }
}

fn sites(config: &Checked<Config>) -> Result<Option<Arc<Sites>>, BuildFault> {
    let Some(https) = &config.server.https else { return Ok(None) };
    let certificate = |files: &Pair| {
        let section = files.client_certificates.as_ref();
        let section = section.and_then(|id| config.client_certificates.get_key_value(id));
        let trust = section.map(|(id, section)| {
            let (authorities, revoked) = (&section.ca, &section.crl);
            ClientTrust::load(id, TrustFiles { authorities, revoked, required: section.required })
        });
        let clients = trust.transpose()?.map(Arc::new);
        Ok(Certificate { chain: files.chain.clone(), key: files.key.clone(), clients })
    };
    let files = https.certificates.iter().map(certificate);
    let files = files.collect::<Result<Vec<_>, BuildFault>>()?;
    Ok(Some(Arc::new(Sites::load(&files, https.http2)?)))
}
