//! What lives as long as the process, whatever the configuration becomes.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::app::known_keys::KnownKeys;
use crate::app::sessions;
use crate::authn::Throttle;
use crate::authn::api_key::{API_KEYS, ApiKeyFault, ApiKeys, SHARED_API_KEYS};
use crate::base::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::config::{Checked, Config};
use crate::crypto::{Sealer, SealingKeys, SealingKeysFault, keyfile};
use crate::edge::Load;
use crate::endpoints::LoginMemory;
use crate::observe::Metrics;
use crate::oidc::Revoker;
use crate::session::{
    Lifetimes, LiveStreams, OneTime, OneTimeTokens, SessionManager, SessionSettings, SharedTries,
    StoreError, UsedLinks,
};

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
    /// Hands tokens back: a reload must not give it a second set of hands.
    pub revoker: Arc<Revoker>,
    /// Public keys of issuers: a reload during an issuer's outage must not forget them.
    pub issuer_keys: KnownKeys,
    /// The API keys; opened when a route takes the first one, or somebody makes one.
    api_keys: Mutex<Option<Arc<ApiKeys>>>,
    /// Tokens that are good once: those of before a reload stay so.
    pub one_time: Arc<OneTimeTokens>,
    /// Which signed links and logout tokens were used; opened when something may use up the first one.
    links: OnceLock<Arc<dyn OneTime>>,
    /// The counters of failed logins, once there is a directory.
    pub tries: Mutex<Option<Arc<Throttle>>>,
    /// Where replicas count them together.
    pub shared_tries: Option<Arc<dyn SharedTries>>,
    /// Client connections.
    pub load: Load,
    /// The state directory.
    pub state: PathBuf,
    /// The directory of the keys: the state directory, or one that replicas share.
    pub keys: PathBuf,
    /// The directory in which replicas share API keys, where they do.
    pub shared_api_keys: Option<PathBuf>,
    /// Why API keys of other gateways cannot be taken up, if they cannot.
    pub api_keys_trouble: ArcSwapOption<String>,
    /// Why the process is not ready to serve, if it is not.
    pub trouble: ArcSwapOption<String>,
    /// Whether the process is on its way out.
    pub draining: AtomicBool,
}

/// Why the lasting parts cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LastingFault {
    /// The API keys cannot be opened.
    #[error(transparent)]
    ApiKeys(#[from] ApiKeyFault),
    /// Keys are to be taken over into a directory that is not there.
    #[error(
        "there is no directory {share}, `server.keys`, and {own} holds API keys to be taken over into it; \
         mount the share, or make the directory: install -d -m 0700 {share}"
    )]
    NoShare {
        /// The directory that replicas share.
        share: PathBuf,
        /// The file with the gateway's own API keys.
        own: PathBuf,
    },
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
        check_share(config.server.keys.as_deref(), state.join(API_KEYS))?;
        let keys = config.server.keys_folder().to_owned();
        let sealing = SealingKeys::load_or_create(&keys.join(SEALING_KEYS), &*entropy)?;
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
        let store = sessions::open(&config.session, &state, &clock, &entropy)?;
        let metrics = Arc::new(Metrics::default());
        let links = store.shared.clone().map_or_else(OnceLock::new, OnceLock::from);
        let one_time = Arc::new(one_time(store.shared.clone(), &sealer, &*entropy));
        let sessions = SessionManager::new(
            store.sessions,
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
            logins: Arc::new(LoginMemory::new(store.shared, Arc::clone(&one_time))),
            sealer,
            sealing,
            revoker: Arc::new(Revoker::new(Arc::clone(&metrics))),
            metrics,
            issuer_keys: KnownKeys::default(),
            api_keys: Mutex::default(),
            one_time,
            links,
            tries: Mutex::default(),
            shared_tries: store.tries,
            load: Load::new(
                usize::try_from(limits.connections).unwrap_or(usize::MAX),
                limits.connections_per_client,
            ),
            state,
            keys,
            shared_api_keys: config.server.keys.as_ref().map(|keys| keys.join(SHARED_API_KEYS)),
            api_keys_trouble: ArcSwapOption::empty(),
            trouble: ArcSwapOption::empty(),
            draining: AtomicBool::new(false),
        })
    }
}

/// Keys that are taken over into a directory that was made for want of a share are hidden as soon as that is
/// mounted.
fn check_share(share: Option<&Path>, own: PathBuf) -> Result<(), LastingFault> {
    match share {
        Some(share) if !share.is_dir() && own.exists() => {
            Err(LastingFault::NoShare { share: share.to_owned(), own })
        }
        _ => Ok(()),
    }
}

