//! Signing in, from the first click to the page that was asked for.

use std::collections::HashSet;

use crate::support::browser::{Kind, form};
use crate::support::lab::{Lab, SITE};
use crate::support::peers::CertifiedProvider;
use crate::support::settings::{CLIENT_SECRET, HOST};

/// The session cookie's name on plain HTTP, and on TLS.
const PLAIN: &str = "portcullis";
const SECURE: &str = "__Host-portcullis";

#[tokio::test]
async fn a_person_comes_back_to_the_page_asked_for() {
    let lab = Lab::start().await;
    let mut browser = lab.browser();
    let asked = format!("{SITE}/a/b?x=1&y=%20z");
    let page = browser.navigate(&asked).await;
    assert_eq!(
        (page.answer.status(), page.url.as_str()),
        (200, asked.as_str()),
        "{:#?}",
        page.hops
    );
    assert_eq!(page.answer.json()["target"], "/a/b?x=1&y=%20z");
    assert_eq!(lab.provider.counts().token, 1);
    let again = browser.navigate(&asked).await;
    assert_eq!(again.hops.len(), 1, "a second visit needs no login: {:#?}", again.hops);
}

#[tokio::test]
async fn the_cookie_is_short_opaque_and_out_of_reach_of_scripts() {
    let lab = Lab::start().await;
    let browser = lab.sign_in("engineer").await;
    let cookies = browser.cookies(HOST);
    let session = cookies.iter().find(|cookie| cookie.name == PLAIN).expect("a session cookie");
    assert!(session.name.len() + session.value.len() < 100, "{session:?}");
    assert!(
        session.has("httponly") && session.has("path=/") && session.has("samesite=lax"),
        "{session:?}"
    );
    assert!(!session.attributes.iter().any(|a| a.starts_with("domain")), "{session:?}");
    assert!(!session.value.contains("canary") && !session.value.contains('.'), "{session:?}");
}

#[tokio::test]
async fn over_tls_the_cookie_is_bound_to_the_host() {
    let lab = Lab::with(|settings| settings.https = true).await;
    let mut browser = lab.browser();
    let page = browser.navigate("https://localhost/a").await;
    assert_eq!(page.answer.status(), 200, "{:#?}\n{}", page.hops, page.answer.text());
    assert_eq!(page.url.as_str(), "https://localhost/a");
    let cookies = browser.cookies(HOST);
    let session = cookies.iter().find(|cookie| cookie.name == SECURE).expect("a session cookie");
    assert!(
        session.has("secure") && session.has("httponly") && session.has("path=/"),
        "{session:?}"
    );
}

#[tokio::test]
async fn every_login_has_its_own_state_nonce_and_challenge() {
    let lab = Lab::start().await;
    for _ in 0..5 {
        lab.sign_in("engineer").await;
    }
    let logins = lab.provider.logins();
    assert_eq!(logins.len(), 5);
    for name in ["state", "nonce", "code_challenge"] {
        let values: HashSet<_> = logins.iter().map(|login| &login[name]).collect();
        assert_eq!(values.len(), 5, "{name} is repeated: {values:?}");
    }
    for login in &logins {
        assert_eq!(login["code_challenge_method"], "S256");
        assert_eq!(login["response_type"], "code");
        assert_eq!(login["redirect_uri"], format!("{SITE}/.portcullis/callback/test"));
    }
}

#[tokio::test]
async fn logins_in_several_tabs_all_finish() {
    let lab = Lab::start().await;
    let mut browser = lab.browser();
    let mut callbacks = Vec::new();
    for tab in 0..4 {
        let asked = format!("{SITE}/tab/{tab}");
        let mut url = asked.clone();
        // As far as the provider's answer, and there this tab waits.
        while !url.contains("/.portcullis/callback/") {
            let answer = browser.get(Kind::Navigate, &url).await;
            let base = url::Url::parse(&url).unwrap();
            let next = answer.header("location").unwrap_or_else(|| panic!("{url}: {answer:?}"));
            url = base.join(next).unwrap().into();
        }
        callbacks.push((asked, url));
    }
    for (asked, callback) in callbacks.into_iter().rev() {
        let page = browser.navigate(&callback).await;
        assert_eq!(
            (page.answer.status(), page.url.as_str()),
            (200, asked.as_str()),
            "{:#?}",
            page.hops
        );
    }
}

