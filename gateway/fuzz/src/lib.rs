//! What the larger targets do with their input. Apart from the targets, so that the gateway's own
//! tests run them too (`tests/it/fuzz.rs`) and no change leaves them behind.

pub mod config;
pub mod decision;
