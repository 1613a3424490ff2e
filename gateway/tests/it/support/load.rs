//! Steady load beside something that happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use crate::support::raw::Raw;
use crate::support::settings::HOST;

/// Keep-alive clients that ask until they are told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Tally>>,
}

/// What the clients saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) good: usize,
    /// One line for each request that did not get 200.
    pub(crate) failed: Vec<String>,
}

impl Load {
    /// Starts `clients` that ask for `path` with the header `lines` (each with its line end).
    pub(crate) fn start(clients: usize, to: std::net::SocketAddr, path: &str, lines: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let request = Arc::new(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n"));
        let clients = (0..clients)
            .map(|_| tokio::spawn(ask(to, Arc::clone(&request), Arc::clone(&stop))))
            .collect();
        Self { stop, clients }
    }

    /// Stops the clients and adds up.
    pub(crate) async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::SeqCst);
        let mut sum = Tally::default();
        for client in self.clients {
            let tally = client.await.unwrap();
            sum.good += tally.good;
            sum.failed.extend(tally.failed);
        }
        sum
    }
}

async fn ask(to: std::net::SocketAddr, request: Arc<String>, stop: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    let mut connection = Raw::connect(to).await;
    while !stop.load(Ordering::SeqCst) {
        connection.send(request.as_bytes()).await;
        match connection.answer().await {
            Ok(answer) if answer.status() == 200 => {
                tally.good += 1;
                // A server may end a connection after any answer, if it says so.
                if answer.headers.lists("connection", "close") {
                    connection = Raw::connect(to).await;
                }
            }
            Ok(answer) => tally.failed.push(answer.start),
            Err(e) => {
                tally.failed.push(e.to_string());
                connection = Raw::connect(to).await;
            }
        }
    }
    tally
}
