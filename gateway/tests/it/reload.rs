//! A reload under load: nobody notices, and a bad file changes nothing.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::gateway::Signal;
use crate::support::lab::{Lab, SITE};
use crate::support::load::Load;
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