fn one_time(
    shared: Option<Arc<dyn OneTime>>,
    sealer: &Sealer,
    entropy: &dyn Entropy,
) -> OneTimeTokens {
    match shared {
        Some(used) => OneTimeTokens::shared(sealer.clone(), used),
        None => OneTimeTokens::alone(sealer.clone(), entropy),
    }
}

impl Lasting {
    /// The API keys: where replicas share them, or in a file in the state directory. Waits for the disk the
    /// first time.
    ///
    /// # Errors
    /// They cannot be opened.
    pub(super) fn api_keys(&self) -> Result<Arc<ApiKeys>, ApiKeyFault> {
        let mut opened = self.api_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = &*opened {
            return Ok(Arc::clone(keys));
        }
        let path = self.state.join(API_KEYS);
        let live = Arc::clone(self.sessions.live());
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let keys = Arc::new(match &self.shared_api_keys {
            Some(folder) => {
                let keys = ApiKeys::open_shared(folder, live, clock, entropy)?;
                keys.take_over(&path)?;
                keys
            }
            None => ApiKeys::open(&path, live, clock, entropy)?,
        });
        *opened = Some(Arc::clone(&keys));
        Ok(keys)
    }

    /// Takes up what other gateways have changed of API keys, where they are shared. Waits for the disk.
    ///
    /// # Errors
    /// They cannot be read; those in memory stay as they are.
    pub(super) fn sync_api_keys(&self) -> Result<(), ApiKeyFault> {
        let opened = self.api_keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        opened.map_or(Ok(()), |keys| keys.sync())
    }

    /// Writes when API keys were last used, where there are any. Waits for the disk.
    ///
    /// # Errors
    /// The file cannot be written; it is tried again the next time.
    pub(super) fn flush_api_keys(&self) -> Result<(), ApiKeyFault> {
        let opened = self.api_keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        opened.map_or(Ok(()), |keys| keys.flush())
    }

    /// The used links and logout tokens: where replicas share them, or in a file in the state
    /// directory. Routes are built one after the other.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(super) fn used_links(&self) -> Result<Arc<dyn OneTime>, LastingFault> {
        if let Some(links) = self.links.get() {
            return Ok(Arc::clone(links));
        }
        let links: Arc<dyn OneTime> = Arc::new(UsedLinks::open(&self.state.join(USED_LINKS))?);
        Ok(Arc::clone(self.links.get_or_init(|| links)))
    }

    /// Makes a new sealing key when the newest one has sealed long enough.
    ///
    /// # Errors
    /// The key file cannot be read or written; the old keys stay in use.
    pub(super) fn rotate_sealing(&self) -> Result<bool, LastingFault> {
        let written = keyfile::stamp(&self.keys.join(SEALING_KEYS))?;
        let Some(written) = written else { return Ok(false) };
        if self.clock.now().since(written.modified()) < SEALS_FOR {
            return Ok(false);
        }
        self.sealing.rotate(&*self.entropy)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_share_that_is_not_there_takes_no_keys_over() {
        let entropy: &dyn Entropy = &SystemEntropy;
        let folder = std::env::temp_dir().join(format!("lasting-{}", entropy.token::<9>()));
        let (state, share) = (folder.join("state"), folder.join("share"));
        fs::create_dir_all(&state).unwrap();
        let file = folder.join("portcullis.toml");
        let text = format!(
            "[server]\npublic_url = \"http://localhost:8080\"\nhttp = {{ listen = \"127.0.0.1:8080\" }}\n\
             state = \"{}\"\nkeys = \"{}\"\n[upstreams.app]\nservers = [\"127.0.0.1:8000\"]\n\
             [[routes]]\nauth = [\"api_key\"]\naccess = \"authenticated\"\nupstream = \"app\"\n",
            state.display(),
            share.display()
        );
        fs::write(&file, text).unwrap();
        let loaded = Config::load(&file).unwrap();
        fs::write(state.join(API_KEYS), "").unwrap();
        let fault = Lasting::open(&loaded.config).err().unwrap().to_string();
        assert!(fault.contains("no directory") && fault.contains("install -d"), "{fault}");
        assert!(!share.exists(), "nothing is made there");
        fs::create_dir(&share).unwrap();
        assert!(Lasting::open(&loaded.config).is_ok());
        fs::remove_dir_all(folder).unwrap();
    }
}
