//! Secrets are planted everywhere and looked for in everything that is printed, at trace level.

use crate::support::browser::Kind;
use crate::support::lab::{Lab, SITE};
use crate::support::provider::Fault;
use crate::support::settings::{CLIENT_SECRET, HOST};
use crate::support::socket;

#[tokio::test]
async fn no_secret_is_ever_printed() {
    let lab = Lab::with(|settings| settings.log = "trace".to_owned()).await;
    let mut secrets = vec![CLIENT_SECRET.to_owned(), "canary".to_owned()];

    let mut browser = lab.sign_in("engineer").await;
    secrets.extend(browser.cookies(HOST).iter().map(|cookie| cookie.value.clone()));
    secrets.push(lab.last_token());
    let line = lab.cookie_line(&browser);
    let headers = [
        line.clone(),
        "Authorization: Bearer canary-bearer".to_owned(),
        "X-API-Key: canary-api-key".to_owned(),
        "X-User-JWT: canary-forged".to_owned(),
    ];
    lab.get("/home?token=canary-query", &headers).await;
    lab.get("/debug/x", std::slice::from_ref(&line)).await;
    lab.get("/public/../x", &headers).await;
    secrets.push(lab.last_token());
    let lines = [line, format!("Origin: {SITE}")];
    socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
    browser
        .get(
            Kind::Navigate,
            &format!("{SITE}/.portcullis/callback/test?code=canary-code&state=canary-state"),
        )
        .await;
    for fault in [Fault::WrongNonce, Fault::Denied, Fault::ServerError, Fault::NotJson] {
        lab.provider.commit(fault);
        lab.browser().navigate(&format!("{SITE}/home")).await;
    }
    for login in lab.provider.logins() {
        secrets.extend(["state", "nonce"].iter().filter_map(|name| login.get(*name).cloned()));
    }
    lab.sign_out(&mut browser).await;

    nothing_printed(&lab, &secrets).await;
}

async fn nothing_printed(lab: &Lab, secrets: &[String]) {
    let metrics = lab.gateway.admin("/metrics").await;
    let config = lab.gateway.admin("/config").await;
    let logged = lab.gateway.has_printed("/home", 1).await;
    assert!(logged, "trace level printed nothing of the requests");
    for secret in secrets.iter().filter(|secret| secret.len() >= 6) {
        for (place, text) in [
            ("the log", lab.gateway.printed()),
            ("metrics", metrics.clone()),
            ("config", config.clone()),
        ] {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{place} holds {secret}");
        }
    }
}
