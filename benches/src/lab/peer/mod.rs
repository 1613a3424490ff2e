//! The servers that are compared, one file each.

mod apache;
mod caddy;
mod contract;
mod envoy;
mod haproxy;
pub(crate) mod nginx;
pub(crate) mod own;
pub(crate) mod portcullis;
mod wheel;

pub(crate) use contract::{Feature, Guard, Peer, Running, all, running};
