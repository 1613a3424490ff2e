//! The gateway's own pages, one file each, under one reserved prefix.

mod answer;
mod browser;
mod callback;
mod csrf;
mod documents;
mod failure;
mod login;
mod login_loop;
mod logout;
mod me;
mod memory;
mod password;
mod service;
mod signed_out;
mod state;
#[cfg(test)]
mod tests;

pub use memory::LoginMemory;
pub use service::{EndpointParts, Endpoints};
