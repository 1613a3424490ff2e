//! One line for each request that was answered.

use std::net::IpAddr;
use std::time::Duration;

use tracing::info;

/// What the access log says of a request. Never a header, a cookie or a query: signed links and
/// login codes travel there.
#[derive(Debug)]
pub struct AccessRecord<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The method.
    pub method: &'a str,
    /// The host.
    pub host: &'a str,
    /// The canonical path.
    pub path: &'a str,
    /// The route, or a word for what answered instead.
    pub route: &'a str,
    /// The status code; 0 where the client was gone before one could be sent.
    pub status: u16,
    /// Bytes of body sent.
    pub bytes: u64,
    /// From the end of the request head to the end of the answer.
    pub duration: Duration,
    /// Who it was.
    pub subject: Option<&'a str>,
    /// The session's public name.
    pub sid: Option<&'a str>,
    /// HTTP version.
    pub protocol: &'static str,
}

impl AccessRecord<'_> {
    /// Writes the line.
    pub fn log(&self) {
        info!(
            target: "access",
            request_id = self.request_id,
            client = self.client.map(tracing::field::display),
            method = self.method,
            host = self.host,
            path = self.path,
            route = self.route,
            status = self.status,
            bytes = self.bytes,
            duration_ms = self.duration.as_secs_f64() * 1000.0,
            subject = self.subject,
            sid = self.sid,
            protocol = self.protocol,
            "request"
        );
    }
}
