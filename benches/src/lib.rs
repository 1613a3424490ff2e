//! What is measured: the load lab (`cargo run --release --bin lab`) and the fixtures of the micro
//! benchmarks in `benches/`.

pub mod fixtures;
pub mod lab;
