//! Reload: build everything new, check it, swap it in one step; or keep the old and say why.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::{error, warn};

use crate::app::build::{BuildFault, Built, build};
use crate::app::lasting::Lasting;
use crate::app::logout;
use crate::config::{Checked, Config, Loaded};
use crate::edge::Sites;
use crate::observe::{LogHandle, audit};
use crate::proxy::Snapshot;
use crate::session::EndCause;

/// How often names of upstreams are looked up again: what a change of address costs at most.
const LOOK_UP: Duration = Duration::from_secs(10);
/// How often key rotation is thought of, and the key file looked at.
const TICK: Duration = Duration::from_secs(1);

/// The configuration in force, and the way to another one.
pub(super) struct Reloader {
    file: PathBuf,
    lasting: Arc<Lasting>,
    log: Option<LogHandle>,
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) sites: Option<Arc<ArcSwap<Sites>>>,
    pub(super) current: ArcSwap<InForce>,
    generation: AtomicU64,
    /// One reload at a time.
    turn: Mutex<()>,
}

/// What is in force, for whoever looks.
pub(super) struct InForce {
    pub(super) loaded: Loaded,
    pub(super) built: Built,
}

impl Reloader {
    /// Puts the first configuration in force.
    pub(super) fn start(
        file: PathBuf,
        loaded: Loaded,
        lasting: Arc<Lasting>,
        log: Option<LogHandle>,
    ) -> Result<Self, BuildFault> {
        let built = build(&loaded, &lasting, 1)?;
        lasting.metrics.reload(true, 1);
        let snapshot = Arc::new(ArcSwap::new(Arc::clone(&built.snapshot)));
        let sites = built.sites.clone().map(|sites| Arc::new(ArcSwap::new(sites)));
        Ok(Self {
            file,
            lasting,
            log,
            snapshot,
            sites,
            current: ArcSwap::from_pointee(InForce { loaded, built }),
            generation: AtomicU64::new(1),
            turn: Mutex::new(()),
        })
    }

    /// Reads the file again and puts it in force.
    ///
    /// # Errors
    /// What is wrong with it, for people; the old one stays in force.
    pub(super) async fn reload(&self) -> Result<u64, String> {
        let _turn = self.turn.lock().await;
        let generation = self.generation.load(Ordering::Acquire) + 1;
        let result = self.replace(generation).await;
        let fault = result.as_ref().err().map(String::as_str);
        audit::config_reloaded(generation, fault);
        let in_force = if fault.is_none() { generation } else { generation - 1 };
        self.lasting.metrics.reload(fault.is_none(), in_force);
        self.generation.store(in_force, Ordering::Release);
        result.map(|()| generation)
    }

    async fn replace(&self, generation: u64) -> Result<(), String> {
        let (file, lasting) = (self.file.clone(), Arc::clone(&self.lasting));
        // Reading files and parsing keys would hold up a worker.
        let work = move || {
            let loaded = Config::load(&file).map_err(|faults| faults.to_string())?;
            let built = build(&loaded, &lasting, generation).map_err(|fault| fault.to_string())?;
            Ok::<_, String>(InForce { loaded, built })
        };
        let next = tokio::task::spawn_blocking(work).await.map_err(|fault| fault.to_string())??;
        for pool in &next.built.pools {
            if !pool.is_resolved() {
                pool.resolve().await;
            }
        }
        let old = self.current.load_full();
        warn_of_restart(&old.loaded.config, &next.loaded.config);
        if let Some(log) = &self.log
            && let Err(fault) = log.set(&next.loaded.config.log.level)
        {
            return Err(fault.to_string());
        }
        if let (Some(sites), Some(new)) = (&self.sites, &next.built.sites) {
            let old = sites.swap(Arc::clone(new));
            let still = new.table().bonds();
            for bond in old.table().bonds().difference(&still) {
                self.lasting.sessions.live().end(bond, EndCause::Revoked);
            }
        }
        let limit = next.loaded.config.server.limits.connections;
        self.lasting.load.limit_to(usize::try_from(limit).unwrap_or(usize::MAX));
        self.snapshot.store(Arc::clone(&next.built.snapshot));
        self.lasting.sessions.live().rules_changed();
        self.current.store(Arc::new(next));
        old.built.over.cancel();
        self.attend();
        Ok(())
    }

