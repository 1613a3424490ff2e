//! `[server.limits]`: bounds on what clients can use up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::duration::Duration;
use crate::config::size::ByteSize;

/// What one client, one connection and one request may use up. Each limit stops a way to exhaust
/// the gateway; the defaults suit browsers and AI apps on one machine.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open client connections in all. Default 10000: about 160 MiB when all of them idle over TLS. Stops
    /// connection floods from taking all memory and file descriptors.
    pub connections: u32,
    /// Open connections of one client address; 0 for no limit. Default 0, because a whole office can
    /// stand behind one address; set it where clients reach the gateway directly.
    pub connections_per_client: u32,
    /// Time for the whole header of a request. Default 10s: far above what a slow phone needs. Stops
    /// slow-header attacks, which hold connections with one byte at a time.
    pub header_time: Duration,
    /// Time for the TLS handshake. Default 10s. Stops handshakes that are begun and left.
    pub tls_handshake_time: Duration,
    /// How long a connection without a request is kept. Default 75s, above the 60s after which
    /// common load balancers close theirs, so that they never write into a closing connection.
    pub idle_time: Duration,
    /// Requests on one connection before it is closed. Default 1000: long-lived clients spread over
    /// replicas again, and whatever a connection gathers is let go.
    pub requests_per_connection: u32,
    /// Size of a request's header in all. Default 32KiB: large cookies fit. Stops memory floods.
    pub header_bytes: ByteSize,
    /// Header fields of a request. Default 100. Stops floods of tiny fields, which cost far more
    /// memory than bytes on the wire.
    pub headers: u32,
    /// Size of a request's body; a route can set its own. Default 100MiB: uploads to chat apps fit.
    pub body_bytes: ByteSize,
    /// Time for the whole body of a request; WebSockets are not bodies. Default 5m. Stops
    /// slow-body attacks.
    pub body_time: Duration,
    /// How long one write to a client may wait. Default 60s. Stops clients that ask and never read.
    pub write_time: Duration,
    /// Requests at once on one HTTP/2 connection. Default 100, as RFC 9113 advises. Stops rapid
    /// multiplication of work over one connection.
    pub http2_streams: u32,
    /// How long requests in flight may go on when the gateway stops. Default 30s, as orchestrators
    /// wait before they kill.
    pub drain_time: Duration,
    /// WebSockets and event streams open at once. Default 100000; each costs about 1 KiB of
    /// registry beside its connection. A stream above it is refused with 503.
    pub live_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_client: 0,
            header_time: Duration::from_secs(10),
            tls_handshake_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            requests_per_connection: 1_000,
            header_bytes: ByteSize::kib(32),
            headers: 100,
            body_bytes: ByteSize::mib(100),
            body_time: Duration::from_secs(300),
            write_time: Duration::from_secs(60),
            http2_streams: 100,
            drain_time: Duration::from_secs(30),
            live_streams: 100_000,
        }
    }
}
