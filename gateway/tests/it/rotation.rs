//! Signing keys rotate under load, and no upstream meets a token it cannot verify.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::forge::header;
use crate::support::lab::{Lab, SITE};
use crate::support::load::Load;
use crate::support::peers::verify_all;

#[tokio::test(flavor = "multi_thread")]
async fn every_token_verifies_with_keys_fetched_before_or_after_it() {
    const ROTATIONS: usize = 3;
    let lab = Lab::start().await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await) + "\r\n";
    let load = Load::start(4, lab.gateway.http, "/home", &cookie);
    let mut fetched = vec![lab.jwks().await];
    for _ in 0..ROTATIONS {
        rotate(&lab, "1").await;
        // A second until the gateway has seen it, a second until it takes over, and some load on it.
        sleep(Duration::from_millis(2500)).await;
        fetched.push(lab.jwks().await);
    }
    let tally = load.stop().await;
    assert!(tally.failed.is_empty(), "{} failed: {:?}", tally.failed.len(), tally.failed.first());

    let last_keys = fetched.last().unwrap();
    let mut ids = HashSet::new();
    let questions: Vec<Value> = lab
        .recorder
        .requests()
        .iter()
        .filter_map(|seen| seen.header("x-user-jwt"))
        // One token of each key and each tenth of the rest: verifying thousands tells no more.
        .enumerate()
        .filter(|(number, token)| ids.insert(header(token)["kid"].to_string()) || number % 10 == 0)
        .map(|(_, token)| json!({ "token": token, "jwks": last_keys, "issuer": SITE, "audience": "agent" }))
        .collect();
    let refused: Vec<_> = verify_all(&questions)
        .await
        .into_iter()
        .filter(|answer| answer.get("error").is_some())
        .collect();
    assert!(refused.is_empty(), "{} of {}: {:?}", refused.len(), questions.len(), refused.first());
    println!("{} tokens, {} keys", questions.len(), ids.len());
    assert!(ids.len() > 1, "no token was signed with a new key");
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs() {
    let lab = Lab::start().await;
    lab.sign_in("engineer").await;
    let before = key_ids(&lab.jwks().await);
    rotate(&lab, "3600").await;
    let mut after = before.clone();
    for _ in 0..600 {
        after = key_ids(&lab.jwks().await);
        if after != before {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(after.len() > before.len(), "the new key is not published: {after:?}");
    assert!(before.is_subset(&after), "a key in use vanished: {before:?} {after:?}");
    lab.sign_in("engineer").await;
    let used = header(&lab.last_token())["kid"].as_str().unwrap().to_owned();
    assert!(before.contains(&used), "the new key signs before anybody can have fetched it");
}

async fn rotate(lab: &Lab, publish_before: &str) {
    let arguments = ["keys", "rotate", "--state", "state", "--publish-before", publish_before];
    let rotated = lab.gateway.cli(&arguments).await;
    assert!(rotated.status.success(), "{rotated:?}");
}

fn key_ids(keys: &Value) -> HashSet<String> {
    let keys = keys["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
