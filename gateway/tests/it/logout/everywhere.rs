//! Signing out of all sessions, and what the provider is told.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::lab::{Lab, SITE};
use crate::support::peers::drive;
use crate::support::port;
use crate::support::provider::Fault;
use crate::support::raw::PATIENCE;
use crate::support::socket;

#[tokio::test]
async fn everywhere_ends_all_sessions_of_the_person_with_their_streams() {
    let lab = Lab::start().await;
    let mut first = lab.sign_in("engineer").await;
    let second = lab.sign_in("engineer").await;
    let staying = lab.sign_in("sales").await;
    let lines = [lab.cookie_line(&second), format!("Origin: {SITE}")];
    let mut chat = socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
    assert_eq!(chat.round_trip("hello").await.as_deref(), Some("hello"));
    // The provider takes nothing: nobody is held up by it.
    lab.provider.commit(Fault::Silent);
    let me = first.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await;
    let form = format!("everywhere=1&csrf={}", me.json()["csrf"].as_str().unwrap());
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let begun = Instant::now();
    let answer = first.fetch("POST", &format!("{SITE}/.portcullis/logout"), &headers, &form).await;
    println!("answered after {:?}", begun.elapsed());
    assert_eq!(answer.json()["ended"], 2, "{}", answer.text());
    assert!(chat.ending(PATIENCE).await.is_some());
    assert_eq!(lab.get("/home", &[lab.cookie_line(&second)]).await.status(), 401);
    assert_eq!(lab.get("/home", &[lab.cookie_line(&staying)]).await.status(), 200);
    handed_back(&lab, 2).await;
}

#[tokio::test]
async fn the_apps_own_sign_out_hands_the_token_back_too() {
    let lab = Lab::with(|all| {
        let path = "path = \"/*\"";
        all.swaps.push((path, format!("{path}\nlogout_paths = [\"/bye\"]")));
    })
    .await;
    let mut browser = lab.sign_in("engineer").await;
    browser.fetch("POST", &format!("{SITE}/bye"), &[("Origin", SITE)], "").await;
    assert_eq!(lab.get("/home", &[lab.cookie_line(&browser)]).await.status(), 401);
    handed_back(&lab, 1).await;
}

/// Waits until so many refresh tokens have come back to the provider.
async fn handed_back(lab: &Lab, wanted: usize) {
    for _ in 0..3_000 {
        if lab.provider.revoked().len() == wanted {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let revoked = lab.provider.revoked();
    assert_eq!(revoked.len(), wanted);
    for form in revoked {
        assert_eq!(form["token"], "canary-refresh-token-engineer");
        assert_eq!(form["token_type_hint"], "refresh_token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_browser_signs_out_on_all_devices_and_frames_end_their_own_session_only() {
    // A real browser knows no other way to a name than its port.
    let port = port::free();
    let lab = Lab::with(|all| {
        all.swaps.push(("http://localhost\"", format!("http://localhost:{port}\"")));
        let listen = format!("http = {{ listen = \"127.0.0.1:{port}\"");
        all.swaps.push(("http = { listen = \"127.0.0.1:0\"", listen));
    })
    .await;
    let output = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-output");
    let url = format!("http://localhost:{port}");
    let settings = json!({
        "url": url, "provider": lab.provider.issuer(), "output": output, "name": "logout",
    });
    let seen: Value = drive("logout.mjs", &settings).await;
    drop(lab);
    assert_eq!(seen["other_device"], 401, "{seen:#}");
    assert_eq!(seen["signed_out"], format!("{url}/.portcullis/signed-out"), "{seen:#}");
    assert_eq!(seen["framed_across_sites"], 200, "the cookie does not travel there: {seen:#}");
    assert_eq!(seen["framed_on_the_same_site"], 401, "{seen:#}");
}
