//! Checks between the parts of a configuration that was read, one file per section.

mod directories;
mod findings;
mod issuers;
mod providers;
mod routes;
mod run;
mod server;
mod token;
mod upstreams;

pub use findings::Problem;
pub(super) use run::check;
