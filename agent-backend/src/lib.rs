//! The reference agent behind Portcullis: it trusts nothing but a token it verified itself.
//!
//! The seam to the gateway is the wire alone (a JWT in one header, checked with the keys that the
//! gateway publishes), so a backend in any other language sees exactly the same thing. No type is
//! shared with the gateway.
//!
//! Floors, bottom to top; imports only go down:
//!
//! ```text
//! error config clock observe fetch  <  caller  <  agent  <  chat ui  <  app  <  main
//! ```

pub mod agent;
pub mod app;
pub mod caller;
pub mod chat;
pub mod clock;
pub mod config;
pub mod error;
pub mod fetch;
pub mod observe;
pub mod ui;
