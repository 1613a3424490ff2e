//! What is done to every request's path and header names.

use std::hint::black_box;

use benches::fixtures::BROWSER;
use criterion::Criterion;
use portcullis::web::CanonicalPath;
use portcullis::web::names::{has_underscore, is_identity_header};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("canonical path");
    for (name, path) in [
        ("already canonical", "/app7/v1/chat/history/0a1b2c3d"),
        ("escapes to decode", "/app7/v%31/ch%61t/caf%c3%a9/0a1b2c3d"),
        ("refused", "/app7/v1/%2e%2e/admin"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| CanonicalPath::parse(black_box(path)).is_ok())
        });
    }
    group.finish();
    criterion.bench_function("header names of a browser's request", |bencher| {
        bencher.iter(|| {
            let bad = |name: &str| has_underscore(name) || is_identity_header(name, &[]);
            black_box(BROWSER).iter().filter(|(name, _)| bad(name)).count()
        });
    });
    criterion.final_summary();
}
