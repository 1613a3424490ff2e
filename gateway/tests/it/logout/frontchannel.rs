//! Front-channel logout: a page of the provider asks the browser to tell the gateway.

use crate::support::browser::Kind;
use crate::support::lab::{Lab, SITE};
use crate::support::settings::HOST;

#[tokio::test]
async fn in_the_browser_that_is_signed_in_the_session_that_is_named_ends() {
    let lab = Lab::start().await;
    let mut leaving = lab.sign_in("engineer").await;
    let mut staying = lab.sign_in("engineer").await;
    let issuer: String =
        url::form_urlencoded::byte_serialize(lab.provider.issuer().as_bytes()).collect();
    let place = format!("{SITE}/.portcullis/frontchannel-logout/test?iss={issuer}&sid=there-1");
    // Of another session, and of nobody: the answer is the same, and nothing happens.
    for browser in [&mut staying, &mut lab.browser()] {
        assert_eq!(browser.get(Kind::Iframe, &place).await.status(), 200);
    }
    assert_eq!(lab.get("/home", &[lab.cookie_line(&leaving)]).await.status(), 200);
    let cookie = lab.cookie_line(&leaving);
    let answer = leaving.get(Kind::Iframe, &place).await;
    assert_eq!(answer.status(), 200);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.ends_with(&format!("frame-ancestors {}", lab.provider.issuer())), "{policy}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(!leaving.cookies(HOST).iter().any(|cookie| cookie.name == "portcullis"));
    assert_eq!(lab.get("/home", &[cookie]).await.status(), 401);
    assert_eq!(lab.get("/home", &[lab.cookie_line(&staying)]).await.status(), 200);
    assert!(lab.gateway.has_printed("\"reason\":\"frontchannel\"", 1).await);
}
