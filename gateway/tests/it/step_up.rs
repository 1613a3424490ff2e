//! Routes that want a stronger or fresher sign-in, from the first click to the page.

use crate::support::browser::{Browser, form};
use crate::support::lab::{Lab, SITE};
use crate::support::peers::CertifiedProvider;
use crate::support::provider::{Fault, Provider};
use crate::support::settings::{CLIENT_SECRET, Route, Settings};
use crate::support::socket;

const SIGNED_IN: &str = "access = \"authenticated\"";

fn routes(settings: &mut Settings) {
    let route = |path, access| Route {
        path,
        auth: r#"["session"]"#,
        access,
        token: r#"{ audience = "agent" }"#,
    };
    settings.routes = vec![
        route("/strong/*", "access = \"authenticated\"\nacr_values = [\"mfa\"]"),
        route("/fresh/*", "access = \"authenticated\"\nmax_age = \"30s\""),
        route("/context/*", "access = \"authenticated\"\nauthentication_context = \"c1\""),
        route("/*", SIGNED_IN),
    ];
}

/// Navigates, and signs in as the engineer wherever the provider asks.
async fn visit(browser: &mut Browser, path: &str) -> (u16, bool) {
    let mut page = browser.navigate(&format!("{SITE}{path}")).await;
    let asked = form(&page);
    if let Some((action, mut fields)) = asked.clone() {
        fields.iter_mut().for_each(|(_, value)| "engineer".clone_into(value));
        page = browser.submit(&action, &fields).await;
        assert_eq!(page.url.path(), path, "{:#?}\n{}", page.hops, page.answer.text());
    }
    (page.answer.status(), asked.is_some())
}

#[tokio::test]
async fn a_certified_provider_is_asked_for_a_stronger_sign_in_once() {
    let (back, out) =
        (format!("{SITE}/.portcullis/callback/test"), format!("{SITE}/.portcullis/signed-out"));
    let certified = CertifiedProvider::start(CLIENT_SECRET, &back, &out).await;
    let lab = Lab::with(|settings| {
        settings.issuer.clone_from(&certified.issuer);
        routes(settings);
    })
    .await;
    let mut browser = lab.browser();
    assert_eq!(visit(&mut browser, "/home").await, (200, true));
    let script = browser.fetch("GET", &format!("{SITE}/strong/x"), &[], "").await;
    assert_eq!(script.status(), 401);
    let challenge = script.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
    assert!(challenge.contains("acr_values=\"mfa\""), "{challenge}");
    assert_eq!(script.json()["login_url"], "/.portcullis/login?step_up=strong");
    let cookie = [lab.cookie_line(&browser)];
    let refused = socket::open(lab.gateway.http, "/strong/ws", &cookie).await;
    assert_eq!(refused.err().map(|answer| answer.status()), Some(401));
    assert_eq!(visit(&mut browser, "/strong/x").await, (200, true));
    assert_eq!(lab.last_claims()["acr"], "mfa");
    assert_eq!(visit(&mut browser, "/strong/y").await, (200, false));
    assert_eq!(visit(&mut browser, "/fresh/y").await, (200, false), "the provider need not ask");
}

#[tokio::test]
async fn a_provider_that_does_not_ask_again_ends_at_a_page_and_not_in_a_loop() {
    let provider = Provider::start().await;
    provider.commit(Fault::AuthenticatedAgo(3_600));
    let lab = Lab::around(provider, routes).await;
    let mut browser = lab.sign_in("engineer").await;
    assert!(!lab.provider.logins().last().unwrap().contains_key("max_age"));
    let page = browser.navigate(&format!("{SITE}/fresh/x")).await;
    assert_eq!(lab.provider.logins().last().unwrap()["max_age"], "30");
    assert_eq!(page.answer.status(), 400, "{:#?}", page.hops);
    assert!(page.answer.text().contains("login_auth_too_old"), "{}", page.answer.text());
    assert!(page.hops.len() < 6, "{:#?}", page.hops);
    assert!(lab.recorder.requests().iter().all(|request| !request.target().starts_with("/fresh")));
    assert_eq!(browser.navigate(&format!("{SITE}/home")).await.answer.status(), 200);
    lab.provider.commit(Fault::None);
    assert_eq!(browser.navigate(&format!("{SITE}/fresh/x")).await.answer.status(), 200);
    assert_eq!(browser.navigate(&format!("{SITE}/fresh/y")).await.hops.len(), 1);
}

#[tokio::test]
async fn an_authentication_context_of_entra_is_asked_for_once() {
    let lab = Lab::with(routes).await;
    let mut browser = lab.sign_in("engineer").await;
    assert!(!lab.provider.logins().last().unwrap().contains_key("claims"));
    let script = browser.fetch("GET", &format!("{SITE}/context/x"), &[], "").await;
    assert_eq!(script.status(), 401);
    let told: Vec<_> = script.headers.all("www-authenticate").collect();
    assert!(told.iter().any(|it| it.contains("error=\"insufficient_claims\"")), "{told:?}");
    assert_eq!(script.json()["login_url"], "/.portcullis/login?step_up=context");
    assert_eq!(visit(&mut browser, "/context/x").await, (200, false));
    let asked = lab.provider.logins().last().unwrap()["claims"].clone();
    assert_eq!(asked, r#"{"id_token":{"acrs":{"essential":true,"value":"c1"}}}"#);
    let logins = lab.provider.logins().len();
    let page = browser.navigate(&format!("{SITE}/context/y")).await;
    assert_eq!((page.answer.status(), page.hops.len()), (200, 1));
    assert_eq!(lab.provider.logins().len(), logins);
    // It is kept with the session, on the disk too.
    let lab = lab.crash().await;
    lab.aim(&mut browser);
    let page = browser.navigate(&format!("{SITE}/context/z")).await;
    assert_eq!((page.answer.status(), page.hops.len()), (200, 1));
}

#[tokio::test]
async fn a_provider_that_states_no_context_ends_at_a_page_and_not_in_a_loop() {
    let lab = Lab::with(routes).await;
    let mut browser = lab.sign_in("engineer").await;
    lab.provider.commit(Fault::DeafToClaims);
    let page = browser.navigate(&format!("{SITE}/context/x")).await;
    assert_eq!(page.answer.status(), 400, "{:#?}", page.hops);
    assert!(page.answer.text().contains("login_acr_not_met"), "{}", page.answer.text());
    assert!(page.hops.len() < 6, "{:#?}", page.hops);
    assert!(lab.recorder.requests().iter().all(|seen| !seen.target().starts_with("/context")));
    assert_eq!(browser.navigate(&format!("{SITE}/home")).await.answer.status(), 200);
}

#[tokio::test]
async fn a_stream_ends_when_the_sign_in_behind_it_is_too_old() {
    let provider = Provider::start().await;
    // Of the 30 seconds and the minute that is granted, some are left.
    provider.commit(Fault::AuthenticatedAgo(70));
    let lab = Lab::around(provider, routes).await;
    let browser = lab.sign_in("engineer").await;
    let cookie = [lab.cookie_line(&browser)];
    let mut other = socket::open(lab.gateway.http, "/ws", &cookie).await.unwrap();
    let mut socket = socket::open(lab.gateway.http, "/fresh/ws", &cookie).await.unwrap();
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    let ending = socket.ending(std::time::Duration::from_secs(60)).await;
    assert!(ending.is_some(), "it is still open");
    assert_eq!(other.round_trip("hello").await.as_deref(), Some("hello"));
}
