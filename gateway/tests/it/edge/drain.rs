//! The way down: what is in flight finishes, what never ends is told to go.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::edge::tools::{get, http2, limited};
use crate::support::gateway::Signal;
use crate::support::h2::GOAWAY;
use crate::support::lab::Lab;
use crate::support::port;
use crate::support::raw::Raw;
use crate::support::socket::{self, Ending};

const DRAIN: Duration = Duration::from_secs(20);
/// Far below the time of a drain.
const AT_ONCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_gateway_that_is_told_to_stop_leaves_nobody_in_the_air() {
    // On ports that nobody else is given when they are free again.
    let ports = [port::free(), port::free()];
    let mut lab = Lab::with(|settings| {
        settings.https = true;
        settings.limits = "drain_time = \"20s\"".to_owned();
        for (kind, port) in ["http = { ", "https = { "].into_iter().zip(ports) {
            let any: &str = format!("{kind}listen = \"127.0.0.1:0\"").leak();
            settings.swaps.push((any, any.replace(":0", &format!(":{port}"))));
        }
    })
    .await;
    let (http, https) = (lab.gateway.http, lab.gateway.https.unwrap());
    let mut socket = socket::open(http, "/public/ws", &[]).await.expect("an upgrade");
    let mut events = Raw::connect(http).await;
    events.send(get("/public/sse")).await;
    assert_eq!(events.answer_to("HEAD").await.unwrap().status(), 200);
    let mut idle = Raw::connect(http).await;
    idle.send(get("/public/x")).await;
    assert_eq!(idle.answer().await.unwrap().status(), 200);
    let mut silent = Raw::connect(http).await;
    let mut h2 = http2(&lab).await;
    let fields = [(":scheme", "https"), (":authority", "localhost"), (":path", "/public/x")];
    assert_eq!(h2.post_with_empty_end(&fields, b"x").await.unwrap(), 200);
    let mut flying = Raw::connect(http).await;
    flying.send(get("/public/slow?ms=5000")).await;
    while lab.recorder.requests().iter().all(|seen| seen.target() != "/public/slow?ms=5000") {
        sleep(Duration::from_millis(10)).await;
    }

    let begun = Instant::now();
    lab.gateway.signal(Signal::Term).await;
    let goaway = async { while !matches!(h2.read().await, Ok((GOAWAY, ..)) | Err(_)) {} };
    timeout(AT_ONCE, goaway).await.expect("HTTP/2 clients are told at once");
    timeout(AT_ONCE, idle.rest()).await.expect("an idle connection is closed at once").unwrap();
    timeout(AT_ONCE, silent.rest()).await.expect("and one that never asked").unwrap();
    for address in [http, https] {
        let refused = async { while TcpStream::connect(address).await.is_ok() {} };
        timeout(AT_ONCE, refused).await.expect("nobody new is let in");
        TcpListener::bind(address).await.expect("the next instance can have the port");
    }
    let ready = lab.gateway.admin("/readyz").await;
    assert!(ready.contains("going down"), "{ready}");
    assert_eq!(socket.round_trip("still here").await.as_deref(), Some("still here"));
    assert_eq!(flying.answer().await.unwrap().status(), 200);
    timeout(AT_ONCE, flying.rest()).await.expect("no further request is waited for").unwrap();

    assert_eq!(socket.ending(DRAIN + AT_ONCE).await, Some(Ending::Frame(1001)));
    timeout(AT_ONCE, events.rest()).await.expect("the event stream ends").unwrap();
    let status = lab.gateway.stopped().await;
    let took = begun.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < DRAIN + AT_ONCE, "{took:?}");
}

#[tokio::test]
async fn nothing_in_flight_means_no_wait() {
    let mut lab = limited(false, "").await;
    let mut idle = Raw::connect(lab.gateway.http).await;
    idle.send(get("/public/x")).await;
    assert_eq!(idle.answer().await.unwrap().status(), 200);
    let begun = Instant::now();
    lab.gateway.signal(Signal::Term).await;
    assert!(lab.gateway.stopped().await.success());
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    let read = idle.stream().read(&mut [0; 1]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}
