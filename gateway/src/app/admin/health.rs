//! Health, metrics, reload, the configuration in force.

use std::sync::atomic::Ordering;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::app::admin::door::Caller;
use crate::app::admin::router::Admin;
use crate::app::sessions;
use crate::observe::{Gauges, audit};
use crate::oidc::DiscoveryState;

/// One part that requests depend on.
pub(super) struct Part {
    pub(super) name: String,
    /// Whether nothing can be served without it. A provider that is down does not make the gateway
    /// unready: sessions go on, and taking every replica out would end those too.
    needed: bool,
    /// What it lacks, if anything.
    pub(super) trouble: Option<String>,
}

/// Everything that requests depend on, and how it is.
pub(super) fn parts(admin: &Admin) -> Vec<Part> {
    let current = admin.reloader.current.load();
    let gateway =
        |trouble: Option<String>| Part { name: "gateway".to_owned(), needed: true, trouble };
    let draining = admin.lasting.draining.load(Ordering::Acquire);
    let mut parts = vec![gateway(draining.then(|| "it is going down".to_owned()))];
    // A store that replicas share does not make one of them unready: all of them would be taken out at
    // once, and with them the routes that need no session.
    if let Some(fault) = admin.lasting.sessions.trouble() {
        let (name, trouble) = ("session store".to_owned(), Some(fault.to_string()));
        parts.push(Part { name, needed: false, trouble });
    } else {
        parts.push(gateway(admin.lasting.trouble.load_full().map(|trouble| trouble.to_string())));
    }
    if let Some(fault) = admin.lasting.api_keys_trouble.load_full() {
        let (name, trouble) = ("API keys".to_owned(), Some(fault.to_string()));
        parts.push(Part { name, needed: false, trouble });
    }
    for pool in &current.built.pools {
        let trouble = (!pool.is_resolved()).then(|| "no server has an address".to_owned());
        parts.push(Part { name: format!("upstream {}", pool.id()), needed: true, trouble });
    }
    for provider in &current.built.providers {
        let status = provider.status();
        let trouble = match status.discovery {
            DiscoveryState::Ready(_) if status.keys_ready => None,
            DiscoveryState::Ready(_) => Some("its keys are not known yet".to_owned()),
            DiscoveryState::Pending => Some("it has not been asked yet".to_owned()),
            DiscoveryState::Failed { cause } => Some(cause),
        };
        parts.push(Part { name: format!("provider {}", provider.id()), needed: false, trouble });
    }
    for issuer in &current.built.issuers {
        let trouble = (!issuer.is_ready()).then(|| "its keys are not known yet".to_owned());
        parts.push(Part { name: format!("issuer {}", issuer.id()), needed: false, trouble });
    }
    parts
}

/// Whether requests can be served, and what is missing.
pub(super) async fn readyz(State(admin): State<Admin>) -> Response {
    let (mut missing, mut degraded) = (Vec::new(), Vec::new());
    for part in parts(&admin) {
        let Some(trouble) = part.trouble else { continue };
        let list = if part.needed { &mut missing } else { &mut degraded };
        list.push(json!({ "part": part.name, "reason": trouble }));
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
        refreshing: lasting.sessions.renewing(),
        store: sessions::gauges(&lasting.sessions),
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
