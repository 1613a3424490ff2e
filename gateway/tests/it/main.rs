//! The integration tests: one binary, real sockets, the gateway as its users see it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod layers;
mod rehearsal;
mod support;
