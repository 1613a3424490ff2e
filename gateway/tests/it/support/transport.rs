//! The three ways in which requests travel, for tests that hold for each.

use crate::support::http::read_head;
use crate::support::lab::{Lab, SITE};
use crate::support::raw::Raw;
use crate::support::settings::HOST;
use crate::support::socket;

/// What kind of request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Http,
    /// An event stream.
    Sse,
    WebSocket,
}

impl Transport {
    pub(crate) const ALL: [Self; 3] = [Self::Http, Self::Sse, Self::WebSocket];

    /// The status of an answer that the application gave.
    pub(crate) const fn success(self) -> u16 {
        match self {
            Self::Http | Self::Sse => 200,
            Self::WebSocket => 101,
        }
    }

    /// Asks for something of the recorder below `path`; `lines` are whole header lines.
    pub(crate) async fn status(self, lab: &Lab, path: &str, query: &str, lines: &[String]) -> u16 {
        let (name, accept) = match self {
            Self::Http => ("x", "application/json"),
            Self::Sse => ("sse", "text/event-stream"),
            Self::WebSocket => ("ws", ""),
        };
        let target = format!("{path}{name}{query}");
        if self == Self::WebSocket {
            let lines = [lines, &[format!("Origin: {SITE}")]].concat();
            return match socket::open(lab.gateway.http, &target, &lines).await {
                Ok(_) => 101,
                Err(answer) => answer.status(),
            };
        }
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let mut raw = Raw::connect(lab.gateway.http).await;
        let head = format!("Host: {HOST}\r\nAccept: {accept}\r\n{lines}\r\n");
        raw.send(format!("GET {target} HTTP/1.1\r\n{head}")).await;
        let head = read_head(raw.stream()).await.unwrap();
        head.expect("an answer").status()
    }
}
