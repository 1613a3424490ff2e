//! The test machinery against itself: a fault in it must not look like a fault of the gateway.

use std::time::Duration;

use serde_json::json;
use url::Url;

use crate::support::browser::{Browser, form};
use crate::support::forge::{Key, unsigned};
use crate::support::peers::{CertifiedProvider, verify};
use crate::support::provider::{Fault, Provider};
use crate::support::raw::{Raw, exchange};
use crate::support::recorder::Recorder;
use crate::support::socket::{self, Ending};
use crate::support::{http, settings};

const BACK: &str = "http://localhost/.portcullis/callback/test";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[tokio::test]
async fn the_recorder_keeps_every_byte_and_answers_as_told() {
    let recorder = Recorder::start().await;
    let sent = "POST /x HTTP/1.1\r\nHost: a\r\nX-Odd_Name:  1\r\nContent-Length: 3\r\n\r\nabc";
    let answer = exchange(recorder.address, sent).await.unwrap();
    assert_eq!(answer.json()["body_length"], 3);
    assert_eq!(recorder.bytes(), [sent.as_bytes()]);
    assert_eq!(recorder.last().header("x-odd_name"), Some("1"));
    let answer = exchange(recorder.address, "GET /bytes?n=70000 HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(answer.body.len(), 70_000);
}

#[tokio::test]
async fn the_recorder_ticks_and_echoes() {
    let recorder = Recorder::start().await;
    let mut raw = Raw::connect(recorder.address).await;
    raw.send("GET /sse HTTP/1.1\r\n\r\n").await;
    assert_eq!(raw.answer_to("HEAD").await.unwrap().status(), 200);
    let chunk = http::read_chunk(raw.stream()).await.unwrap().unwrap();
    assert!(chunk.starts_with(b"data: "));
    let mut socket = socket::open(recorder.address, "/ws", &[]).await.unwrap();
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    assert_eq!(socket.ending(Duration::from_millis(50)).await, None);
    let mut socket = socket::open_by_library(recorder.address, "/ws", "a=b").await;
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    recorder.be_hasty();
    let mut socket = socket::open(recorder.address, "/ws", &[]).await.unwrap();
    drop(recorder);
    assert_eq!(socket.ending(Duration::from_millis(300)).await, None::<Ending>);
}

#[tokio::test]
async fn the_hostile_provider_is_good_until_told_otherwise() {
    let provider = Provider::start().await;
    let mut browser = Browser::default();
    provider.remember(&mut browser, "sales");
    let code = code_of(&mut browser, &format!("{}/authorize", provider.issuer())).await;
    let tokens = redeem(&provider.issuer(), &code).await;
    let token = tokens["id_token"].as_str().unwrap().to_owned();
    let keys = browser.navigate(&format!("{}/jwks", provider.issuer())).await.answer.json();
    let verified = json_of(&token, &keys, &provider.issuer()).await;
    // An ID token needs no jti; everything before that check has passed.
    assert!(verified.unwrap_err().contains("jti"));
    assert_eq!(redeem(&provider.issuer(), &code).await["error"], "invalid_grant");
    provider.commit(Fault::Denied);
    let refused =
        browser.get(crate::support::browser::Kind::Navigate, &start(&provider.issuer())).await;
    assert!(refused.header("location").unwrap().contains("error=access_denied"));
}

#[tokio::test]
async fn the_certified_provider_signs_in_with_a_form() {
    let provider = CertifiedProvider::start(settings::CLIENT_SECRET, BACK, BACK).await;
    let mut browser = Browser::default();
    let code = code_of(&mut browser, &format!("{}/auth", provider.issuer)).await;
    assert!(!code.is_empty());
}

#[tokio::test]
async fn the_independent_verifier_tells_good_from_bad() {
    let key = Key::generate("k");
    let keys = json!({ "keys": [key.jwk()] });
    let claims = json!({ "iss": "i", "aud": "a", "sub": "s", "jti": "j", "iat": 1_700_000_000, "exp": 4_000_000_000_u64 });
    assert_eq!(json_of_for(&key.sign(&claims), &keys).await.unwrap()["claims"]["sub"], "s");
    for bad in [unsigned(&claims), key.sign_with_public_half(&claims), key.sign_as("x", &claims)] {
        assert!(json_of_for(&bad, &keys).await.is_err(), "{bad}");
    }
}

async fn json_of_for(token: &str, keys: &serde_json::Value) -> Result<serde_json::Value, String> {
    verify(token, keys, "i", "a").await
}

async fn json_of(
    token: &str,
    keys: &serde_json::Value,
    issuer: &str,
) -> Result<serde_json::Value, String> {
    verify(token, keys, issuer, "portcullis").await
}

fn start(endpoint: &str) -> String {
    let endpoint = if endpoint.ends_with("auth") || endpoint.ends_with("authorize") {
        endpoint.to_owned()
    } else {
        format!("{endpoint}/authorize")
    };
    let mut url = Url::parse(&endpoint).unwrap();
    url.query_pairs_mut()
        .append_pair("client_id", "portcullis")
        .append_pair("response_type", "code")
        .append_pair("scope", "openid profile")
        .append_pair("redirect_uri", BACK)
        .append_pair("state", "s")
        .append_pair("nonce", "n")
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256");
    url.into()
}

/// Goes through the provider's pages until it sends the browser back with a code.
async fn code_of(browser: &mut Browser, endpoint: &str) -> String {
    // The gateway's place is taken by a recorder, which answers anything.
    let gateway = Recorder::start().await;
    browser.resolve("http", settings::HOST, gateway.address, None);
    let mut page = browser.navigate(&start(endpoint)).await;
    if let Some((action, mut fields)) = form(&page) {
        for (_, value) in &mut fields {
            "engineer".clone_into(value);
        }
        page = browser.submit(&action, &fields).await;
    }
    let code = page.url.query_pairs().find(|(name, _)| name == "code");
    code.unwrap_or_else(|| panic!("no code in {:#?}\n{}", page.hops, page.answer.text()))
        .1
        .into_owned()
}

async fn redeem(issuer: &str, code: &str) -> serde_json::Value {
    let mut browser = Browser::default();
    let body = format!(
        "grant_type=authorization_code&code={code}&client_id=portcullis&client_secret={}\
         &redirect_uri={BACK}&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        settings::CLIENT_SECRET
    );
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    browser.fetch("POST", &format!("{issuer}/token"), &headers, &body).await.json()
}
