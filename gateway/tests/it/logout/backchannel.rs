//! Back-channel logout: the provider tells the gateway.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::support::lab::{Lab, SITE};
use crate::support::logout::{logout_token, post_logout};
use crate::support::promise;
use crate::support::provider::Fault;
use crate::support::raw::{PATIENCE, Raw};
use crate::support::settings::HOST;
use crate::support::socket::{self, Ending};

#[tokio::test]
async fn the_providers_word_ends_all_sessions_of_a_person_and_their_streams() {
    let lab = Lab::start().await;
    let mut times = 0;
    promise::is_kept(Duration::from_secs(2), async || {
        times += 1;
        the_providers_word(&lab).await
    })
    .await;
    assert!(lab.gateway.has_printed("\"reason\":\"backchannel\"", 2 * times).await);
    let metrics = lab.gateway.admin("/metrics").await;
    let line =
        format!("portcullis_logouts_total{{kind=\"backchannel\",result=\"done\"}} {times}\n");
    assert!(metrics.contains(&line), "{metrics}");
}

/// How long it takes until all streams of the person are closed.
async fn the_providers_word(lab: &Lab) -> Duration {
    let browsers = [lab.sign_in("engineer").await, lab.sign_in("engineer").await];
    let staying = lab.sign_in("sales").await;
    let mut sockets = Vec::new();
    for browser in &browsers {
        let lines = [lab.cookie_line(browser), format!("Origin: {SITE}")];
        let mut socket = socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
        assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
        sockets.push(socket);
    }
    let mut events = Raw::connect(lab.gateway.http).await;
    let head = format!("GET /sse HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n");
    events.send(format!("{head}{}\r\n\r\n", lab.cookie_line(&browsers[0]))).await;
    assert_eq!(events.answer_to("HEAD").await.unwrap().status(), 200);

    let sent = Instant::now();
    let answer = post_logout(lab.gateway.http, &logout_token(&lab.provider, &json!({}))).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for mut socket in sockets {
        let ending = socket.ending(PATIENCE).await.expect("the socket ends in time");
        assert!(matches!(ending, Ending::Frame(1008)), "{ending:?}");
    }
    timeout(PATIENCE, events.rest()).await.expect("the events end in time").unwrap();
    let took = sent.elapsed();
    println!("all streams closed {took:?} after the provider's word");
    for browser in &browsers {
        assert_eq!(lab.get("/home", &[lab.cookie_line(browser)]).await.status(), 401);
    }
    assert_eq!(lab.get("/home", &[lab.cookie_line(&staying)]).await.status(), 200);
    took
}

#[tokio::test]
async fn by_sid_one_session_ends_and_a_token_counts_once_also_after_a_power_cut() {
    let lab = Lab::start().await;
    let mut browsers = [lab.sign_in("engineer").await, lab.sign_in("engineer").await];
    let token = logout_token(&lab.provider, &json!({ "sid": "there-1" }));
    assert_eq!(post_logout(lab.gateway.http, &token).await.status(), 200);
    assert_eq!(lab.get("/home", &[lab.cookie_line(&browsers[0])]).await.status(), 401);
    assert_eq!(lab.get("/home", &[lab.cookie_line(&browsers[1])]).await.status(), 200);
    let by_name = logout_token(&lab.provider, &json!({}));
    assert_eq!(post_logout(lab.gateway.http, &by_name).await.status(), 200);
    let lab = lab.crash().await;
    lab.aim(&mut browsers[1]);
    lab.sign_in_with(&mut browsers[1], "engineer").await;
    assert_eq!(post_logout(lab.gateway.http, &by_name).await.status(), 400);
    assert_eq!(lab.get("/home", &[lab.cookie_line(&browsers[1])]).await.status(), 200);
}

#[tokio::test]
async fn after_a_refresh_the_new_sid_counts_and_that_of_the_sign_in() {
    let lab = Lab::start().await;
    lab.provider.commit(Fault::SidMoves);
    let browsers = [lab.sign_in("engineer").await, lab.sign_in("engineer").await];
    let home = async |at: usize| lab.get("/home", &[lab.cookie_line(&browsers[at])]).await.status();
    let gateway = &lab.gateway;
    // They are due after four seconds.
    let _ = gateway.has_printed("tokens refreshed", 2).await;
    assert!(gateway.has_printed("tokens refreshed", 2).await, "{}", gateway.printed());
    for (sid, then) in [("there-1", [401, 200]), ("moved", [401, 401])] {
        let token = logout_token(&lab.provider, &json!({ "sid": sid, "sub": null }));
        assert_eq!(post_logout(lab.gateway.http, &token).await.status(), 200);
        assert_eq!([home(0).await, home(1).await], then, "{sid}");
    }
}

#[tokio::test]
async fn an_operator_is_told_what_to_register() {
    let lab = Lab::start().await;
    let place = "http://localhost/.portcullis/backchannel-logout/test";
    assert!(lab.gateway.has_printed(place, 1).await, "in the log");
    let said = lab.gateway.cli(&["check", "gateway.toml"]).await;
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(told.contains(place), "{told}");
}
