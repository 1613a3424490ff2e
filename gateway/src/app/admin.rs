//! The operator's listener: health, metrics, reload, the configuration in force.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::app::lasting::Lasting;
use crate::app::reload::Reloader;
use crate::app::sessions;
use crate::observe::Gauges;
use crate::oidc::DiscoveryState;

#[derive(Clone)]
pub(super) struct Admin {
    pub(super) lasting: Arc<Lasting>,
    pub(super) reloader: Arc<Reloader>,
}

/// The admin pages.
pub(super) fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/config", get(config))
        .route("/reload", post(reload))
        .layer(middleware::from_fn(no_browser_pages))
        .with_state(admin)
}

/// A page on the web can make an operator's browser call this listener. Browsers say so; programs
/// do not.
async fn no_browser_pages(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let direct = matches!(site, None | Some(b"none" | b"same-origin"));
    if !direct || headers.contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "not for pages of other sites\n").into_response();
    }
    next.run(request).await
}

/// Whether requests can be served, and what is missing. A provider that is down does not make the
/// gateway unready: sessions go on, and taking every replica out would end those too.
async fn readyz(State(admin): State<Admin>) -> Response {
    let current = admin.reloader.current.load();
    let mut missing = Vec::new();
    if admin.lasting.draining.load(Ordering::Acquire) {
        missing.push(json!({ "part": "gateway", "reason": "it is going down" }));
    }
    let mut degraded = Vec::new();
    // A store that replicas share does not make one of them unready: all of them would be taken
    // out at once, and with them the routes that need no session.
    if let Some(fault) = admin.lasting.sessions.trouble() {
        degraded.push(json!({ "part": "session store", "reason": fault.to_string() }));
    } else if let Some(trouble) = admin.lasting.trouble.load_full() {
        missing.push(json!({ "part": "gateway", "reason": *trouble }));
    }
    for pool in &current.built.pools {
        if !pool.is_resolved() {
            let part = format!("upstream {}", pool.id());
            missing.push(json!({ "part": part, "reason": "no server has an address" }));
        }
    }
    for provider in &current.built.providers {
        let status = provider.status();
        let reason = match status.discovery {
            DiscoveryState::Ready(_) if status.keys_ready => continue,
            DiscoveryState::Ready(_) => "its keys are not known yet".to_owned(),
            DiscoveryState::Pending => "it has not been asked yet".to_owned(),
            DiscoveryState::Failed { cause } => cause,
        };
        degraded.push(json!({ "part": format!("provider {}", provider.id()), "reason": reason }));
    }
    for issuer in current.built.issuers.iter().filter(|issuer| !issuer.is_ready()) {
        let part = format!("issuer {}", issuer.id());
        degraded.push(json!({ "part": part, "reason": "its keys are not known yet" }));
    }
    let ready = missing.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": ready, "missing": missing, "degraded": degraded });
    (status, axum::Json(body)).into_response()
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let lasting = &admin.lasting;
    let text = lasting.metrics.render(Gauges {
        sessions: lasting.sessions.count(),
        streams: lasting.sessions.live().open(),
        connections: lasting.load.open(),
        connections_refused: lasting.load.refused(),
        store: sessions::gauges(&lasting.sessions),
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// The configuration in force; secrets appear by where they are kept.
async fn config(State(admin): State<Admin>) -> Response {
    let current = admin.reloader.current.load();
    axum::Json(current.loaded.config.redacted()).into_response()
}

async fn reload(State(admin): State<Admin>) -> Response {
    match admin.reloader.reload().await {
        Ok(generation) => axum::Json(json!({ "generation": generation })).into_response(),
        Err(fault) => (StatusCode::UNPROCESSABLE_ENTITY, fault).into_response(),
    }
}
