//! Checks between the parts of a configuration that was read, one file per section.

mod apps;
mod directories;
mod findings;
mod forward_auth;
mod issuers;
mod providers;
mod routes;
mod run;
mod server;
mod signed_urls;
mod teams;
mod token;
mod trusted_headers;
mod upstreams;
mod verify;

pub use findings::Problem;
pub(super) use run::check;
