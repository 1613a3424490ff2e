//! Minting one token with each algorithm, and sending one that another request had.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Result;
use benches::fixtures::{HOST, Scratch, minter, permit, sessions, signer};
use criterion::Criterion;
use portcullis::base::{RequestId, Secret, SystemEntropy};
use portcullis::crypto::{Algorithm, SigningKey};
use portcullis::token::{RequestFacts, TokenPlan, Transport};
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("mint");
    let runtime = Builder::new_current_thread().build()?;
    let permit = runtime.block_on(permit(&sessions()))?;
    let plan = TokenPlan::new("agent");
    let shared = TokenPlan { reuse: Some(Duration::from_secs(30)), ..TokenPlan::new("agent") };
    let facts = RequestFacts {
        id: RequestId::random(&SystemEntropy),
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        transport: Transport::Http,
        method: "GET",
        path: "/app7/v1/chat/history",
        request_host: HOST,
    };
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Hs256] {
        let state = Scratch::new()?;
        let minter = minter(signer(algorithm, state.path())?);
        let token = minter.mint(&permit, &plan, &facts)?;
        group.bench_function(algorithm.as_str(), |bencher| {
            bencher.iter(|| minter.mint(&permit, &plan, &facts).is_ok());
        });
        // What of it is the signature: the rest is ours to make cheaper.
        let key = match algorithm {
            Algorithm::Hs256 => SigningKey::from_secret(&Secret::new(vec![7; 32]))?,
            _ => SigningKey::generate(algorithm)?.0,
        };
        let signed = token.value.as_bytes().rsplitn(2, |octet| *octet == b'.').last();
        let signed = signed.unwrap_or_default();
        group.bench_function(format!("{algorithm}, the signature alone"), |bencher| {
            bencher.iter(|| key.sign(black_box(signed)).is_ok());
        });
        if algorithm == Algorithm::EdDsa {
            minter.mint(&permit, &shared, &facts)?;
            group.bench_function("EdDSA, shared", |bencher| {
                bencher.iter(|| minter.reuse(&permit, &shared).is_some());
            });
        }
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
