//! The whole decision, of a plain request and of a signed-in one.

use anyhow::{Result, anyhow};
use benches::fixtures::{Asked, HOST, Scratch, gate, minter, sessions, sign_in, signer};
use criterion::Criterion;
use portcullis::authn::CookieNames;
use portcullis::crypto::Algorithm;
use portcullis::web::Scheme;
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (state, sessions) = (Scratch::new()?, sessions());
    let gate = gate(&sessions, minter(signer(Algorithm::EdDsa, state.path())?))?;
    let handle = runtime.block_on(sign_in(&sessions))?;
    let names = CookieNames::default();
    let name = names.of(Scheme::Http, HOST).ok_or_else(|| anyhow!("no cookie here"))?;
    let cookie = format!("theme=dark; {name}={}", handle.to_text().expose());

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("decide");
    for (what, path, cookie, admitted) in [
        ("plain", "/plain/v1/models", None, true),
        ("session", "/session/v1/chat/history", Some(cookie.as_str()), true),
        ("session and shared token", "/shared/v1/chat/history", Some(cookie.as_str()), true),
        ("session and EdDSA token", "/app7/v1/chat/history", Some(cookie.as_str()), true),
        ("refused, no session", "/app7/v1/chat/history", None, false),
    ] {
        let asked = Asked::by_browser(path, cookie)?;
        // Everything is in memory, so that nothing has to be waited for.
        let decide = || gate.decide_now(&asked.request()).map(|decided| decided.is_ok());
        if decide() != Some(admitted) {
            return Err(anyhow!("{what}: the gate decides otherwise"));
        }
        group.bench_function(what, |bencher| bencher.iter(decide));
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
