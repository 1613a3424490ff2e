//! One step of a request, so and so many times, for callgrind to count: the difference of two
//! counts is what one more request costs, set-up left out. See `benches/README.md`.
//!
//! `valgrind --tool=callgrind target/lab/deps/steps-… NAME TIMES`; without a name, each runs once.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Result, anyhow};
use benches::fixtures::{
    Asked, BROWSER, HOST, Scratch, api_key, gate, minter, sessions, sign_in, signer,
};
use portcullis::authn::{Authenticator as _, CookieNames, Outcome};
use portcullis::base::{RequestId, SystemEntropy};
use portcullis::crypto::Algorithm;
use portcullis::observe::Metrics;
use portcullis::web::forwarded::Trusted;
use portcullis::web::names::{has_underscore, is_identity_header};
use portcullis::web::{CanonicalPath, Host, Scheme};
use tokio::runtime::Builder;

/// What can be counted.
const NAMES: [&str; 12] = [
    "api-key",
    "decide-minted",
    "decide-plain",
    "decide-refused",
    "decide-session",
    "decide-shared",
    "forwarded",
    "host",
    "metrics",
    "names",
    "path",
    "request-id",
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(name) = arguments.next() else {
        return NAMES.into_iter().try_for_each(|name| run(name, 1));
    };
    run(&name, arguments.next().map_or(Ok(1000), |times| times.parse())?)
}

fn run(name: &str, times: usize) -> Result<()> {
    match name {
        "api-key" => judge_key(times),
        "decide-minted" => decide("/app7/v1/chat/history", true, times),
        "decide-plain" => decide("/plain/v1/models", false, times),
        "decide-refused" => decide("/app7/v1/chat/history", false, times),
        "decide-session" => decide("/session/v1/chat/history", true, times),
        "decide-shared" => decide("/shared/v1/chat/history", true, times),
        _ => small(name, times),
    }
}

fn decide(path: &str, signed_in: bool, times: usize) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (state, sessions) = (Scratch::new()?, sessions());
    let gate = gate(&sessions, minter(signer(Algorithm::EdDsa, state.path())?))?;
    let handle = runtime.block_on(sign_in(&sessions))?;
    let names = CookieNames::default();
    let name = names.of(Scheme::Http, HOST).ok_or_else(|| anyhow!("no cookie here"))?;
    let cookie = format!("theme=dark; {name}={}", handle.to_text().expose());
    let asked = Asked::by_browser(path, signed_in.then_some(cookie.as_str()))?;
    let request = asked.request();
    for _ in 0..times {
        black_box(gate.decide_now(black_box(&request)).is_some_and(|decided| decided.is_ok()));
    }
    Ok(())
}

fn judge_key(times: usize) -> Result<()> {
    let (state, sessions) = (Scratch::new()?, sessions());
    let (way, asked) = api_key(&state, &sessions)?;
    let request = asked.request();
    for _ in 0..times {
        match way.authenticate_now(black_box(&request)) {
            Some(Outcome::Accept(proof)) => drop(black_box(proof)),
            other => return Err(anyhow!("the key is refused: {other:?}")),
        }
    }
    Ok(())
}

fn small(name: &str, times: usize) -> Result<()> {
    let metrics = Metrics::default().route(&"app7".into());
    let asked = Asked::by_browser("/", None)?;
    let request = asked.request();
    let trusted = Trusted::default();
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for _ in 0..times {
        match name {
            "forwarded" => drop(black_box(trusted.resolve(peer, request.headers))),
            "host" => drop(black_box(Host::parse(black_box("app.example.com:8443")))),
            "metrics" => metrics.request(black_box(200), Duration::from_micros(300)),
            "names" => {
                let bad = |name: &str| has_underscore(name) || is_identity_header(name, &[]);
                black_box(black_box(BROWSER).iter().filter(|(name, _)| bad(name)).count());
            }
            "path" => {
                drop(black_box(CanonicalPath::parse(black_box("/app7/v1/chat/history/0a1b"))))
            }
            "request-id" => drop(black_box(RequestId::random(&SystemEntropy).to_string())),
            _ => return Err(anyhow!("`{name}` is not one of {}", NAMES.join(", "))),
        }
    }
    Ok(())
}
