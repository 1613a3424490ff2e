//! Starts the gateway, heeds signals, drains, stops.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pingora_core::apps::HttpServerApp as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

use crate::app::admin::{Admin, AdminSocket, Door, Peer, SocketFault, SocketFile, router};
use crate::app::api_keys;
use crate::app::audit_sinks;
use crate::app::build::BuildFault;
use crate::app::lasting::Lasting;
use crate::app::listeners::{BindFault, Sockets, proxy, serve_public};
use crate::app::reload::Reloader;
use crate::app::renewer::{self, Providers};
use crate::app::watch::Watch;
use crate::base::SystemClock;
use crate::config::{Certificate, Checked, Config, Faults, LogFormat};
use crate::observe::audit::{self, SinkFault};
use crate::observe::{self, LogFault, LogHandle};
use crate::proxy::Draining;
use crate::session::sid_of;

/// Why the gateway did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunFault {
    /// The audit log cannot be written.
    #[error(transparent)]
    Audit(#[from] SinkFault),
    /// A socket cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindFault),
    /// The configuration cannot be put in force.
    #[error(transparent)]
    Build(#[from] BuildFault),
    /// The configuration file is at fault.
    #[error("{0}")]
    Config(Faults),
    /// Logging cannot be set up.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// The socket for administrators cannot be had.
    #[error(transparent)]
    Socket(#[from] SocketFault),
    /// The runtime or a signal handler cannot be set up.
    #[error("the system refuses what every program needs: {0}")]
    System(#[from] std::io::Error),
}

/// How long before the end of a drain live streams are told to go.
const FAREWELL: Duration = Duration::from_millis(1500);

/// Runs the gateway until it is told to stop. Calls `up` when it listens.
///
/// # Errors
/// Why it did not start. Nothing is served then.
pub fn run(file: &Path, up: impl FnOnce()) -> Result<(), RunFault> {
    // First of all: pingora would else install a provider without post-quantum key exchange.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let loaded = Config::load(file).map_err(RunFault::Config)?;
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| loaded.config.log.level.clone());
    let format = match loaded.config.log.format {
        LogFormat::Json => observe::LogFormat::Json,
        LogFormat::Text => observe::LogFormat::Text,
    };
    let log = observe::init(&filter, format)?;
    // Always: a reload may turn it on.
    observe::access::start(format, Arc::new(SystemClock))?;
    let sinks = audit_sinks::places(&loaded.config.audit, format);
    audit::start(sinks, Arc::new(SystemClock))?;
    // The environment goes before the file: a reload must not take it back.
    let log = std::env::var_os("RUST_LOG").is_none().then_some(log);
    if !loaded.warnings.is_empty() {
        eprintln!("{}", loaded.render_warnings());
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = loaded.config.server.threads {
        builder.worker_threads(threads.get());
    }
    let runtime = builder.enable_all().build()?;
    let result = runtime.block_on(serve(file.to_owned(), loaded, log, up));
    runtime.shutdown_timeout(Duration::from_secs(1));
    observe::access::flush();
    audit::flush();
    result
}

async fn serve(
    file: PathBuf,
    loaded: crate::config::Loaded,
    log: Option<LogHandle>,
    up: impl FnOnce(),
) -> Result<(), RunFault> {
    let config = loaded.config.clone();
    let lasting = Arc::new(Lasting::open(&config).map_err(BuildFault::from)?);
    count_panics(&lasting);
    let following = Arc::clone(&lasting.sessions);
    tokio::spawn(async move { following.follow().await });
    let reviewing = Arc::clone(&lasting.sessions);
    tokio::spawn(async move { reviewing.review().await });
    lasting.sessions.ready().await;
    let reloader = Reloader::start(file.clone(), loaded, Arc::clone(&lasting), log)?;
    let reloader = Arc::new(reloader);
    let renewing = renew_sessions(&config, &lasting, &reloader);
    for pool in &reloader.current.load().built.pools {
        if !pool.is_resolved() {
            pool.resolve().await;
        }
    }
    let sockets = Sockets::bind(&config)?;
    let socket = AdminSocket::bind(&config.server.admin_socket())?;
    // Before anybody hears that we are up: a SIGHUP without a handler would end the process.
    let orders = Orders::listen(&file, &config)?;
    sockets.announce();
    up();
    let Sockets { http, https, admin } = sockets;
    let (stop, shutdown) = watch::channel(false);
    let draining = Draining::default();
    let proxy = proxy(&config, &lasting, &reloader.snapshot, &draining);
    let sites = reloader.sites.as_ref();
    serve_public((http, https), sites, &proxy, &lasting, &config, &shutdown);
    let pages = Admin { lasting: Arc::clone(&lasting), reloader: Arc::clone(&reloader) };
    let _socket = administer(pages, admin.listener, socket);
    reloader.attend();
    let housekeeping = tokio::spawn(housekeeping(Arc::clone(&lasting)));
    let following = tokio::spawn(api_keys::follow(Arc::clone(&lasting)));
    info!(version = env!("CARGO_PKG_VERSION"), config = %file.display(), "portcullis is up");

    orders.wait_for_stop(&reloader).await;

    lasting.draining.store(true, Ordering::Release);
    info!("draining");
    let _ = stop.send(true);
    draining.start();
    proxy.edge.http_cleanup().await;
    drain(&lasting, config.server.limits.drain_time.std()).await;
    housekeeping.abort();
    following.abort();
    if let Some(renewing) = renewing {
        renewing.abort();
    }
    lasting.sessions.finish_renewals().await;
    if let Err(error) = lasting.sessions.flush().await {
        warn!(%error, "uses of sessions were not written");
    }
    api_keys::flush_last(move || lasting.flush_api_keys(), api_keys::LAST_FLUSH).await;
    info!("stopped");
    Ok(())
}

/// Has sessions follow their providers, where that is wanted.
fn renew_sessions(
    config: &Checked<Config>,
    lasting: &Lasting,
    reloader: &Arc<Reloader>,
) -> Option<JoinHandle<()>> {
    let settings = renewer::settings(&config.session.refresh)?;
    let providers = Providers {
        reloader: Arc::downgrade(reloader),
        clock: Arc::clone(&lasting.clock),
        metrics: Arc::clone(&lasting.metrics),
    };
    lasting.sessions.renew_by(Arc::new(providers), settings);
    let sessions = Arc::clone(&lasting.sessions);
    Some(tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            sessions.renew_due();
        }
    }))
}

