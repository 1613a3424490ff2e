//! The composition root: settings become parts, parts become pages, pages are served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use axum::routing::get;
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::agent::scripted::Scripted;
use crate::agent::tools::weather::{OpenMeteo, Place, Places, Weather};
use crate::agent::tools::{Access, Calculator, CurrentTime, ServiceStatus, Toolbox, Whoami};
use crate::agent::{Agent, Limits, Model};
use crate::caller::{KeySource, Verifier, require_caller};
use crate::chat::{self, ChatState};
use crate::clock::{Clock, SystemClock};
use crate::config::{ConfigError, Options};
use crate::error::ApiError;
use crate::fetch::http_client;
use crate::ui;

/// A running agent.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stopping: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
}

/// Why the agent could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    HttpClient(#[from] reqwest::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// The server failed while running.
    #[error("the server failed: {0}")]
    Serve(std::io::Error),
}

/// What open streams get to end by themselves before they are cut.
const DRAIN: Duration = Duration::from_secs(5);
/// The one address without a caller: it says that the process lives, and nothing else.
pub const HEALTH: &str = "/healthz";

/// Serves until the process is told to stop; prints the bound address as one line.
///
/// # Errors
///
/// See [`AppError`].
pub async fn run(options: Options) -> Result<(), AppError> {
    let while_stdin_open = options.while_stdin_open;
    let running = start(options, Arc::new(SystemClock)).await?;
    {
        use std::io::Write;
        let mut out = std::io::stdout().lock();
        // Whoever started us may not read it; that is no reason to stop.
        writeln!(out, "http://{}", running.address).and_then(|()| out.flush()).ok();
    }
    tokio::select! {
        () = told_to_stop() => {}
        () = stdin_closed(), if while_stdin_open => {}
    }
    running.stop().await
}

/// Starts with the offline model.
///
/// # Errors
///
/// See [`AppError`].
pub async fn start(options: Options, clock: Arc<dyn Clock>) -> Result<Running, AppError> {
    let model = Arc::new(Scripted::new(Duration::from_millis(options.pace_ms)));
    start_with(options, clock, model).await
}

/// Starts with a given model.
///
/// # Errors
///
/// See [`AppError`].
pub async fn start_with(
    options: Options,
    clock: Arc<dyn Clock>,
    model: Arc<dyn Model>,
) -> Result<Running, AppError> {
    // Fails only when a provider is installed already, and then there is one.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let verifier = Arc::new(verifier(&options, &clock)?);
    let toolbox = toolbox(&options, &clock)?;
    let agent = Arc::new(Agent::new(model, toolbox, Limits::default(), clock.clone()));
    let (stopping, stopped) = watch::channel(false);
    let pages = pages(ChatState::new(agent, clock, stopped.clone()), verifier);

    let address = options.listen;
    let listen = |cause| AppError::Listen { address, cause };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    tracing::info!(%address, issuer = %options.gateway, audience = %options.audience, "serving");
    let server = axum::serve(listener, pages).with_graceful_shutdown(until(stopped));
    Ok(Running { address, stopping, server: tokio::spawn(server.into_future()) })
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: no new connections, streams told to end, and after a while cut.
    ///
    /// # Errors
    ///
    /// When the server had failed.
    pub async fn stop(mut self) -> Result<(), AppError> {
        tracing::info!("stopping");
        self.stopping.send_replace(true);
        match tokio::time::timeout(DRAIN, &mut self.server).await {
            Ok(Ok(served)) => served.map_err(AppError::Serve),
            Ok(Err(_)) => Ok(()),
            Err(_) => {
                self.server.abort();
                Ok(())
            }
        }
    }
}

/// All pages: every one of them, known or not, behind a verified caller, except the health check.
fn pages(chat: ChatState, verifier: Arc<Verifier>) -> Router {
    let behind = Router::new()
        .merge(chat::routes(chat))
        .merge(ui::routes())
        .fallback(async || ApiError::NotFound)
        .layer(middleware::from_fn_with_state(verifier, require_caller));
    let health = || async { ([(header::CACHE_CONTROL, "no-store")], "ok\n") };
    Router::new().route(HEALTH, get(health)).fallback_service(behind)
}

fn verifier(options: &Options, clock: &Arc<dyn Clock>) -> Result<Verifier, AppError> {
    let (issuer, audience) = (&options.gateway, &options.audience);
    let (header, clock) = (options.token_header.clone(), clock.clone());
    let issuer_url = options.issuer_url()?;
    if let Some(secret) = options.secret()? {
        return Ok(Verifier::shared(issuer, audience, header, &secret, clock));
    }
    let keys = KeySource::new(issuer, issuer_url, options.jwks_base.clone(), clock.clone())?;
    Ok(Verifier::published(issuer, audience, header, keys, clock))
}

fn toolbox(options: &Options, clock: &Arc<dyn Clock>) -> Result<Toolbox, AppError> {
    let usual = Place {
        name: options.place.clone(),
        latitude: options.latitude,
        longitude: options.longitude,
        timezone: options.timezone.clone(),
    };
    let timeout = options.weather_timeout();
    let search = http_client(&options.geocoding_url, timeout)?;
    let places = Arc::new(Places::new(usual, options.geocoding_url.clone(), search));
    let client = http_client(&options.weather_url, timeout)?;
    let service = OpenMeteo::new(options.weather_url.clone(), client, clock.clone());
    Ok(Toolbox::default()
        .with(Access::Everyone, Weather::new(clock.clone(), places.clone(), service))
        .with(Access::Everyone, CurrentTime::new(clock.clone(), places))
        .with(Access::Everyone, Calculator)
        .with(Access::Everyone, Whoami)
        .with(Access::Group("engineering"), ServiceStatus))
}

async fn until(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopping| *stopping).await);
}

/// Resolves at the end of standard input. A thread of its own waits for it: one of the runtime's
/// would hold up the end of the program for as long as nobody closes it.
async fn stdin_closed() {
    let (closed, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        closed.send(()).ok();
    });
    wait.await.ok();
}

async fn told_to_stop() {
    let interrupt = async { drop(tokio::signal::ctrl_c().await) };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
