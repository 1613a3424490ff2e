//! A reload under load: nobody notices, and a bad file changes nothing.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::support::browser::Kind;
use crate::support::gateway::Signal;
use crate::support::lab::{Lab, SITE};
use crate::support::load::Load;
use crate::support::provider::Provider;
use crate::support::raw::PATIENCE;
use crate::support::settings::{Route, Settings};
use crate::support::socket;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_the_configuration_changes() {
    const RELOADS: usize = 20;
    let lab = Lab::start().await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await) + "\r\n";
    let load = Load::start(8, lab.gateway.http, "/home", &cookie);
    for round in 0..RELOADS {
        lab.gateway.rewrite(&with_route(&lab.settings, round % 2 == 0));
        lab.gateway.signal(Signal::Hup).await;
        sleep(Duration::from_millis(100)).await;
    }
    let tally = load.stop().await;
    println!("{} requests during {RELOADS} reloads", tally.good);
    assert!(tally.failed.is_empty(), "{} failed: {:?}", tally.failed.len(), tally.failed.first());
    assert!(tally.good > RELOADS, "hardly any load: {}", tally.good);
}

#[tokio::test]
async fn a_reload_takes_effect_and_streams_go_on() {
    let lab = Lab::start().await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let lines = [cookie.clone(), format!("Origin: {SITE}")];
    let mut socket = socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
    assert_eq!(lab.get("/new/x", &[]).await.status(), 401);
    lab.gateway.rewrite(&with_route(&lab.settings, true));
    lab.gateway.signal(Signal::Hup).await;
    becomes(&lab, "/new/x", 200).await;
    assert_eq!(socket.round_trip("still here").await.as_deref(), Some("still here"));
    assert_eq!(lab.get("/home", &[cookie]).await.status(), 200, "sessions live on");
}

#[tokio::test]
async fn a_changed_file_is_noticed_without_a_signal() {
    let lab = Lab::start().await;
    lab.gateway.rewrite(&with_route(&lab.settings, true));
    becomes(&lab, "/new/x", 200).await;
}

#[tokio::test]
async fn a_bad_file_is_named_and_the_old_one_stays() {
    let lab = Lab::start().await;
    let good = lab.settings.render();
    let bad = [
        good.replace("[server]", "[server"),
        good.replace("upstream = \"agent\"", "upstream = \"nobody\""),
        good.replace("access = \"public\"", "acess = \"public\""),
        String::new(),
    ];
    for text in bad {
        lab.gateway.rewrite(&text);
        lab.gateway.signal(Signal::Hup).await;
        sleep(Duration::from_millis(300)).await;
        assert_eq!(lab.get("/public/x", &[]).await.status(), 200);
        assert_eq!(lab.get("/home", &[]).await.status(), 401);
    }
    assert!(lab.gateway.has_printed("gateway.toml", 1).await, "the log says which file is wrong");
    assert!(lab.gateway.has_printed("nobody", 1).await, "and what is wrong in it");
}

/// The same name for another issuer: what the first one gave would be the second one's to use.
#[tokio::test]
async fn tokens_of_a_provider_never_reach_another_one_of_its_name() {
    let lab = Lab::with(|all| all.session = "refresh = { every = \"12s\" }".to_owned()).await;
    let (staying, mut leaving) = (lab.sign_in("engineer").await, lab.sign_in("sales").await);
    let other = Provider::start().await;
    let moved = Settings { issuer: other.issuer(), ..lab.settings.clone() };
    lab.gateway.rewrite(&moved.render());
    lab.gateway.signal(Signal::Hup).await;
    let login = format!("{SITE}/.portcullis/login/test");
    let leads = async || {
        lab.browser().get(Kind::Navigate, &login).await.header("location").map(str::to_owned)
    };
    until(async || leads().await.is_some_and(|to| to.starts_with(&other.issuer()))).await;
    // Signing out would hand the tokens back; being due, they would be refreshed.
    lab.sign_out(&mut leaving).await;
    let cookie = [lab.cookie_line(&staying)];
    assert_eq!(lab.get("/home", &cookie).await.status(), 200);
    until(async || lab.get("/home", &cookie).await.status() == 401).await;
    assert!(lab.gateway.has_printed("has another issuer than at the sign-in", 1).await);
    assert_eq!((other.counts().token, other.revoked().len()), (0, 0));
    // Its own tokens take both ways, so that they would have been seen.
    for due in [true, false] {
        let (token, revoked) = (other.counts().token, other.revoked().len());
        let mut browser = lab.browser();
        other.remember(&mut browser, "engineer");
        lab.sign_in_with(&mut browser, "engineer").await;
        if due {
            let cookie = [lab.cookie_line(&browser)];
            until(async || lab.get("/home", &cookie).await.status() == 401).await;
            assert_eq!(other.counts().token, token + 2, "the code, and the refresh token");
        } else {
            lab.sign_out(&mut browser).await;
            until(async || other.revoked().len() == revoked + 1).await;
        }
    }
}

/// Waits until it is so.
async fn until(it: impl AsyncFn() -> bool) {
    let so = async {
        while !it().await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE * 2, so).await.expect("it never became so");
}

fn with_route(settings: &Settings, with: bool) -> String {
    let mut settings = settings.clone();
    if with {
        let public =
            settings.routes.iter().find(|route| route.path == "/public/*").unwrap().clone();
        settings.routes.push(Route { path: "/new/*", ..public });
    }
    settings.render()
}

async fn becomes(lab: &Lab, path: &str, status: u16) {
    for _ in 0..600 {
        if lab.get(path, &[]).await.status() == status {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never answered {status}");
}
