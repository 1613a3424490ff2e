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

    /// What of the recorder answers in this way.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http => "x",
            Self::Sse => "sse",
            Self::WebSocket => "ws",
        }
    }

    /// Asks for something of the recorder below `path`; `lines` are whole header lines.
    pub(crate) async fn status(self, lab: &Lab, path: &str, query: &str, lines: &[String]) -> u16 {
        let target = format!("{path}{}{query}", self.name());
        self.status_on(Raw::connect(lab.gateway.http).await, SITE, &target, lines).await
    }

    /// The same for this very target, on a connection that is there, to a site of this origin.
    pub(crate) async fn status_on(
        self,
        mut raw: Raw,
        site: &str,
        target: &str,
        lines: &[String],
    ) -> u16 {
        let accept = match self {
            Self::Http => "application/json",
            Self::Sse => "text/event-stream",
            Self::WebSocket => {
                let lines = [lines, &[format!("Origin: {site}")]].concat();
                let opened = socket::open_on(raw, target, &lines).await;
                return opened.map_or_else(|answer| answer.status(), |_| 101);
            }
        };
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!("Host: {HOST}\r\nAccept: {accept}\r\n{lines}\r\n");
        raw.send(format!("GET {target} HTTP/1.1\r\n{head}")).await;
        let head = read_head(raw.stream()).await.unwrap();
        head.expect("an answer").status()
    }
}
