//! Live streams: relayed without delay, and ended with the session that opened them.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::support::http::read_chunk;
use crate::support::lab::{Lab, SITE};
use crate::support::promise;
use crate::support::raw::{PATIENCE, Raw};
use crate::support::settings::HOST;
use crate::support::socket::{self, Ending};

/// The promise: every stream of a session that ended is closed within this time.
const PROMISE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn events_are_relayed_as_they_come() {
    let lab = Lab::start().await;
    let mut stream = event_stream(&lab, "").await;
    // Held back, each of them would be late.
    promise::is_kept(Duration::from_millis(100), async || {
        let mut worst = 0;
        for _ in 0..20 {
            let event = read_chunk(stream.stream()).await.unwrap().expect("an event");
            let text = String::from_utf8(event).unwrap();
            let sent: u64 = text.trim().rsplit("data: ").next().unwrap().trim().parse().unwrap();
            let now = u64::try_from(lab.recorder.now()).unwrap();
            worst = worst.max(now.saturating_sub(sent));
        }
        println!("slowest event: {worst} ms");
        Duration::from_millis(worst)
    })
    .await;
}

#[tokio::test]
async fn a_logout_ends_every_stream_of_the_session_and_no_other() {
    let lab = Lab::start().await;
    promise::is_kept(PROMISE, async || a_logout(&lab).await).await;
}

/// How long it takes until all streams of a session are closed.
async fn a_logout(lab: &Lab) -> Duration {
    let mut leaving = lab.sign_in("engineer").await;
    let staying = lab.sign_in("sales").await;
    let lines = [lab.cookie_line(&leaving), format!("Origin: {SITE}")];
    let mut sockets = Vec::new();
    for _ in 0..5 {
        let mut socket = socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
        assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
        sockets.push(socket);
    }
    let mut events = event_stream(lab, &lab.cookie_line(&leaving)).await;
    let others = [lab.cookie_line(&staying), format!("Origin: {SITE}")];
    let mut other_socket =
        socket::open(lab.gateway.http, "/ws", &others).await.expect("an upgrade");
    let mut other_events = event_stream(lab, &lab.cookie_line(&staying)).await;

    let begun = Instant::now();
    lab.sign_out(&mut leaving).await;
    let logout = begun.elapsed();
    for mut socket in sockets {
        let ending = socket.ending(PATIENCE).await.expect("the socket ends");
        assert!(matches!(ending, Ending::Frame(1008 | 4401)), "{ending:?}");
    }
    timeout(PATIENCE, events.rest()).await.expect("the event stream ends").unwrap();
    let took = begun.elapsed();
    println!("logout {} ms, all streams closed after {} ms", logout.as_millis(), took.as_millis());

    assert_eq!(other_socket.round_trip("still here").await.as_deref(), Some("still here"));
    assert!(read_chunk(other_events.stream()).await.unwrap().is_some());
    took
}

#[tokio::test]
async fn a_stream_is_known_by_its_answer_not_by_what_the_client_accepts() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("engineer").await;
    let cookie = lab.cookie_line(&browser);
    let mut raw = Raw::connect(lab.gateway.http).await;
    raw.send(format!("GET /sse HTTP/1.1\r\nHost: {HOST}\r\nAccept: */*\r\n{cookie}\r\n\r\n")).await;
    assert_eq!(raw.answer_to("HEAD").await.unwrap().status(), 200);
    lab.sign_out(&mut browser).await;
    let ended = timeout(PATIENCE, raw.rest()).await.expect("it ends");
    assert!(ended.is_ok(), "a script's event stream outlives its session");
}

#[tokio::test]
async fn a_session_that_expires_ends_its_streams() {
    // The shortest lifetime that a configuration may have.
    const LIFETIME: Duration = Duration::from_secs(60);
    let short = "absolute = \"1m\"\nidle = \"1m\"";
    let lab = Lab::with(|settings| settings.session = short.to_owned()).await;
    let signed_in = Instant::now();
    let browser = lab.sign_in("engineer").await;
    let lines = [lab.cookie_line(&browser), format!("Origin: {SITE}")];
    let mut socket = socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
    let ending = socket.ending(LIFETIME + PATIENCE).await.expect("the socket ends in time");
    assert!(matches!(ending, Ending::Frame(1008 | 4401)), "{ending:?}");
    let lived = signed_in.elapsed();
    assert!(lived + Duration::from_secs(1) > LIFETIME, "not before its time: {lived:?}");
}

#[tokio::test]
async fn a_client_that_leaves_frees_the_upstream() {
    let lab = Lab::start().await;
    let browser = lab.sign_in("engineer").await;
    let lines = [lab.cookie_line(&browser), format!("Origin: {SITE}")];
    let before = lab.recorder.open();
    for _ in 0..20 {
        drop(event_stream(&lab, &lines[0]).await);
        drop(socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade"));
    }
    let quiet = async {
        // Connections in the keep-alive pool may stay; those of streams may not.
        while lab.recorder.open() > before + 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let left = timeout(PATIENCE, quiet).await;
    assert!(left.is_ok(), "{} connections are left, {before} before", lab.recorder.open());
}

#[tokio::test]
async fn a_gateway_that_drains_lets_requests_finish() {
    let mut lab = Lab::start().await;
    let address = lab.gateway.http;
    let slow = tokio::spawn(async move {
        let request = format!("GET /public/slow?ms=1500 HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        crate::support::raw::status_of(address, request).await
    });
    while lab.recorder.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    lab.gateway.signal(crate::support::gateway::Signal::Term).await;
    assert_eq!(slow.await.unwrap(), 200);
    assert!(lab.gateway.stopped().await.success());
}

/// An open event stream: on the public route without a cookie, else on one that needs a session.
async fn event_stream(lab: &Lab, cookie: &str) -> Raw {
    let path = if cookie.is_empty() { "/public/sse" } else { "/sse" };
    let cookie = if cookie.is_empty() { String::new() } else { format!("{cookie}\r\n") };
    let mut raw = Raw::connect(lab.gateway.http).await;
    raw.send(format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n{cookie}\r\n"
    ))
    .await;
    let head = raw.answer_to("HEAD").await.unwrap();
    assert_eq!(head.status(), 200, "{head:?}");
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    raw
}
