//! The real thing: a provider certified by the OpenID Foundation.

use serde_json::json;
use tokio::time::Duration;

use crate::support::browser::{Browser, Page, form};
use crate::support::lab::{Lab, SITE};
use crate::support::logout::BACKCHANNEL;
use crate::support::peers::CertifiedProvider;
use crate::support::port;
use crate::support::raw::PATIENCE;
use crate::support::settings::CLIENT_SECRET;
use crate::support::socket;

/// A gateway that the provider can reach, and the provider.
async fn house(by_session: bool) -> (Lab, CertifiedProvider) {
    let port = port::free();
    let certified = CertifiedProvider::start_with(json!({
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [format!("{SITE}/.portcullis/callback/test")],
        "post_logout_redirect_uris": [format!("{SITE}/.portcullis/signed-out")],
        "backchannel_logout_uri": format!("http://127.0.0.1:{port}{BACKCHANNEL}"),
        "backchannel_logout_session_required": by_session,
    }))
    .await;
    let lab = Lab::with(|settings| {
        settings.issuer.clone_from(&certified.issuer);
        let listen = format!("http = {{ listen = \"127.0.0.1:{port}\"");
        settings.swaps.push(("http = { listen = \"127.0.0.1:0\"", listen));
    });
    (lab.await, certified)
}

async fn sign_in(lab: &Lab, user: &str) -> Browser {
    let mut browser = lab.browser();
    let page = browser.navigate(&format!("{SITE}/home")).await;
    let (action, mut fields) = form(&page).unwrap_or_else(|| panic!("no form: {:#?}", page.hops));
    fields.iter_mut().for_each(|(_, value)| user.clone_into(value));
    let page = browser.submit(&action, &fields).await;
    assert_eq!((page.answer.status(), page.url.path()), (200, "/home"), "{:#?}", page.hops);
    browser
}

/// Says yes to the provider's question.
async fn confirm(browser: &mut Browser, page: &Page) -> Page {
    let (action, mut fields) =
        form(page).unwrap_or_else(|| panic!("no question: {}", page.answer.text()));
    fields.push(("logout".to_owned(), "yes".to_owned()));
    browser.submit(&action, &fields).await
}

#[tokio::test]
async fn who_signs_out_at_the_provider_is_signed_out_here() {
    for by_session in [false, true] {
        let (lab, certified) = house(by_session).await;
        let mut leaving = sign_in(&lab, "sales").await;
        let staying = sign_in(&lab, "engineer").await;
        let lines = [lab.cookie_line(&leaving), format!("Origin: {SITE}")];
        let mut chat = socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
        assert_eq!(chat.round_trip("hello").await.as_deref(), Some("hello"));
        let question = leaving.navigate(&format!("{}/session/end", certified.issuer)).await;
        confirm(&mut leaving, &question).await;
        assert!(chat.ending(PATIENCE).await.is_some(), "by session: {by_session}");
        assert_eq!(lab.get("/home", &[lab.cookie_line(&leaving)]).await.status(), 401);
        assert_eq!(lab.get("/home", &[lab.cookie_line(&staying)]).await.status(), 200);
        // Streams end before the provider has its answer.
        counted(&lab, "portcullis_logouts_total{kind=\"backchannel\",result=\"done\"} 1").await;
    }
}

#[tokio::test]
async fn who_signs_out_here_is_signed_out_at_the_provider_and_comes_back() {
    let (lab, _certified) = house(true).await;
    let mut browser = sign_in(&lab, "sales").await;
    let me = browser.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await;
    let csrf = me.json()["csrf"].as_str().unwrap().to_owned();
    let url = format!("{SITE}/.portcullis/logout").parse().unwrap();
    let question = browser.submit(&url, &[("csrf".to_owned(), csrf)]).await;
    let back = confirm(&mut browser, &question).await;
    assert_eq!(back.url.path(), "/.portcullis/signed-out", "{:#?}", back.hops);
    let text = back.answer.text();
    assert!(text.contains("You are signed out") && text.contains("has sent you back"), "{text}");
    // Next time there is a form to fill in.
    let page = browser.navigate(&format!("{SITE}/home")).await;
    assert!(page.answer.text().contains("name=\"password\""), "{:#?}", page.hops);
    let line = "portcullis_revocations_total{provider=\"test\",result=\"revoked\"} 1";
    counted(&lab, line).await;
}

/// Waits for a line of the metrics.
async fn counted(lab: &Lab, line: &str) {
    for _ in 0..2_000 {
        if lab.gateway.admin("/metrics").await.contains(line) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not counted: {line}\n{}", lab.gateway.admin("/metrics").await);
}
