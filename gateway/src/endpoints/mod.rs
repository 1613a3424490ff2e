//! The gateway's own pages, one file each, under one reserved prefix.

use bytes::Bytes;

use crate::gate::Gate;
use crate::web::{Reply, Request};

/// placeholder
pub struct Endpoints;

impl Endpoints {
    /// x
    pub fn owns(path: &str) -> bool {
        path.starts_with("/.portcullis")
    }
    /// x
    pub async fn serve(&self, _: &Gate, _: &Request<'_>, _: &Bytes) -> Reply {
        Reply::new(http::StatusCode::NOT_FOUND)
    }
}
