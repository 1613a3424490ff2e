//! The gateway's own pages, one file each, under one reserved prefix.

mod service;

pub use service::{EndpointParts, Endpoints};
