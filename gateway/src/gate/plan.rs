//! What one route needs, all looked up at start.

use std::sync::Arc;

use http::HeaderName;

use crate::authn::{Chain, Links};
use crate::authz::Authorizer;
use crate::base::{ProviderId, RouteId};
use crate::gate::app::AppPlan;
use crate::gate::resource::ProtectedResource;
use crate::gate::tab::Tab;
use crate::identity::StepUp;
use crate::observe::RouteMetrics;
use crate::session::AtEnd;
use crate::token::TokenPlan;
use crate::upstream::Pool;
use crate::web::origin::Origin;

/// What a route lets requests in by, to be compared with what another configuration says: where both
/// say the same, nothing needs to be judged anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteRules {
    /// Its ways in, with all that their settings say.
    pub ways: String,
    /// Who may, and how strong a sign-in it wants.
    pub access: String,
}

/// How the live streams of a route end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// What becomes of them when time ends what they rest on.
    pub at_end: AtEnd,
    /// The code of the close frame that a WebSocket ends with (RFC 6455 section 7.4), except when the
    /// gateway goes down.
    pub close_code: u16,
}

impl Farewell {
    /// RFC 6455 section 7.4.1, "policy violation".
    pub const POLICY_VIOLATION: u16 = 1008;
}

impl Default for Farewell {
    fn default() -> Self {
        Self { at_end: AtEnd::Close, close_code: Self::POLICY_VIOLATION }
    }
}

/// One route, ready to serve: nothing of the configuration is read while a request is decided.
#[derive(Debug)]
pub struct RoutePlan {
    /// Its name.
    pub id: RouteId,
    /// Its ways in, in order.
    pub chain: Chain,
    /// Who may.
    pub authorizer: Arc<dyn Authorizer>,
    /// How strong and fresh a sign-in it wants; none in particular where it is `None`.
    pub step_up: Option<Arc<StepUp>>,
    /// The providers a person may sign in with; empty where nobody can sign in.
    pub login: Vec<ProviderId>,
    /// How clients learn where to get a token, where it takes tokens.
    pub resource: Option<Arc<ProtectedResource>>,
    /// The signed links that open it, where it takes any.
    pub links: Option<Links>,
    /// Its backends.
    pub pool: Arc<Pool>,
    /// The identity token it wants; `None` forwards no identity at all.
    pub token: Option<TokenPlan>,
    /// Whether the upstream sees the client's `Host`.
    pub preserve_host: bool,
    /// The largest request body, in bytes.
    pub body_bytes: u64,
    /// Further origins whose pages may open WebSockets here.
    pub websocket_origins: Vec<Origin>,
    /// How it is shown as a tab in Teams; `None` for a route that is not.
    pub tab: Option<Arc<Tab>>,
    /// What its application wants beside the request; `None` for most.
    pub app: Option<Box<AppPlan>>,
    /// Further header names that count as identity here.
    pub strip: Vec<HeaderName>,
    /// By what its live streams were let in.
    pub rules: RouteRules,
    /// How its live streams end.
    pub farewell: Farewell,
    /// Where its requests are counted.
    pub metrics: Arc<RouteMetrics>,
}
