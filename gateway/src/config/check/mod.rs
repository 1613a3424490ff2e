//! Checks between the parts of a configuration that was read, one file per section.

mod allow;
mod api_keys;
mod apps;
mod audit;
mod client_certificates;
mod client_key;
mod directories;
mod directory_servers;
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
mod session;
mod signed_urls;
mod step_up;
mod streams;
mod teams;
mod token;
mod trusted_headers;
mod upstreams;
mod verify;

pub use findings::Problem;
pub(super) use run::check;