#[tokio::test]
async fn a_session_planted_before_the_login_is_not_the_one_after_it() {
    let lab = Lab::start().await;
    let attacker = lab.sign_in("sales").await;
    let planted = attacker.cookies(HOST).iter().find(|c| c.name == PLAIN).unwrap().value.clone();
    let mut victim = lab.browser();
    for value in [planted.as_str(), "attackers-choice"] {
        victim.plant(HOST, PLAIN, value);
        lab.provider.remember(&mut victim, "engineer");
        victim.navigate(&format!("{SITE}/.portcullis/login/test")).await;
        let cookies = victim.cookies(HOST);
        let session = cookies.iter().find(|c| c.name == PLAIN).expect("a session");
        assert_ne!(session.value, value);
    }
}

#[tokio::test]
async fn groups_open_and_close_routes() {
    let lab = Lab::start().await;
    for (user, expected) in [("engineer", 200), ("sales", 403)] {
        let mut browser = lab.sign_in(user).await;
        lab.recorder.clear();
        let page = browser.navigate(&format!("{SITE}/engineering/x")).await;
        assert_eq!(page.answer.status(), expected, "{user}");
        assert_eq!(lab.recorder.requests().len(), usize::from(expected == 200), "{user}");
    }
}

#[tokio::test]
async fn a_browser_that_loses_the_cookie_is_not_sent_round_for_ever() {
    let lab = Lab::start().await;
    let mut browser = lab.browser();
    let url = format!("{SITE}/home");
    for round in 0..6 {
        let page = browser.navigate(&url).await;
        let stopped = page.url.as_str() != url || page.answer.status() != 200;
        if stopped {
            assert!(round >= 2, "stopped at the first attempts: {:#?}", page.hops);
            assert!(
                page.answer.text().contains("cookie"),
                "name the cause: {}",
                page.answer.text()
            );
            return;
        }
        browser.lose(HOST, PLAIN);
    }
    panic!("six logins in a row and no end");
}

#[tokio::test]
async fn while_the_provider_is_down_the_rest_is_served() {
    let lab = Lab::with(|settings| settings.issuer = "http://127.0.0.1:9".to_owned()).await;
    let mut browser = lab.browser();
    assert_eq!(browser.navigate(&format!("{SITE}/public/x")).await.answer.status(), 200);
    let page = browser.navigate(&format!("{SITE}/home")).await;
    assert_eq!(page.answer.status(), 503, "{:#?}", page.hops);
    assert!(page.answer.header("retry-after").is_some(), "{:?}", page.answer.headers);
    let ready = lab.gateway.admin("/readyz").await;
    assert!(ready.contains("test"), "readyz names the provider that is missing: {ready}");
}

#[tokio::test]
async fn a_certified_provider_signs_in_and_out() {
    let back = format!("{SITE}/.portcullis/callback/test");
    let out = format!("{SITE}/.portcullis/signed-out");
    let certified = CertifiedProvider::start(CLIENT_SECRET, &back, &out).await;
    let lab = Lab::with(|settings| settings.issuer.clone_from(&certified.issuer)).await;
    let mut browser = lab.browser();
    let page = browser.navigate(&format!("{SITE}/home")).await;
    let (action, mut fields) = form(&page).unwrap_or_else(|| panic!("no form: {:#?}", page.hops));
    fields.iter_mut().for_each(|(_, value)| "sales".clone_into(value));
    let page = browser.submit(&action, &fields).await;
    assert_eq!((page.answer.status(), page.url.path()), (200, "/home"), "{:#?}", page.hops);
    let me = browser.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await;
    assert!(me.text().contains("sales@example.com"), "{}", me.text());
}
