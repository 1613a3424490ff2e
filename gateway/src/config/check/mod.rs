//! Checks between the parts of a configuration that was read, one file per section.

mod allow;
mod client_key;
mod directories;
mod entra;
mod findings;
mod forward_auth;
mod github;
mod issuers;
mod people;
mod providers;
mod routes;
mod run;
mod server;
mod signed_urls;
mod step_up;
mod teams;
mod token;
mod trusted_headers;
mod upstreams;
mod verify;

pub use findings::Problem;
pub(super) use run::check;
