//! A provider that lies, fails or floods: nobody is let in by it, and nothing of it reaches a page.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::browser::{Browser, Kind};
use crate::support::lab::{Lab, SITE};
use crate::support::provider::Fault;
use crate::support::settings::HOST;

/// Faults that must end a login in a refusal.
const FAULTS: &[Fault] = &[
    Fault::AlgorithmNone,
    Fault::BadSignature,
    Fault::CallbackIssuerMissing,
    Fault::CallbackIssuerWrong,
    Fault::Denied,
    Fault::Expired,
    Fault::ForeignAuthorizedParty,
    Fault::FromTheFuture,
    Fault::HmacWithPublicKey,
    Fault::Huge,
    Fault::MissingSubject,
    Fault::NotJson,
    Fault::ServerError,
    Fault::UnknownKid,
    Fault::WrongAudience,
    Fault::WrongIssuer,
    Fault::WrongNonce,
];

#[tokio::test]
async fn no_lie_of_a_provider_makes_a_session() {
    let lab = Lab::start().await;
    for fault in FAULTS {
        lab.provider.commit(*fault);
        let mut browser = lab.browser();
        let page = browser.navigate(&format!("{SITE}/home")).await;
        let status = page.answer.status();
        assert!((400..=599).contains(&status), "{fault:?} gave {status}: {:#?}", page.hops);
        assert!(!page.answer.text().contains("<script>alert"), "{fault:?} reached the page");
        assert!(!page.answer.text().contains("canary"), "{fault:?} showed a token");
        nobody_is_in(&lab, &mut browser).await;
    }
    assert!(lab.recorder.requests().is_empty(), "{:#?}", lab.recorder.requests());
    lab.provider.commit(Fault::None);
    lab.sign_in("engineer").await;
}

#[tokio::test]
async fn a_provider_that_never_answers_costs_a_login_ten_seconds() {
    let lab = Lab::start().await;
    lab.provider.commit(Fault::Silent);
    let mut browser = lab.browser();
    let begun = Instant::now();
    let page = browser.navigate(&format!("{SITE}/home")).await;
    assert!(matches!(page.answer.status(), 502..=504), "{:#?}", page.hops);
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    nobody_is_in(&lab, &mut browser).await;
}

#[tokio::test]
async fn metadata_of_another_issuer_are_not_believed() {
    let lab = Lab::start().await;
    lab.provider.commit(Fault::DiscoveryIssuerWrong);
    // The gateway may have read them already; a fresh one must not.
    let lab = lab.crash().await;
    let mut browser = lab.browser();
    let page = browser.navigate(&format!("{SITE}/home")).await;
    assert_eq!(page.answer.status(), 503, "{:#?}", page.hops);
    assert_eq!(lab.provider.counts().authorize, 0);
}

#[tokio::test]
async fn unknown_keys_cost_the_provider_few_fetches() {
    let lab = Lab::start().await;
    lab.sign_in("engineer").await;
    let before = lab.provider.counts().jwks;
    lab.provider.commit(Fault::UnknownKid);
    let begun = Instant::now();
    for _ in 0..20 {
        lab.browser().navigate(&format!("{SITE}/home")).await;
    }
    let more = lab.provider.counts().jwks - before;
    // One in ten seconds.
    let most = 2 + begun.elapsed().as_secs() / 10;
    assert!(u64::from(more) <= most, "{more} fetches for 20 tokens with an unknown key");
}

#[tokio::test]
async fn a_key_rotated_just_before_signing_is_fetched() {
    let lab = Lab::start().await;
    lab.sign_in("engineer").await;
    lab.provider.rotate_keys();
    lab.sign_in("sales").await;
}

#[tokio::test]
async fn a_login_finishes_only_in_the_browser_that_started_it() {
    let lab = Lab::start().await;
    let mut attacker = lab.browser();
    let callback = callback_of(&mut attacker).await;
    let mut victim = lab.browser();
    let redeemed = lab.provider.counts().token;
    let answer = victim.get(Kind::Navigate, &callback).await;
    assert!((400..500).contains(&answer.status()), "{answer:?}");
    assert_eq!(lab.provider.counts().token, redeemed, "the code was redeemed");
    nobody_is_in(&lab, &mut victim).await;
}

#[tokio::test]
async fn a_callback_with_missing_repeated_or_giant_parameters_is_refused() {
    let lab = Lab::start().await;
    let mut browser = lab.browser();
    let good = callback_of(&mut browser).await;
    let base = format!("{SITE}/.portcullis/callback/test");
    let big = "x".repeat(7000);
    let query = good.split_once('?').unwrap().1.to_owned();
    let bad = [
        base.clone(),
        format!("{base}?code=c"),
        format!("{base}?state=s"),
        format!("{base}?error=e"),
        format!("{base}?code=c&state={big}"),
        format!("{base}?{query}&state=other"),
        format!("{base}?{query}&code=other"),
        format!("{base}?{query}&iss=http%3A%2F%2F127.0.0.1%3A9"),
    ];
    for url in bad {
        let answer = browser.get(Kind::Navigate, &url).await;
        assert!((400..500).contains(&answer.status()), "{url}: {answer:?}");
    }
    nobody_is_in(&lab, &mut browser).await;
}

/// The URL with which the provider sends a browser back, not yet visited.
async fn callback_of(browser: &mut Browser) -> String {
    let mut url = format!("{SITE}/home");
    while !url.contains("/.portcullis/callback/") {
        let answer = browser.get(Kind::Navigate, &url).await;
        let next = answer.header("location").unwrap_or_else(|| panic!("{url}: {answer:?}"));
        url = url::Url::parse(&url).unwrap().join(next).unwrap().into();
    }
    url
}

async fn nobody_is_in(lab: &Lab, browser: &mut Browser) {
    assert!(!browser.cookies(HOST).iter().any(|cookie| cookie.name == "portcullis"), "a session");
    let answer = browser.fetch("GET", &format!("{SITE}/home"), &[], "").await;
    assert_eq!(answer.status(), 401);
    assert!(lab.recorder.requests().is_empty());
}
