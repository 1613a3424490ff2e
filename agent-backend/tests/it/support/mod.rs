//! What the tests play: an issuer with keys, and a running agent.

mod agent;
mod issuer;

pub(crate) use agent::{Agent, NOW, claims, sse};
pub(crate) use issuer::{Issuer, SECRET, encode, hs256, serve};
