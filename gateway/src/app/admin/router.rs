//! Which address is answered by what.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::app::admin::door::{self, Door};
use crate::app::admin::{api_keys, health, page, sessions};
use crate::app::lasting::Lasting;
use crate::app::reload::Reloader;

/// What the answers are made of.
#[derive(Clone)]
pub(in crate::app) struct Admin {
    pub(in crate::app) lasting: Arc<Lasting>,
    pub(in crate::app) reloader: Arc<Reloader>,
}

/// Requests here are small.
const LARGEST_BODY: usize = 64 * 1024;

/// All addresses, as they are had through one door.
pub(in crate::app) fn router(admin: Admin, door: Door) -> Router {
    let guarded = (admin.clone(), door);
    let open = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics));
    let kept = Router::new()
        .route("/config", get(health::config))
        .route("/reload", post(health::reload))
        .route_layer(middleware::from_fn_with_state(guarded.clone(), door::keep));
    let closed = Router::new()
        .route("/", get(page::page))
        .route("/api-keys", get(api_keys::list).post(api_keys::create))
        .route("/api-keys/{id}", get(api_keys::show))
        .route("/api-keys/{id}/disable", post(api_keys::disable))
        .route("/api-keys/{id}/enable", post(api_keys::enable))
        .route("/api-keys/{id}/revoke", post(api_keys::revoke))
        .route("/sessions", get(sessions::list))
        .route("/sessions/revoke", post(sessions::revoke))
        .route("/sessions/{sid}", get(sessions::show))
        .route("/streams", get(sessions::streams))
        .route_layer(middleware::from_fn_with_state(guarded, door::close));
    open.merge(kept)
        .merge(closed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
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
