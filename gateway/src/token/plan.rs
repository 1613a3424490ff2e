//! What one route wants of the token, and what is known of one request.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::base::RequestId;
use crate::identity::{Fact, Principal};
use crate::token::minter::{MintError, MintedToken};
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
    /// The header field that carries the token; `None` where only a cookie does.
    pub header: Option<HeaderName>,
    /// Whether `Bearer ` stands before it there.
    pub bearer: bool,
    /// The cookie that carries it to the upstream, beside or instead of the header field.
    pub cookie: Option<String>,
    /// Which claims stand where.
    pub form: TokenForm,
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

/// Which claims stand where in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// Chainlit's own: `identifier`, `display_name`, all else in `metadata`; `exp` and `iat`, and no
    /// `aud` or `nbf`, which it refuses. The fact is the identifier: Chainlit keys threads by it.
    Chainlit(Fact),
    /// The registered claims, flat.
    Standard,
}

/// The number of a [`TokenPlan`] in this process. A copy of a plan may be changed and is another
/// plan, so that a copy of a number is another number.
#[derive(Debug, PartialEq, Eq)]
pub struct PlanId(u64);

/// RFC 6750 section 2.1.
const BEARER: &str = "Bearer ";

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
            header: Some(HeaderName::from_static("x-user-jwt")),
            bearer: false,
            cookie: None,
            form: TokenForm::Standard,
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

    /// Refuses who has no name in the route's own form: all such people would be one person there.
    pub(super) fn check_identifier(&self, who: &Principal) -> Result<(), MintError> {
        match &self.form {
            TokenForm::Chainlit(fact) if fact.of(who, 0).is_none() => {
                Err(MintError::Nameless(fact.to_string()))
            }
            TokenForm::Chainlit(_) | TokenForm::Standard => Ok(()),
        }
    }

    /// The value of the header field for a token.
    pub fn header_value(&self, token: &MintedToken) -> HeaderValue {
        if !self.bearer {
            return token.value.clone();
        }
        let joined = [BEARER.as_bytes(), token.value.as_bytes()].concat();
        // What was a legal value stays one with a word before it.
        let value = HeaderValue::from_maybe_shared(bytes::Bytes::from(joined));
        let mut value = value.unwrap_or_else(|_| token.value.clone());
        value.set_sensitive(true);
        value
    }

    /// What stands before a token in its header field.
    pub const fn scheme(&self) -> &'static str {
        if self.bearer { BEARER } else { "" }
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
