//! What the tests stand on: the gateway as a process, and everybody it talks to.

pub(crate) mod browser;
pub(crate) mod certs;
pub(crate) mod folder;
pub(crate) mod forge;
pub(crate) mod gateway;
pub(crate) mod github;
pub(crate) mod h2;
pub(crate) mod http;
pub(crate) mod issuer;
pub(crate) mod lab;
pub(crate) mod load;
pub(crate) mod nginx;
pub(crate) mod peers;
pub(crate) mod provider;
pub(crate) mod raw;
pub(crate) mod recorder;
pub(crate) mod settings;
pub(crate) mod socket;
