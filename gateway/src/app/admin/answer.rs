//! Answers to administrators, who may know the cause.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// A document. It is nothing for anybody's cache.
pub(super) fn yes(status: StatusCode, document: Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(document)).into_response()
}

/// A "no", with what to do.
pub(super) fn no(status: StatusCode, code: &str, message: &str) -> Response {
    yes(status, json!({ "error": code, "message": message }))
}