/// Answers administrators, until the process ends. The socket's file is there as long as the result.
fn administer(pages: Admin, listener: TcpListener, socket: AdminSocket) -> SocketFile {
    let by_listener = router(pages.clone(), Door::Listener);
    let by_listener = by_listener.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, by_listener).await });
    let AdminSocket { listener, owner, file } = socket;
    let by_socket = router(pages, Door::Socket { owner });
    let by_socket = by_socket.into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move { axum::serve(listener, by_socket).await });
    file
}

/// A panic takes one request down, not the gateway; it must not go unseen. What it says may hold
/// data of a request, so that only the place is logged.
fn count_panics(lasting: &Lasting) {
    let metrics = Arc::clone(&lasting.metrics);
    std::panic::set_hook(Box::new(move |panic| {
        metrics.panicked();
        let place = panic.location().map(ToString::to_string);
        error!(place, "panicked; report this as a fault of ours");
    }));
}

/// What tells the running gateway to do something.
struct Orders {
    hup: Signal,
    term: Signal,
    int: Signal,
    watch: Watch,
}

impl Orders {
    fn listen(file: &Path, config: &Checked<Config>) -> std::io::Result<Self> {
        let mut files = vec![file.to_owned()];
        if let Some(https) = &config.server.https {
            let each = |files: &Certificate| [files.chain.clone(), files.key.clone()];
            files.extend(https.certificates.iter().flat_map(each));
        }
        for section in config.client_certificates.values() {
            files.extend(section.ca.iter().chain(&section.crl).cloned());
        }
        Ok(Self {
            hup: signal(SignalKind::hangup())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            watch: Watch::on(&files),
        })
    }

    /// Reloads on SIGHUP and on a change of the files, until SIGTERM or SIGINT.
    async fn wait_for_stop(mut self, reloader: &Reloader) {
        loop {
            tokio::select! {
                _ = self.hup.recv() => {}
                () = self.watch.changed() => {}
                _ = self.term.recv() => return,
                _ = self.int.recv() => return,
            }
            // Reported by the reload itself, to the log and the metrics.
            let _ = reloader.reload().await;
        }
    }
}

/// Lets requests finish; live streams, which never do, are told to go shortly before the end.
async fn drain(lasting: &Lasting, budget: Duration) {
    let quiet = budget.saturating_sub(FAREWELL);
    if lasting.load.wait_until_empty(quiet).await {
        return;
    }
    let told = lasting.sessions.live().drain();
    info!(streams = told, connections = lasting.load.open(), "ending what is still open");
    if !lasting.load.wait_until_empty(FAREWELL).await {
        warn!(connections = lasting.load.open(), "connections are cut");
    }
}

/// Each second: sessions whose time is over end, and their streams with them.
async fn housekeeping(lasting: Arc<Lasting>) {
    let mut flushes = api_keys::Flushes::default();
    let mut last = None;
    let mut beside = JoinSet::new();
    // Ends with this one, which does not wait for it: a shared directory may hang.
    beside.spawn(keep_sealing_keys(Arc::clone(&lasting)));
    for second in 0_u64.. {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if second % 60 == 59 {
            let lasting = Arc::clone(&lasting);
            // Not waited for: a slow disk must not hold up the sweep, which ends streams.
            flushes.begin(move || lasting.flush_api_keys());
        }
        let swept = lasting.sessions.sweep().await;
        for ended in &swept.ended {
            audit::session_over(&sid_of(&ended.key), ended.cause.as_str());
        }
        let fault = swept.fault.map(|fault| fault.to_string());
        if fault != last
            && let Some(fault) = &fault
        {
            error!(%fault, "the session store fails");
        }
        lasting
            .trouble
            .store(fault.clone().map(|fault| Arc::new(format!("session store: {fault}"))));
        last = fault;
    }
}

/// Each second: takes up sealing keys that another process made, and makes one when it is time.
async fn keep_sealing_keys(lasting: Arc<Lasting>) {
    for second in 0_u64.. {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if second.is_multiple_of(3600) {
            let lasting = Arc::clone(&lasting);
            match tokio::task::spawn_blocking(move || lasting.rotate_sealing()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => info!("a new key seals sessions"),
                Ok(Err(fault)) => error!(%fault, "sealing keys cannot be rotated"),
                Err(fault) => error!(%fault, "sealing keys cannot be rotated"),
            }
        }
        let sealing = Arc::clone(&lasting.sealing);
        let looked = tokio::task::spawn_blocking(move || sealing.reload_if_changed()).await;
        if let Ok(Err(fault)) = looked {
            error!(%fault, "sealing keys cannot be kept up");
        }
    }
}

#[cfg(test)]
mod tests;
