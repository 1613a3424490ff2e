//! The composition root: checked configuration → parts → routes → servers; reload, admin, demo.

pub mod admin;
pub mod build;
mod lasting;
mod listeners;
mod providers;
mod reload;
mod routes;
mod run;
mod upstreams;
mod watch;

pub use build::BuildFault;
pub use run::{RunFault, run};
pub mod demo;
