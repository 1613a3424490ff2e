//! An `OpenID` provider of our own, for the demo and for tests only: two accounts whose passwords
//! are their names. It refuses to listen anywhere but on this machine.

mod account;
mod authorize;
mod client;
mod end_session;
mod key;
mod metadata;
mod pages;
mod server;
mod store;
mod token;

pub use client::DemoClient;
pub use server::{DemoProvider, DemoProviderError};
