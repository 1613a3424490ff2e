//! The load lab: the gateway and nginx between the same client and the same backend.

mod connections;
mod echo;
mod folder;
mod gateway;
mod instructions;
mod load;
mod memory;
mod nginx;
mod options;
mod pause;
mod plot;
mod process;
mod progress;
mod report;
mod run;
mod stats;
mod stop;
mod visitor;
mod wrk;

pub use options::Options;
pub use run::run;
