//! The script that tells a page that its session ends soon or has ended.

use http::StatusCode;

use crate::endpoints::answer::{reads, wrong_method};
use crate::web::{Reply, Request};

const SCRIPT: &str = include_str!("../../templates/session.js");

/// `GET /.portcullis/session.js`. It holds nothing of anybody: `me` says what there is to say.
pub(super) fn session_script(request: &Request<'_>) -> Reply {
    if !reads(request) {
        return wrong_method(request, "GET, HEAD");
    }
    Reply::new(StatusCode::OK)
        .with_body("text/javascript; charset=utf-8", SCRIPT)
        .with("cache-control", "public, max-age=3600")
        .with("cross-origin-resource-policy", "same-origin")
        .with("x-content-type-options", "nosniff")
}
