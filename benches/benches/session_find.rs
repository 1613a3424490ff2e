//! Finding a session that is in memory, among few and among many.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Result;
use benches::fixtures::{sessions, sign_in};
use criterion::{BenchmarkId, Criterion};
use portcullis::base::{Entropy, SystemEntropy};
use portcullis::crypto::{Sealer, SealingKeys};
use portcullis::session::Handle;
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("session find, hot");
    for others in [0, 10_000] {
        let sessions = sessions();
        let handle = runtime.block_on(async {
            for _ in 0..others {
                sign_in(&sessions).await?;
            }
            sign_in(&sessions).await
        })?;
        // From the text on, as it comes in a cookie.
        let text = handle.to_text();
        group.bench_function(BenchmarkId::from_parameter(others + 1), |bencher| {
            bencher.iter(|| {
                let handle = Handle::parse(black_box(text.expose()));
                handle.map(|handle| runtime.block_on(sessions.find(&handle)))
            });
        });
    }
    group.finish();
    // What one that memory lacks costs beside the store.
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let sealer = Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), entropy);
    let (key, record) = ([7; 32], vec![b'x'; 700]);
    let sealed = sealer.seal("bench", &key, &record);
    criterion.bench_function("session record of 700 bytes, opened", |bencher| {
        bencher.iter(|| sealer.open("bench", black_box(&key), &sealed).is_some());
    });
    criterion.final_summary();
    Ok(())
}
