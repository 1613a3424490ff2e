//! The load lab: the gateway and other proxies between the same clients and the same backends.
//!
//! [`run`] goes through the scenarios that [`Options`] names. Each lets servers ([`peer`]) work for
//! clients ([`client`]) before a backend, and gives a [`table::Table`]; [`report`] shows them.

mod backend;
mod baseline;
mod bearers;
mod bench;
mod client;
mod goals;
mod machine;
mod options;
mod peer;
mod report;
mod rounds;
mod run;
mod scenario;
mod stats;
mod surroundings;
mod table;

pub use options::{Options, Scenario};
pub use run::run;
