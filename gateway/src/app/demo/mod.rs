//! The demo: a provider of our own, the gateway, and an agent behind it, on one command.

pub mod provider;
mod run;

pub use run::{DemoFault, DemoSettings, run};
