//! The provider's server.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use thiserror::Error;
use tokio::net::TcpListener;

use crate::app::demo::provider::client::DemoClient;
use crate::app::demo::provider::key::DemoKey;
use crate::app::demo::provider::metadata::{self, DemoMetadata};
use crate::app::demo::provider::store::Store;
use crate::app::demo::provider::{authorize, end_session, token};
use crate::base::{Clock, Entropy};

/// The demo's `OpenID` provider.
#[derive(Debug)]
pub struct DemoProvider;

/// Why the provider cannot be started.
#[derive(Debug, Error)]
pub enum DemoProviderError {
    /// The port cannot be had.
    #[error("the demo provider cannot listen on {0}: {1}; choose another port")]
    Listen(SocketAddr, std::io::Error),
    /// Passwords that everybody knows must not be offered to the network.
    #[error("the demo provider listens on loopback addresses only, not on {0}")]
    NotLoopback(SocketAddr),
    /// No key, or no metadata.
    #[error("the demo provider cannot make its {0}")]
    Setup(&'static str),
}

/// What all handlers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) issuer: String,
    pub(super) clients: Vec<DemoClient>,
    pub(super) key: DemoKey,
    pub(super) metadata: DemoMetadata,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    store: Mutex<Store>,
}

/// Forms are small.
const LARGEST_BODY: usize = 64 * 1024;

impl DemoProvider {
    /// Listens on `address` and gives the bound address, and the server as a future that ends only
    /// when it fails. The issuer is `http://<bound address>`.
    ///
    /// Use `127.0.0.1` rather than `localhost`: cookies do not tell ports apart, so that a gateway
    /// on `localhost` and a provider on the same name would see each other's.
    ///
    /// # Errors
    /// [`DemoProviderError`].
    pub async fn bind(
        address: SocketAddr,
        clients: Vec<DemoClient>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(SocketAddr, impl Future<Output = std::io::Result<()>> + Send), DemoProviderError>
    {
        if !address.ip().is_loopback() {
            return Err(DemoProviderError::NotLoopback(address));
        }
        let listen = |error| DemoProviderError::Listen(address, error);
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let bound = listener.local_addr().map_err(listen)?;
        let issuer = format!("http://{bound}");
        let key = DemoKey::generate(entropy.token::<8>());
        let shared = Shared {
            key: key.ok_or(DemoProviderError::Setup("key"))?,
            metadata: metadata::document(&issuer)
                .map_err(|_| DemoProviderError::Setup("metadata"))?,
            issuer,
            clients,
            clock,
            entropy,
            store: Mutex::new(Store::new()),
        };
        let server = axum::serve(listener, router(Arc::new(shared)));
        Ok((bound, async { server.await }))
    }
}

impl Shared {
    pub(super) fn client(&self, id: &str) -> Option<&DemoClient> {
        self.clients.iter().find(|client| client.id == id)
    }

    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        act(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata::discovery))
        .route("/jwks", get(metadata::jwks))
        .route("/authorize", get(authorize::authorize))
        .route("/login", post(authorize::login))
        .route("/token", post(token::token))
        .route("/userinfo", get(token::userinfo).post(token::userinfo))
        .route("/logout", get(end_session::ask).post(end_session::confirm))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared)
}

/// 303: a form that was posted here is not posted again elsewhere.
pub(super) fn redirect(location: &str) -> Response {
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The provider's own session cookie.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<String> {
    headers.get_all(header::COOKIE).iter().find_map(|line| {
        line.to_str()
            .ok()?
            .split(';')
            .find_map(|pair| pair.trim().strip_prefix("demo_provider=").map(str::to_owned))
    })
}

#[cfg(test)]
mod tests;
