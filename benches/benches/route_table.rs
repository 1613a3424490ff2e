//! Finding the route of a request, with few routes and with many.

use std::hint::black_box;

use anyhow::{Result, anyhow};
use benches::fixtures::HOST;
use criterion::{BenchmarkId, Criterion};
use http::Method;
use portcullis::route::{Pattern, Table};

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("route find");
    for routes in [1, 100, 10_000] {
        let table = table(routes)?;
        group.bench_function(BenchmarkId::from_parameter(routes), |bencher| {
            bencher.iter(|| table.find(HOST, black_box("/app0/v1/chat/history"), &Method::GET));
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn table(routes: usize) -> Result<Table<usize>> {
    let pattern = |number| Ok((Pattern::parse(HOST, &format!("/app{number}/*"), None)?, number));
    let patterns = (0..routes).map(pattern).collect::<Result<Vec<_>>>()?;
    Table::build(patterns).map_err(|ties| anyhow!("{} routes tie", ties.len()))
}
