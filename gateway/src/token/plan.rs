//! What one route wants of the token, and what is known of one request.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderName;

use crate::base::RequestId;
use crate::token::signer::Signer;

/// A route's wishes, made once from the configuration.
#[derive(Clone, Debug)]
pub struct TokenPlan {
    /// Tells plans apart: what is remembered for one is never taken for another.
    pub id: PlanId,
    /// `aud`: the one application the token is for, so that no other can replay it.
    pub audience: String,
    /// Leaves `aud` out, for applications that refuse a token which has one.
    pub without_audience: bool,
    /// The header field that carries the token.
    pub header: HeaderName,
    /// The optional claims to send; `None` sends all that are known. What makes the token
    /// verifiable (`iss aud sub iat nbf exp jti txn auth_method`) is always sent.
    pub wanted: Option<HashSet<String>>,
    /// How many groups at most; the rest is cut and `groups_truncated` set.
    pub max_groups: usize,
    /// How long the token may be: applications limit header fields, often to 8 KiB.
    pub max_bytes: usize,
    /// Whether to add `user` and `display_name` for applications that read those.
    pub aliases: bool,
    /// Whether the answer shows the token in `X-Debug-User-JWT`; whoever sees it can use it.
    pub debug_header: bool,
    /// Another signer than the rotating keys: a secret shared with this application.
    pub signer: Option<Arc<dyn Signer>>,
    /// For how long requests of one session share a token, which then says nothing of the single
    /// request (`txn`, `rctx`, `tctx`). `None` mints for each request.
    pub reuse: Option<Duration>,
}

/// The number of a [`TokenPlan`] in this process. A copy of a plan may be changed and is another
/// plan, so that a copy of a number is another number.
#[derive(Debug, PartialEq, Eq)]
pub struct PlanId(u64);

/// What the token says of the request.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    /// `txn`: one id for logs, traces and the token.
    pub id: RequestId,
    /// `rctx.req_ip`.
    pub client: IpAddr,
    /// `rctx.transport`.
    pub transport: Transport,
    /// `tctx.method`.
    pub method: &'a str,
    /// `tctx.path`: the canonical path that is forwarded.
    pub path: &'a str,
    /// `tctx.host`: the host the client asked for.
    pub request_host: &'a str,
}

/// What the request will turn into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A stream of server-sent events.
    EventStream,
    /// An answer with an end.
    Http,
    /// A WebSocket.
    WebSocket,
}

impl TokenPlan {
    /// The default plan for an audience: everything known, in `X-User-JWT`.
    pub fn new(audience: impl Into<String>) -> Self {
        Self {
            id: PlanId::default(),
            audience: audience.into(),
            without_audience: false,
            header: HeaderName::from_static("x-user-jwt"),
            wanted: None,
            max_groups: 100,
            // Leaves room for the other fields in the 8 KiB that most servers allow.
            max_bytes: 6 * 1024,
            aliases: true,
            debug_header: false,
            signer: None,
            reuse: None,
        }
    }

    /// Whether the route wants this optional claim.
    pub fn wants(&self, claim: &str) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(claim))
    }
}

impl PlanId {
    pub(super) const fn number(&self) -> u64 {
        self.0
    }
}

impl Default for PlanId {
    fn default() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

impl Clone for PlanId {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Transport {
    /// The word in the token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventStream => "sse",
            Self::Http => "http",
            Self::WebSocket => "ws",
        }
    }
}
