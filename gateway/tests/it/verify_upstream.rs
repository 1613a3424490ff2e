//! `portcullis verify-upstream`: it tells an app that verifies its tokens from one that does not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::support::forge::{claims, header};
use crate::support::lab::{Lab, SITE};

/// How careless an app is.
#[derive(Clone, Copy, Debug)]
enum Care {
    /// It verifies with a library that is told issuer, audience and algorithm.
    Strict,
    /// It reads the claims and looks at nothing else.
    Sloppy,
    /// It looks at `exp` only, and at the algorithm never.
    Expiry,
    /// It is open.
    None,
    /// It takes nobody.
    Shut,
}

#[derive(Clone)]
struct App {
    care: Care,
    jwks: Value,
}

#[tokio::test]
async fn a_strict_app_passes_with_every_algorithm() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let lab = Lab::with(|all| all.token = format!("algorithm = \"{algorithm}\"")).await;
        let found = asked(&lab, Care::Strict).await;
        assert_eq!(found.code, Some(0), "{algorithm}: {}", found.text);
        let wrong: Vec<_> = found.got.iter().filter(|(name, got)| is_wrong(name, got)).collect();
        assert!(wrong.is_empty() && found.got.len() == 9, "{algorithm}: {}", found.text);
    }
}

#[tokio::test]
async fn a_sloppy_app_is_caught_with_all_that_it_accepts() {
    let lab = Lab::start().await;
    let found = asked(&lab, Care::Sloppy).await;
    assert_eq!(found.code, Some(1), "{}", found.text);
    assert_eq!(found.got["nothing"], "refused");
    for name in [
        "expired",
        "not yet valid",
        "for another audience",
        "signed with another key",
        "tampered with",
        "unsigned (alg none)",
        "HS256 with the public key",
        "good",
    ] {
        assert_eq!(found.got[name], "accepted", "{name}");
    }
    let found = asked(&lab, Care::Expiry).await;
    assert_eq!((found.code, found.got["expired"].as_str()), (Some(1), "refused"), "{}", found.text);
    assert_eq!(found.got["signed with another key"], "accepted");
}

#[tokio::test]
async fn an_open_app_and_a_shut_one_are_told_apart() {
    let lab = Lab::start().await;
    let found = asked(&lab, Care::None).await;
    assert_eq!((found.code, found.got["nothing"].as_str()), (Some(1), "accepted"));
    let found = asked(&lab, Care::Shut).await;
    assert_eq!((found.code, found.got["good"].as_str()), (Some(1), "refused"));
    let table = run(&lab, &["http://127.0.0.1:1/x", "--route", "rest"]).await;
    assert_eq!(table.status.code(), Some(1), "nobody listens there");
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains("unclear") && text.contains("WRONG"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let lab = Lab::start().await;
    for (words, said) in [
        (&["not an address", "--route", "rest"][..], "is not an address"),
        (&["http://127.0.0.1:1/"], "maybe, public, engineering, debug, rest"),
        (&["http://127.0.0.1:1/", "--route", "nobody"], "--route"),
    ] {
        let output = run(&lab, words).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && text.contains(said), "{text}");
    }
}

#[tokio::test]
async fn the_reference_agent_verifies_what_it_is_sent() {
    let lab = Lab::start().await;
    let (_agent, address) = agent(&lab).await;
    let url = format!("http://{address}/whoami");
    let found = read(run(&lab, &[&url, "--route", "rest", "--json"]).await);
    assert_eq!(found.code, Some(0), "{}", found.text);
    assert_eq!(found.got["good"], "accepted");
    // A slip in the address is no fault of the app's, nor of the settings on either side.
    let nowhere = run(&lab, &[&format!("http://{address}/nowhere"), "--route", "rest"]).await;
    assert_eq!(nowhere.status.code(), Some(1));
    let said = String::from_utf8(nowhere.stdout).unwrap();
    assert!(said.contains("Choose an address that answers 200"), "{said}");
}

struct Found {
    code: Option<i32>,
    text: String,
    got: BTreeMap<String, String>,
}

async fn asked(lab: &Lab, care: Care) -> Found {
    let address = serve(App { care, jwks: lab.jwks().await }).await;
    let url = format!("http://{address}/me");
    read(run(lab, &[&url, "--route", "rest", "--json"]).await)
}

async fn run(lab: &Lab, words: &[&str]) -> std::process::Output {
    let words = [&["verify-upstream", "--config", "gateway.toml"], words].concat();
    lab.gateway.cli(&words).await
}

fn read(output: std::process::Output) -> Found {
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{error}"));
    assert_eq!(document["right"], output.status.success());
    let findings = document["report"]["findings"].as_array().unwrap().iter();
    let got = findings.map(|it| {
        let got = it["got"].as_str().unwrap_or("unclear");
        (it["token"].as_str().unwrap().to_owned(), got.to_owned())
    });
    Found { code: output.status.code(), got: got.collect(), text }
}

fn is_wrong(name: &str, got: &str) -> bool {
    got != if name == "good" { "accepted" } else { "refused" }
}

async fn serve(app: App) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/me", get(me)).with_state(app);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn me(State(app): State<App>, headers: HeaderMap) -> StatusCode {
    let token = headers.get("x-user-jwt").map(|it| it.to_str().unwrap().to_owned());
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let good = match (app.care, token) {
        (Care::None, _) => true,
        (Care::Shut, _) | (_, None) => false,
        (Care::Sloppy, Some(token)) => claims(&token).is_object() && header(&token).is_object(),
        (Care::Expiry, Some(token)) => claims(&token)["exp"].as_u64().unwrap() > now,
        (Care::Strict, Some(token)) => {
            let jwk = serde_json::from_value::<Jwk>(app.jwks["keys"][0].clone()).unwrap();
            // The key's algorithm, whatever the token says.
            let algorithm = jwk.common.key_algorithm.unwrap().to_string().parse().unwrap();
            let mut checks = Validation::new(algorithm);
            checks.set_issuer(&[SITE]);
            checks.set_audience(&["agent"]);
            (checks.validate_nbf, checks.leeway) = (true, 5);
            let key = DecodingKey::from_jwk(&jwk).unwrap();
            jsonwebtoken::decode::<Value>(&token, &key, &checks).is_ok()
        }
    };
    if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
}

/// The agent of this repository, which shares no code with the gateway.
async fn agent(lab: &Lab) -> (Child, SocketAddr) {
    let program = Path::new(env!("CARGO_BIN_EXE_portcullis")).with_file_name("agent-backend");
    assert!(program.exists(), "build it first: cargo build --bin agent-backend (same profile)");
    let mut child = Command::new(program)
        .args(["--gateway", SITE, "--audience", "agent", "--jwks-base"])
        .arg(format!("http://{}", lab.gateway.http))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("it says where it listens");
        let found = line.split(|c: char| c.is_whitespace() || c == '"');
        let found = found.map(|word| word.trim_start_matches("http://").trim_end_matches('/'));
        if let Some(address) = found.filter_map(|word| word.parse().ok()).next() {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (child, address);
        }
    }
}
