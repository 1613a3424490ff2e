//! Where sessions are kept: configuration → store.

use std::path::Path;
use std::sync::Arc;

use crate::base::{Clock, Entropy, Secret};
use crate::config::{Checked, Config, RedisStore as RedisSection, Session, SessionStore as Kind};
use crate::observe::StoreGauges;
use crate::session::{
    Breaker, EmbeddedStore, MemoryStore, OneTime, RedisServer, RedisSettings, RedisStore,
    SessionManager, SessionStore, SharedTries, StoreError, look,
};

/// Sessions kept at most. A record takes about 1 KiB; a login above this is refused with 503, so
/// that a flood of logins cannot fill the disk.
const MAX_SESSIONS: usize = 1_000_000;

/// A store, and what of it replicas share beside sessions.
pub(super) struct Opened {
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) shared: Option<Arc<dyn OneTime>>,
    pub(super) tries: Option<Arc<dyn SharedTries>>,
}

/// Opens the store that a configuration names.
///
/// # Errors
/// It cannot be opened. A server that cannot be reached is no error: it may come.
pub(super) fn open(
    session: &Session,
    state: &Path,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Opened, StoreError> {
    let sessions: Arc<dyn SessionStore> = match &session.store {
        Kind::Embedded { path } => {
            let path = path.clone().unwrap_or_else(|| state.join("sessions.redb"));
            Arc::new(EmbeddedStore::open(&path, MAX_SESSIONS)?)
        }
        Kind::Memory {} => Arc::new(MemoryStore::new(MAX_SESSIONS)),
        Kind::Redis(redis) => {
            let settings = redis_settings(redis, session)?;
            let store = RedisStore::open(settings, Arc::clone(clock), Arc::clone(entropy));
            let store = Arc::new(store);
            let shared: Arc<dyn OneTime> = Arc::<RedisStore>::clone(&store);
            let tries: Arc<dyn SharedTries> = Arc::<RedisStore>::clone(&store);
            return Ok(Opened { sessions: store, shared: Some(shared), tries: Some(tries) });
        }
    };
    Ok(Opened { sessions, shared: None, tries: None })
}

/// How the server is reached that a configuration names.
///
/// # Errors
/// A file of a key or certificate cannot be read.
pub(super) fn redis_settings(
    redis: &RedisSection,
    session: &Session,
) -> Result<RedisSettings, StoreError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|fault| StoreError::Io {
            doing: "be reached",
            detail: format!("cannot read {}: {fault}", path.display()),
        })
    };
    let certificate = match (&redis.certificate, &redis.key) {
        (Some(chain), Some(key)) => Some((read(chain)?, Secret::new(read(key)?))),
        _ => None,
    };
    let servers = redis.urls.iter().map(|url| RedisServer {
        host: url.host.clone(),
        port: url.port,
        tls: url.tls,
    });
    Ok(RedisSettings {
        servers: servers.collect(),
        sentinel: redis.sentinel.clone(),
        username: redis.username.clone(),
        password: redis.secret.as_ref().map(|source| source.secret().clone()),
        database: redis.database,
        authority: redis.ca.as_deref().map(read).transpose()?,
        certificate,
        prefix: redis.prefix.clone(),
        command_timeout: redis.command_timeout.std(),
        max_staleness: redis.max_staleness.std(),
        in_flight: usize::try_from(redis.in_flight.get()).unwrap_or(usize::MAX),
        limit: MAX_SESSIONS,
        idle: session.idle.std(),
    })
}

/// What can be said of the session store before the gateway runs: a line for each server, `Err` for
/// one that cannot be used as it is. Nothing where no server is asked. Waits for the answers.
pub fn look_at_store(config: &Checked<Config>) -> Vec<Result<String, String>> {
    let Kind::Redis(redis) = &config.session.store else { return Vec::new() };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = match redis_settings(redis, &config.session) {
        Ok(settings) => settings,
        Err(fault) => return vec![Err(fault.to_string())],
    };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(look(&settings)),
        Err(fault) => vec![Err(fault.to_string())],
    }
}

/// What the metrics show of a store that replicas share.
pub(super) fn gauges(sessions: &SessionManager) -> StoreGauges {
    let Some(vitals) = sessions.vitals() else { return StoreGauges::default() };
    StoreGauges {
        breaker: match vitals.breaker {
            Breaker::Closed => 0,
            Breaker::HalfOpen => 1,
            Breaker::Open => 2,
        },
        commands: vitals.commands,
        connections: vitals.connections,
        errors: [
            ("timeout", vitals.timeouts),
            ("refused", vitals.refused),
            ("unsent", vitals.unsent),
        ],
    }
}
