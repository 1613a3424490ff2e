//! `[routes.streams]`: how the live streams of a route end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::duration::Duration;

/// How the live streams of one route end. A stream ends with what it was opened by, wherever that ends:
/// its session, access token, API key, signed link or client certificate.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteStreams {
    /// What happens to an open stream when *time* ends what it was opened by: the session's `idle` or
    /// `absolute`, the expiry of a token or key, the route's `max_age`. `close` ends it too, `grace` lets
    /// it go on for `grace`, `keep` until one of its ends closes it. A sign-out, a revocation, another
    /// sign-in in the same browser, and rules by which it would be refused now close it at once, whatever
    /// stands here; no new request is let in by either. Default `close`. With `keep`, whoever holds an open
    /// stream may use it without end, and nobody can sign them out of it: their session is over already.
    pub at_end: AtEnd,
    /// How long a stream goes on with `at_end = "grace"`, at most 1h. Default 30s: enough to finish an
    /// answer, or to sign in again in another window.
    pub grace: Duration,
    /// The code of the close frame that a WebSocket ends with: 1008, or one of 4000 to 4999, which are for
    /// applications to agree on. When the gateway goes down it is 1001. Default 1008. The frame's reason
    /// is the cause in one word.
    pub close_code: u16,
}

/// What happens to a stream when time ends what it was opened by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// It ends too.
    Close,
    /// It goes on for a while.
    Grace,
    /// It goes on.
    Keep,
}

impl Default for RouteStreams {
    fn default() -> Self {
        Self { at_end: AtEnd::Close, grace: Duration::from_secs(30), close_code: 1008 }
    }
}
