//! Judging an access token: verified anew, and remembered. And an API key.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use benches::fixtures::{Asked, Scratch, api_key, sessions};
use criterion::{BenchmarkId, Criterion};
use portcullis::authn::Authenticator as _;
use portcullis::authn::bearer::{Bearer, Issuer, IssuerSettings, TokenSource};
use portcullis::base::{Clock as _, IssuerId, SystemClock};
use portcullis::crypto::{Algorithm, Encoder, KeySet, SigningKey};
use serde_json::json;
use tokio::runtime::Builder;

const ISSUER: &str = "https://login.example.com";

fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("verify a bearer token");
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        let key = SigningKey::generate(algorithm)?.0;
        let public = key.public_jwk().ok_or_else(|| anyhow!("no public key"))?;
        let jwks = json!({ "keys": [public] }).to_string();
        let request = Asked::by_browser("/api", None)?.with_bearer(&token(key)?)?;
        for (name, remembered) in [("anew", 0), ("remembered", 10_000)] {
            let keys = TokenSource::Keys(KeySet::admit(jwks.as_bytes())?);
            let settings = IssuerSettings {
                verified_cache: remembered,
                ..IssuerSettings::new(IssuerId::from("corp"), ISSUER, "api")
            };
            let issuer = Issuer::new(settings, keys, Arc::new(SystemClock));
            let way = Bearer::new([Arc::new(issuer)], &[]);
            let request = request.request();
            runtime.block_on(way.authenticate(&request));
            group.bench_function(BenchmarkId::new(algorithm.as_str(), name), |bencher| {
                bencher.iter(|| match way.authenticate_now(black_box(&request)) {
                    Some(outcome) => outcome,
                    None => runtime.block_on(way.authenticate(black_box(&request))),
                });
            });
        }
    }
    let (state, sessions) = (Scratch::new()?, sessions());
    let (way, asked) = api_key(&state, &sessions)?;
    let request = asked.request();
    group.bench_function(BenchmarkId::new("API key", "sha256"), |bencher| {
        bencher.iter(|| way.authenticate_now(black_box(&request)));
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// As a company's provider describes people: about 800 bytes with its signature.
fn token(key: SigningKey) -> Result<String> {
    let now = SystemClock.now().as_secs();
    let claims = json!({
        "iss": ISSUER, "aud": ["api", "account"], "sub": "00u1a2b3c4d5e6f7g8h9", "iat": now,
        "nbf": now, "exp": now + 36_000, "jti": "6f1c6c5e-6f4c-4d2e-9a44-5a4f0d2f7c11",
        "azp": "agent-ui", "scope": "openid profile email agent.read", "name": "Erin Example",
        "preferred_username": "engineer", "email": "engineer@example.com", "email_verified": true,
        "groups": ["engineering", "admin", "on-call", "everybody", "location-berlin"],
    });
    Ok(Encoder::new(key, "at+jwt").encode(claims.to_string().as_bytes())?)
}
