//! The bodies of the larger fuzz targets, over some thousands of inputs: they must not rot.

use portcullis::base::{Entropy, SeededEntropy};

#[expect(unreachable_pub, reason = "public where the fuzz targets use it")]
#[path = "../../fuzz/src/config.rs"]
mod config;
#[expect(unreachable_pub, reason = "public where the fuzz targets use it")]
#[path = "../../fuzz/src/decision.rs"]
mod decision;

const REQUESTS: [&str; 4] = [
    "https GET\napp.test\n/read/x?q=1\ncookie: __Host-portcullis=$HANDLE; a=b\naccept: text/html",
    "https POST\napp.test:443\n/public/%70/y\nsec-fetch-mode: navigate\nsec-fetch-dest: iframe",
    "http GET\nx.w.test\n/read\nconnection: upgrade\nupgrade: websocket\n\
     sec-websocket-version: 13\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\norigin: http://x.w.test",
    "https GET\nAPP.test.\n/a;b/c\ncookie: portcullis=$HANDLE\ncontent-type: application/grpc",
];

const CONFIG: &str = r#"
[server]
public_url = "http://localhost:8080"
http = { listen = "127.0.0.1:8080" }

[providers.corp]
kind = "oidc"
issuer = "https://login.example.com"
client_id = "portcullis"
client_secret = { env = "SECRET" }

[upstreams.app]
servers = ["127.0.0.1:8000"]

[[routes]]
host = "app.example.com"
path = "/a/*"
auth = ["session", "anonymous"]
upstream = "app"
access = "public"

[[routes]]
upstream = "app"
allow = { users = ["ann"], email_domains = ["example.com"] }
"#;

#[test]
fn the_decision_keeps_its_promises_for_any_request() {
    for round in 0..inputs() {
        decision::run(&mutant(REQUESTS[round % REQUESTS.len()].as_bytes(), round));
    }
}

#[test]
fn any_text_is_a_configuration_or_is_refused_with_a_reason() {
    config::run(CONFIG);
    for round in 0..inputs() {
        config::run(&String::from_utf8_lossy(&mutant(CONFIG.as_bytes(), round)));
    }
}

/// How many inputs each: some thousands in the suite, or as many as `FUZZ_INPUTS` says.
fn inputs() -> usize {
    std::env::var("FUZZ_INPUTS").ok().and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

/// `seed` with a few octets replaced, removed, doubled or moved; the same one for each round.
fn mutant(seed: &[u8], round: usize) -> Vec<u8> {
    const ODD: &[u8] = b"/.%;\\ \n:=\"'{}[]@,?#&<>-_~\0\xff5Aa";
    let chance: &dyn Entropy = &SeededEntropy::new(round as u64 * 7_919);
    let mut text = seed.to_vec();
    // Some are left as they are: what is good must stay good.
    for _ in 0..round % 5 {
        let [kind, odd, high, low, length, ..] = chance.bytes::<8>();
        let at = usize::from(u16::from_be_bytes([high, low])) % text.len().max(1);
        let end = (at + usize::from(length) % 12).min(text.len());
        let odd = ODD[usize::from(odd) % ODD.len()];
        match kind % 5 {
            0 if !text.is_empty() => text[at] = odd,
            1 => text.insert(at, odd),
            2 => drop(text.drain(at..end)),
            3 => text.extend_from_within(at..end),
            _ => {
                let piece = text[at..end].to_vec();
                let to = usize::from(low) % (text.len() + 1);
                text.splice(to..to, piece);
            }
        }
    }
    text
}
