//! Many open streams, and how long it takes until they are closed.

use std::io::ErrorKind::TimedOut;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::lab::SITE;
use crate::support::raw::Raw;
use crate::support::settings::HOST;
use crate::support::socket::{self, Ending};

/// How long a test waits for them, from the opening of the first one.
const PATIENCE: Duration = Duration::from_secs(300);

/// WebSockets and event streams, half of each.
#[derive(Default)]
pub(crate) struct ManyStreams(Vec<JoinHandle<Instant>>);

impl ManyStreams {
    /// Opens `pairs` of a WebSocket and an event stream with a session's cookie.
    pub(crate) async fn open(&mut self, at: SocketAddr, cookie: &str, pairs: usize) {
        let opened = join_all((0..pairs).map(|_| pair(at, cookie))).await;
        self.0.extend(opened.into_iter().flatten());
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Waits until all are closed; p99 of the time since `begun`. Prints what was measured.
    pub(crate) async fn closed_since(self, begun: Instant) -> Duration {
        let ends = join_all(self.0).await;
        let mut took: Vec<_> = ends.into_iter().map(|at| at.unwrap() - begun).collect();
        took.sort_unstable();
        let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
        println!(
            "{} streams closed: p50 {:?}, p99 {:?}, last {:?}",
            took.len(),
            at(50),
            at(99),
            at(100)
        );
        at(99)
    }
}

async fn pair(at: SocketAddr, cookie: &str) -> [JoinHandle<Instant>; 2] {
    let lines = [cookie.to_owned(), format!("Origin: {SITE}")];
    let mut socket = socket::open(at, "/ws", &lines).await.expect("an upgrade");
    let chat = tokio::spawn(async move {
        assert_eq!(socket.ending(PATIENCE).await, Some(Ending::Frame(1008)));
        Instant::now()
    });
    let mut events = Raw::connect(at).await;
    events.send(format!("GET /sse HTTP/1.1\r\nHost: {HOST}\r\n{cookie}\r\n\r\n")).await;
    assert_eq!(events.answer_to("HEAD").await.unwrap().status(), 200);
    let events = tokio::spawn(async move {
        // It may be long until all others are open too.
        while matches!(events.rest().await, Err(fault) if fault.kind() == TimedOut) {}
        Instant::now()
    });
    [chat, events]
}