    /// Starts the background work of the configuration in force: providers, names, keys.
    pub(super) fn attend(&self) {
        let current = self.current.load_full();
        let over = &current.built.over;
        let public_url = logout::public_url(&current.loaded.config);
        for provider in &current.built.providers {
            let (provider, over) = (Arc::clone(provider), over.clone());
            let announced = logout::announce(Arc::clone(&provider), public_url.clone());
            tokio::spawn(over.clone().run_until_cancelled_owned(announced));
            tokio::spawn(async move { provider.run(over.cancelled_owned()).await });
        }
        for issuer in &current.built.issuers {
            let (issuer, over) = (Arc::clone(issuer), over.clone());
            tokio::spawn(async move { issuer.run(over.cancelled_owned()).await });
        }
        for pool in &current.built.pools {
            let (pool, over) = (Arc::clone(pool), over.clone());
            tokio::spawn(over.run_until_cancelled_owned(async move {
                loop {
                    tokio::time::sleep(LOOK_UP).await;
                    pool.resolve().await;
                    pool.sweep();
                }
            }));
        }
        if let Some(keyring) = current.built.keyring.clone() {
            let clock = Arc::clone(&self.lasting.clock);
            tokio::spawn(over.clone().run_until_cancelled_owned(async move {
                let mut last = None;
                loop {
                    tokio::time::sleep(TICK).await;
                    let (keyring, clock) = (Arc::clone(&keyring), Arc::clone(&clock));
                    let tick = move || {
                        let changed = keyring.reload_if_changed()? | keyring.tick(clock.now())?;
                        Ok::<_, crate::token::KeyringFault>(changed)
                    };
                    let fault = match tokio::task::spawn_blocking(tick).await {
                        Ok(Ok(changed)) => {
                            if changed {
                                audit::keys_rotated();
                            }
                            None
                        }
                        Ok(Err(fault)) => Some(fault.to_string()),
                        Err(fault) => Some(fault.to_string()),
                    };
                    // The same fault each second says no more than once.
                    if fault != last
                        && let Some(fault) = &fault
                    {
                        error!(%fault, "signing keys cannot be kept up");
                    }
                    last = fault;
                }
            }));
        }
    }
}

/// Says which changes wait for a restart: sockets, threads and stores outlive a configuration.
fn warn_of_restart(old: &Checked<Config>, new: &Checked<Config>) {
    let (a, b) = (&old.server, &new.server);
    let changed = [
        (
            "server.http.listen",
            a.http.as_ref().map(|l| l.listen) != b.http.as_ref().map(|l| l.listen),
        ),
        (
            "server.https.listen",
            a.https.as_ref().map(|l| l.listen) != b.https.as_ref().map(|l| l.listen),
        ),
        ("server.admin.listen", a.admin.listen != b.admin.listen),
        ("server.admin.socket", a.admin_socket() != b.admin_socket()),
        ("server.state", a.state != b.state),
        ("server.keys", a.keys != b.keys),
        ("server.threads", a.threads != b.threads),
        ("audit", old.audit != new.audit),
        ("session", lasting_session(old) != lasting_session(new)),
    ];
    for (key, _) in changed.iter().filter(|(_, changed)| *changed) {
        warn!(key, "changed, but takes effect only after a restart");
    }
}

/// What outlives a configuration of what it says of sessions.
fn lasting_session(config: &Checked<Config>) -> Option<Value> {
    let mut session = config.redacted().get("session").cloned();
    if let Some(Value::Object(session)) = &mut session {
        session.remove("clear_site_data");
    }
    session
}
