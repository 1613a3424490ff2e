//! `[upstreams.<id>]`: the apps behind the gateway.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::address::ServerAddress;
use crate::config::duration::Duration;

/// A pool of servers that serve the same app.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The servers: `host:port`, `http://host:port` or `https://host:port`; all of one kind.
    pub servers: Vec<ServerAddress>,
    /// How TLS to the servers is checked. Only where they are `https`.
    pub tls: Option<UpstreamTls>,
    /// Time for a connection, TLS included. Default 5s: a server in the same place answers in
    /// milliseconds, and another one can still be tried.
    #[serde(default = "connect_time")]
    pub connect_time: Duration,
    /// Time from the request to the first byte of the answer. Default 5m: models think for minutes.
    #[serde(default = "first_byte_time")]
    pub first_byte_time: Duration,
    /// How long an unused connection is kept. Default 60s; set it below the server's own keep-alive
    /// time, or requests meet closing connections.
    #[serde(default = "idle_time")]
    pub idle_time: Duration,
    /// The longest silence within an answer, an event stream or a WebSocket. Default 1h: an agent
    /// may wait for its user. Stops streams that nobody will ever end.
    #[serde(default = "stream_idle_time")]
    pub stream_idle_time: Duration,
    /// How long one write to a server may wait. Default 60s. Stops a stuck server from holding
    /// requests in memory.
    #[serde(default = "write_time")]
    pub write_time: Duration,
    /// How the servers are spoken to. Default `http1`, which every app server speaks; gRPC needs
    /// `http2`. WebSockets need `http1`.
    #[serde(default)]
    pub protocol: UpstreamProtocol,
    /// How a server is chosen. Default `round_robin`.
    #[serde(default)]
    pub balance: Balance,
}

/// How TLS to the servers of an upstream is checked.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamTls {
    /// The name that the certificate must bear, also sent as SNI. Default: the server's host.
    pub name: Option<String>,
    /// PEM file with the authority that signed the certificate. Relative to this file's directory.
    /// Default: the authorities of the web.
    pub ca: Option<PathBuf>,
    /// Skips every check of the certificate. Default false. Whoever stands between the gateway and
    /// the server can then read and change everything, identity tokens included.
    pub danger_skip_verify: bool,
}

/// How servers are spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2; without TLS by prior knowledge.
    Http2,
}

/// How a server is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Each in turn.
    #[default]
    RoundRobin,
}

impl Upstream {
    /// Whether the servers are spoken to over TLS.
    pub fn is_tls(&self) -> bool {
        self.servers.iter().any(|server| server.tls == Some(true))
            || (self.tls.is_some() && self.servers.iter().all(|server| server.tls.is_none()))
    }
}

const fn connect_time() -> Duration {
    Duration::from_secs(5)
}

const fn first_byte_time() -> Duration {
    Duration::from_secs(300)
}

const fn idle_time() -> Duration {
    Duration::from_secs(60)
}

const fn stream_idle_time() -> Duration {
    Duration::from_secs(3_600)
}

const fn write_time() -> Duration {
    Duration::from_secs(60)
}
