//! Who gets in, and who does not.

use std::time::Duration;

use agent_backend::{app, chat, ui};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Agent, Issuer, NOW, SECRET, claims, encode, hs256};

fn changed(base: &Value, name: &str, value: Value) -> Value {
    let mut changed = base.clone();
    if value.is_null() {
        changed.as_object_mut().unwrap().remove(name);
    } else {
        changed[name] = value;
    }
    changed
}

#[tokio::test]
async fn no_address_but_the_health_check_works_without_a_verified_caller() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let token = issuer.token("ed", &claims(&issuer.url));
    let unknown = [("GET", "/nowhere"), ("POST", "/healthz/"), ("OPTIONS", "/chat")];
    for (method, path) in chat::ROUTES.into_iter().chain(ui::ROUTES).chain(unknown) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", agent.url);
        let refused = agent.http.request(method, url).send().await.unwrap();
        assert_eq!(refused.status(), 401, "{path}");
        assert_eq!(refused.headers()["content-type"], "application/problem+json", "{path}");
        assert_eq!(refused.headers()["cache-control"], "no-store", "{path}");
    }
    let health = agent.http.get(format!("{}{}", agent.url, app::HEALTH)).send().await.unwrap();
    assert_eq!(health.status(), 200);
    for (_, path) in ui::ROUTES {
        let page = agent.get(path, &token).await;
        assert_eq!(page.status(), 200, "{path}");
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{path}");
    }
    assert_eq!(agent.get("/nowhere", &token).await.status(), 404);
}

#[tokio::test]
async fn each_kind_of_key_verifies_and_the_claims_are_told() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    for (kid, alg) in [("ed", "EdDSA"), ("ec", "ES256"), ("rsa", "RS256")] {
        let answer = agent.get("/whoami", &issuer.token(kid, &claims(&issuer.url))).await;
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["header"]["alg"], alg);
        assert_eq!(answer["caller"]["name"], "Sam Sales");
        assert_eq!(answer["claims"]["exp"], NOW + 60);
    }
    assert_eq!(issuer.fetches(), 1, "the keys are fetched once");
    let many = changed(&claims(&issuer.url), "aud", json!(["other", "agent"]));
    assert_eq!(agent.status(&issuer.token("ed", &many)).await, 200);
}

#[tokio::test]
async fn a_token_with_any_wrong_claim_is_refused() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let good = claims(&issuer.url);
    for (name, value) in [
        ("iss", json!("https://elsewhere.example")),
        ("iss", json!(format!("{}/", issuer.url))),
        ("iss", json!([issuer.url])),
        ("aud", json!("another")),
        ("aud", json!(["another"])),
        ("aud", Value::Null),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("exp", Value::Null),
        ("exp", json!(NOW - 5)),
        ("exp", json!("tomorrow")),
        ("iat", Value::Null),
        ("iat", json!(NOW + 6)),
        ("nbf", json!(NOW + 6)),
        ("nbf", json!("soon")),
    ] {
        let token = issuer.token("ed", &changed(&good, name, value.clone()));
        assert_eq!(agent.status(&token).await, 401, "{name} = {value}");
    }
    for (name, value) in [("exp", NOW - 4), ("iat", NOW + 5), ("nbf", NOW + 5)] {
        let token = issuer.token("ed", &changed(&good, name, json!(value)));
        assert_eq!(agent.status(&token).await, 200, "{name} within the leeway");
    }
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_never_the_tokens() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let good = claims(&issuer.url);
    let token = issuer.token("ed", &good);
    let (message, _) = token.rsplit_once('.').unwrap();
    let none = json!({ "alg": "none", "kid": "ed" });
    let public = issuer.ed.public_key().as_ref().to_vec();
    let symmetric = json!({ "alg": "HS256", "kid": "ed" });
    let text = encode(&public);
    for (what, token) in [
        ("no signature", format!("{message}.")),
        ("an altered signature", format!("{message}.{}", encode(&[0; 64]))),
        ("alg none", issuer.token_with(&none, "ed", &good)),
        ("HS256 with the public key", hs256(&symmetric, &public, &good)),
        ("HS256 with the public key's text", hs256(&symmetric, text.as_bytes(), &good)),
        (
            "another key's id",
            issuer.token_with(&json!({ "alg": "EdDSA", "kid": "ec" }), "ed", &good),
        ),
        (
            "another algorithm",
            issuer.token_with(&json!({ "alg": "ES256", "kid": "ed" }), "ed", &good),
        ),
        ("no key id", issuer.token_with(&json!({ "alg": "EdDSA" }), "ed", &good)),
        (
            "an unknown extension",
            issuer.token_with(
                &json!({ "alg": "EdDSA", "kid": "ed", "crit": ["x"], "x": 1 }),
                "ed",
                &good,
            ),
        ),
        ("two tokens in one value", format!("{token},{token}")),
        ("nonsense", "abc".to_owned()),
        ("nothing", String::new()),
        ("a huge token", format!("{token}{}", "A".repeat(20_000))),
    ] {
        assert_eq!(agent.status(&token).await, 401, "{what}");
    }
    assert_eq!(agent.status(&token).await, 200);
}

