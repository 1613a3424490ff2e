//! Health, metrics, reload, the configuration in force.

use std::sync::atomic::Ordering;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::app::admin::door::Caller;
use crate::app::admin::router::Admin;
use crate::observe::{Gauges, audit};
use crate::oidc::DiscoveryState;

/// Whether requests can be served, and what is missing. A provider that is down does not make the
/// gateway unready: sessions go on, and taking every replica out would end those too.
pub(super) async fn readyz(State(admin): State<Admin>) -> Response {
    let current = admin.reloader.current.load();
    let mut missing = Vec::new();
    if admin.lasting.draining.load(Ordering::Acquire) {
        missing.push(json!({ "part": "gateway", "reason": "it is going down" }));
    }
    if let Some(trouble) = admin.lasting.trouble.load_full() {
        missing.push(json!({ "part": "gateway", "reason": *trouble }));
    }
    for pool in &current.built.pools {
        if !pool.is_resolved() {
            let part = format!("upstream {}", pool.id());
            missing.push(json!({ "part": part, "reason": "no server has an address" }));
        }
    }
    let mut degraded = Vec::new();
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

pub(super) async fn metrics(State(admin): State<Admin>) -> Response {
    let lasting = &admin.lasting;
    let text = lasting.metrics.render(Gauges {
        sessions: lasting.sessions.count(),
        streams: lasting.sessions.live().open(),
        connections: lasting.load.open(),
        connections_refused: lasting.load.refused(),
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// The configuration in force; secrets appear by where they are kept.
pub(super) async fn config(State(admin): State<Admin>) -> Response {
    let current = admin.reloader.current.load();
    axum::Json(current.loaded.config.redacted()).into_response()
}

pub(super) async fn reload(
    State(admin): State<Admin>,
    Extension(by): Extension<Caller>,
) -> Response {
    let loaded = admin.reloader.reload().await;
    audit::admin_action(by.as_str(), "reload", "", 0, loaded.as_ref().err().map(String::as_str));
    match loaded {
        Ok(generation) => axum::Json(json!({ "generation": generation })).into_response(),
        Err(fault) => (StatusCode::UNPROCESSABLE_ENTITY, fault).into_response(),
    }
}
