//! What the tests stand on: the gateway as a process, and everybody it talks to.

pub(crate) mod admin;
pub(crate) mod apps;
pub(crate) mod browser;
pub(crate) mod certs;
pub(crate) mod chance;
pub(crate) mod client_certs;
pub(crate) mod counsel;
pub(crate) mod credentials;
pub(crate) mod folder;
pub(crate) mod forge;
pub(crate) mod front;
pub(crate) mod gateway;
pub(crate) mod github;
pub(crate) mod h2;
pub(crate) mod http;
pub(crate) mod issuer;
pub(crate) mod lab;
pub(crate) mod load;
pub(crate) mod logout;
pub(crate) mod many_streams;
pub(crate) mod nginx;
pub(crate) mod peers;
pub(crate) mod postgres;
pub(crate) mod promise;
pub(crate) mod provider;
pub(crate) mod provider_fault;
pub(crate) mod raw;
pub(crate) mod recorder;
#[path = "../../../src/session/redis/server.rs"]
#[expect(dead_code, reason = "the tests of the store use more of it")]
pub(crate) mod redis;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod slapd;
pub(crate) mod socket;
pub(crate) mod transport;
pub(crate) mod wire;

pub(crate) use redis::port;