#[tokio::test]
async fn a_repeated_header_is_refused_even_when_both_are_good() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let token = issuer.token("ed", &claims(&issuer.url));
    let request = agent.http.get(format!("{}/whoami", agent.url));
    let twice = request.header("x-user-jwt", &token).header("x-user-jwt", &token);
    assert_eq!(twice.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn with_a_shared_secret_only_hs256_is_accepted() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &["--hs256-secret", SECRET]).await;
    let good = claims(&issuer.url);
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    assert_eq!(agent.status(&hs256(&header, SECRET.as_bytes(), &good)).await, 200);
    assert_eq!(agent.status(&hs256(&header, &[b'x'; 32], &good)).await, 401);
    assert_eq!(agent.status(&issuer.token("ed", &good)).await, 401);
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn a_rotated_key_is_found_and_invented_key_ids_do_not_flood_the_gateway() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let good = claims(&issuer.url);
    assert_eq!(agent.status(&issuer.token("ed", &good)).await, 200);
    for number in 0..20 {
        let header = json!({ "alg": "EdDSA", "kid": format!("invented-{number}") });
        assert_eq!(agent.status(&issuer.token_with(&header, "ed", &good)).await, 401);
    }
    assert_eq!(issuer.fetches(), 1);
    issuer.publish("next", &Ed25519KeyPair::generate().unwrap());
    issuer.publish("same", &issuer.ed);
    agent.clock.advance(Duration::from_secs(11));
    let header = json!({ "alg": "EdDSA", "kid": "same" });
    assert_eq!(agent.status(&issuer.token_with(&header, "ed", &good)).await, 200);
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn without_keys_the_answer_is_503_and_known_keys_bridge_an_outage() {
    let issuer = Issuer::start().await;
    issuer.set_down(true);
    let agent = Agent::start(&issuer.url, &[]).await;
    let token = issuer.token("ed", &claims(&issuer.url));
    assert_eq!(agent.status(&token).await, 503);
    issuer.set_down(false);
    agent.clock.advance(Duration::from_secs(2));
    assert_eq!(agent.status(&token).await, 200);
    issuer.set_down(true);
    agent.clock.advance(Duration::from_secs(400));
    let later = changed(&claims(&issuer.url), "exp", json!(NOW + 500));
    assert_eq!(agent.status(&issuer.token("ed", &later)).await, 200);
}

#[tokio::test]
async fn keys_are_fetched_from_another_address_when_told_so_but_the_issuer_must_fit() {
    let issuer = Issuer::start().await;
    let agent = Agent::start("http://gateway.invalid", &["--jwks-base", &issuer.url]).await;
    let token = issuer.token("ed", &claims("http://gateway.invalid"));
    assert_eq!(agent.status(&token).await, 503, "the document names another issuer");
    issuer.rename("http://gateway.invalid");
    agent.clock.advance(Duration::from_secs(2));
    assert_eq!(agent.status(&token).await, 200);
}
