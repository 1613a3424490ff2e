//! The agent over real sockets, with a gateway and a weather service that are played by the test.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop and say where"
)]

mod caller;
mod chat;
mod layers;
mod support;
mod tools;
mod weather;
