//! What lives as long as the process, whatever the configuration becomes.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::app::known_keys::KnownKeys;
use crate::authn::Throttle;
use crate::authn::teams::Tickets;
use crate::base::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::config::{Checked, Config, SessionStore as StoreKind};
use crate::crypto::{Sealer, SealingKeys, SealingKeysFault, keyfile};
use crate::edge::Load;
use crate::endpoints::LoginMemory;
use crate::observe::Metrics;
use crate::session::{
    EmbeddedStore, Lifetimes, LiveStreams, MemoryStore, SessionManager, SessionSettings,
    SessionStore, StoreError, UsedLinks,
};

/// Sessions kept at most. A record takes about 1 KiB; a login above this is refused with 503, so
/// that a flood of logins cannot fill the disk.
const MAX_SESSIONS: usize = 1_000_000;

/// The sealing keys' file in the state directory.
const SEALING_KEYS: &str = "sealing-keys.json";
/// The used links' file in the state directory.
const USED_LINKS: &str = "used-links.redb";
/// How long a sealing key seals. Old ones go on opening, far longer than any session lives.
const SEALS_FOR: Duration = Duration::from_secs(30 * 86_400);

/// What a reload does not replace.
pub(super) struct Lasting {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Sessions and live streams.
    pub sessions: Arc<SessionManager>,
    /// What is remembered of logins.
    pub logins: Arc<LoginMemory>,
    /// Seals what leaves the process.
    pub sealer: Sealer,
    /// The keys that it seals with.
    pub sealing: Arc<SealingKeys>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Public keys of issuers: a reload during an issuer's outage must not forget them.
    pub issuer_keys: KnownKeys,
    /// Tickets of tabs that have not come back.
    pub tickets: Arc<Tickets>,
    /// Which signed links were used; opened when a route takes the first one.
    links: OnceLock<Arc<UsedLinks>>,
    /// The counters of failed logins, once there is a directory.
    pub tries: Mutex<Option<Arc<Throttle>>>,
    /// Client connections.
    pub load: Load,
    /// The state directory.
    pub state: PathBuf,
    /// Why the process is not ready to serve, if it is not.
    pub trouble: ArcSwapOption<String>,
    /// Whether the process is on its way out.
    pub draining: AtomicBool,
}

/// Why the lasting parts cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LastingFault {
    /// The sealing keys cannot be read or made.
    #[error(transparent)]
    Sealing(#[from] SealingKeysFault),
    /// The state directory cannot be made.
    #[error(transparent)]
    State(#[from] keyfile::KeyfileFault),
    /// The session store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Lasting {
    /// Opens everything that lasts.
    ///
    /// # Errors
    /// What cannot be opened, with the remedy.
    pub(super) fn open(config: &Checked<Config>) -> Result<Self, LastingFault> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let state = config.server.state.clone();
        keyfile::create_private_dir(&state)?;
        let sealing = SealingKeys::load_or_create(&state.join(SEALING_KEYS), &*entropy)?;
        let sealing = Arc::new(sealing);
        let sealer = Sealer::new(Arc::clone(&sealing), Arc::clone(&entropy));
        let limits = &config.server.limits;
        let live =
            Arc::new(LiveStreams::new(usize::try_from(limits.live_streams).unwrap_or(usize::MAX)));
        let settings = SessionSettings {
            lifetimes: Lifetimes {
                idle: config.session.idle.std(),
                absolute: config.session.absolute.std(),
            },
            hot: usize::try_from(config.session.hot).unwrap_or(usize::MAX),
        };
        let sessions = SessionManager::new(
            open_store(&config.session.store, &state)?,
            sealer.clone(),
            live,
            Arc::clone(&clock),
            Arc::clone(&entropy),
            settings,
        );
        Ok(Self {
            clock,
            entropy,
            sessions: Arc::new(sessions),
            logins: Arc::default(),
            sealer,
            sealing,
            metrics: Arc::new(Metrics::default()),
            issuer_keys: KnownKeys::default(),
            tickets: Arc::default(),
            links: OnceLock::new(),
            tries: Mutex::default(),
            load: Load::new(
                usize::try_from(limits.connections).unwrap_or(usize::MAX),
                limits.connections_per_client,
            ),
            state,
            trouble: ArcSwapOption::empty(),
            draining: AtomicBool::new(false),
        })
    }
}

impl Lasting {
    /// The used links, in a file in the state directory. Routes are built one after the other.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(super) fn used_links(&self) -> Result<Arc<UsedLinks>, LastingFault> {
        if let Some(links) = self.links.get() {
            return Ok(Arc::clone(links));
        }
        let links = Arc::new(UsedLinks::open(&self.state.join(USED_LINKS))?);
        Ok(Arc::clone(self.links.get_or_init(|| links)))
    }

    /// Makes a new sealing key when the newest one has sealed long enough.
    ///
    /// # Errors
    /// The key file cannot be read or written; the old keys stay in use.
    pub(super) fn rotate_sealing(&self) -> Result<bool, LastingFault> {
        let written = keyfile::stamp(&self.state.join(SEALING_KEYS))?;
        let Some(written) = written else { return Ok(false) };
        if self.clock.now().since(written.modified()) < SEALS_FOR {
            return Ok(false);
        }
        self.sealing.rotate(&*self.entropy)?;
        Ok(true)
    }
}

fn open_store(kind: &StoreKind, state: &Path) -> Result<Arc<dyn SessionStore>, StoreError> {
    Ok(match kind {
        StoreKind::Embedded { path } => {
            let path = path.clone().unwrap_or_else(|| state.join("sessions.redb"));
            Arc::new(EmbeddedStore::open(&path, MAX_SESSIONS)?)
        }
        StoreKind::Memory {} => Arc::new(MemoryStore::new(MAX_SESSIONS)),
    })
}
