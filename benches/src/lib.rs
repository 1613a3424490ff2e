//! What is measured: the load lab (`cargo run --release --bin lab`), the programs that it compares
//! the gateway with, and the fixtures of the micro benchmarks in `benches/`.

pub mod fixtures;
pub mod lab;
pub mod subject;
