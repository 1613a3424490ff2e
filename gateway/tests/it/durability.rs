//! What was acknowledged survives a power cut.

use url::Url;

use crate::support::browser::Kind;
use crate::support::lab::{Lab, SITE};
use crate::support::settings::HOST;

#[tokio::test]
async fn a_login_that_was_acknowledged_survives() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("engineer").await;
    let lab = lab.crash().await;
    lab.aim(&mut browser);
    let logins = lab.provider.counts().authorize;
    assert_eq!(browser.get(Kind::Fetch, &format!("{SITE}/home")).await.status(), 200);
    assert_eq!(lab.provider.counts().authorize, logins);
}

#[tokio::test]
async fn a_logout_that_was_acknowledged_survives() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("engineer").await;
    let mut thief = browser.clone();
    lab.sign_out(&mut browser).await;
    assert_eq!(thief.get(Kind::Fetch, &format!("{SITE}/home")).await.status(), 401);
    let lab = lab.crash().await;
    lab.aim(&mut thief);
    assert_eq!(thief.get(Kind::Fetch, &format!("{SITE}/home")).await.status(), 401);
}

#[tokio::test]
async fn many_crashes_lose_nobody() {
    let mut lab = Lab::start().await;
    let mut browsers = Vec::new();
    for user in ["engineer", "sales", "engineer", "sales"] {
        browsers.push(lab.sign_in(user).await);
        lab = lab.crash().await;
        for browser in &mut browsers {
            lab.aim(browser);
            assert_eq!(browser.get(Kind::Fetch, &format!("{SITE}/home")).await.status(), 200);
        }
    }
}

#[tokio::test]
async fn the_upstreams_keys_are_the_same_after_a_crash() {
    let lab = Lab::start().await;
    let before = lab.jwks().await;
    let lab = lab.crash().await;
    assert_eq!(lab.jwks().await, before);
}

#[tokio::test]
async fn a_logout_needs_the_token_against_forgery_and_a_post() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("engineer").await;
    let url = Url::parse(&format!("{SITE}/.portcullis/logout")).unwrap();
    browser.submit(&url, &[]).await;
    browser.submit(&url, &[("csrf".to_owned(), "guessed".to_owned())]).await;
    browser.get(Kind::Navigate, url.as_str()).await;
    let home = format!("{SITE}/home");
    assert_eq!(
        browser.get(Kind::Fetch, &home).await.status(),
        200,
        "somebody else signed the visitor out"
    );
    lab.sign_out(&mut browser).await;
    assert!(!browser.cookies(HOST).iter().any(|cookie| cookie.name == "portcullis"));
    assert_eq!(lab.provider.counts().ended, 1, "the provider was told");
    let page = browser.navigate(&format!("{SITE}/.portcullis/signed-out")).await;
    assert_eq!(
        (page.answer.status(), page.hops.len()),
        (200, 1),
        "this page does not sign in again"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn what_lies_on_the_disk_is_private_and_sealed() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let lab = Lab::start().await;
    lab.sign_in("engineer").await;
    let state = lab.gateway.folder().join("state");
    assert_eq!(state.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(
            path.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{}",
            path.display()
        );
        // The socket of the administrators holds nothing.
        if path.metadata().unwrap().file_type().is_socket() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in ["canary", "engineer@example.com"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds {secret} in the open", path.display());
        }
        files += 1;
    }
    assert!(files >= 2, "sessions and keys");
}
