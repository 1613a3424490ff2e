//! The composition root: checked configuration → parts → routes → servers; reload, admin, demo.

mod admin;
mod api_keys;
mod app_plan;
mod audit_sinks;
mod build;
pub mod demo;
pub mod dev_certificate;
mod directories;
mod directory_servers;
mod issuers;
mod known_keys;
mod lasting;
mod listeners;
mod logout;
pub mod probe;
mod providers;
mod reload;
mod renewer;
mod route_rules;
mod routes;
mod run;
mod sessions;
mod upstreams;
mod verify;
mod watch;
mod ways;

pub use build::{BuildFault, dry_build};
pub use logout::logout_places;
pub use run::{RunFault, run};
pub use sessions::look_at_store;
