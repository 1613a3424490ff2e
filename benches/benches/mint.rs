//! Minting one token, with each algorithm.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use benches::fixtures::{HOST, Scratch, engineer, minter, signer};
use criterion::Criterion;
use portcullis::base::{RequestId, RouteId, SystemEntropy};
use portcullis::crypto::Algorithm;
use portcullis::identity::{Authenticated, Permit, WayIn};
use portcullis::token::{RequestFacts, TokenPlan, Transport};

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("mint");
    let permit = Permit::assertion(
        Authenticated::assertion(engineer(), WayIn::Session, None),
        RouteId::from("app"),
    );
    let plan = TokenPlan::new("agent");
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
        minter.mint(&permit, &plan, &facts)?;
        group.bench_function(algorithm.as_str(), |bencher| {
            bencher.iter(|| minter.mint(&permit, &plan, &facts).is_ok());
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
