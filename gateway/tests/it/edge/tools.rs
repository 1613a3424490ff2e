//! What the tests of the edge share.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};

use crate::support::h2::H2;
use crate::support::lab::Lab;
use crate::support::raw::Raw;
use crate::support::settings::HOST;

/// What a loaded machine may add to a deadline.
pub(super) const SLACK: Duration = Duration::from_secs(15);

/// Time between two bytes of a client that dribbles; far below every deadline.
const DROP: Duration = Duration::from_millis(50);

/// A GET on a connection that is kept.
pub(super) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}

/// A house with these lines of `[server.limits]`.
pub(super) async fn limited(https: bool, limits: &str) -> Lab {
    Lab::with(|settings| {
        settings.https = https;
        settings.limits = limits.to_owned();
    })
    .await
}

/// An HTTP/2 connection to the TLS listener.
pub(super) async fn http2(lab: &Lab) -> H2 {
    H2::start(tls(lab, &["h2"]).await).await
}

/// A TLS connection that offers `protocols`.
pub(super) async fn tls(lab: &Lab, protocols: &[&str]) -> Raw {
    let (https, authority) = (lab.gateway.https.unwrap(), lab.gateway.authority.as_ref().unwrap());
    Raw::connect_tls(https, HOST, authority.client(protocols)).await.expect("a TLS handshake")
}

/// Sends one byte after the other until the other side closes: when it did since `begun`, and what it said.
pub(super) async fn dribble(raw: &mut Raw, begun: Instant, byte: u8) -> (Duration, String) {
    let mut said = Vec::new();
    while begun.elapsed() < SLACK * 2 {
        raw.send([byte]).await;
        let mut part = [0; 1024];
        match timeout(DROP, raw.stream().read(&mut part)).await {
            Ok(Ok(0)) | Ok(Err(_)) => break,
            Ok(Ok(count)) => said.extend_from_slice(&part[..count]),
            Err(_) => {}
        }
    }
    (begun.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

/// Sends nothing until the other side closes: when it did since `begun`.
pub(super) async fn wait(raw: &mut Raw, begun: Instant) -> Duration {
    let _ = raw.rest().await;
    begun.elapsed()
}

/// Asserts that something happened at its time. The clock must have begun before the gateway's could.
pub(super) fn on_time(what: &str, took: Duration, limit: Duration) {
    // Timers tick in milliseconds.
    assert!(took + Duration::from_millis(10) > limit, "{what}: already after {took:?}");
    assert!(took < limit + SLACK, "{what}: only after {took:?}");
}
