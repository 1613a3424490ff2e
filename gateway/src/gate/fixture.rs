//! A gate over a few routes, with real sessions and a real signer, and ways in that do as told.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::authn::{
    Anonymous, Authenticator, Chain, CookieNames, Outcome, RejectReason, SessionCookie, Unavailable,
};
use crate::authz::{Authorizer, Public};
use crate::base::{
    Clock, Entropy, KeyId, ManualClock, RequestId, RouteId, Secret, SeededEntropy, Timestamp,
};
use crate::crypto::{Algorithm, Begun, Sealer, SealingKeys, SignFault};
use crate::gate::{Farewell, Gate, RoutePlan, RouteRules};
use crate::identity::{Principal, WayIn};
use crate::observe::Metrics;
use crate::route::{Pattern, Table};
use crate::session::{
    Lifetimes, LiveStreams, MemoryStore, NewSession, ProviderTokens, SessionManager,
    SessionSettings,
};
use crate::token::{Minter, SharedSecret, Signer, TokenPlan, TokenTimes};
use crate::upstream::{Pool, PoolSettings, Protocol, Server, Timeouts};
use crate::web::{Request, Scheme};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// What no answer may ever show.
pub(crate) const CANARY: &str = "CANARY-7f3a";

/// A way in that says the same of every request.
#[derive(Debug)]
pub(crate) enum Told {
    Absent,
    Malformed,
    Unavailable,
    Unknown,
}

/// A key that fails.
#[derive(Debug)]
pub(crate) struct Broken;

/// Sessions, a clock and chance to build gates from.
pub(crate) struct World {
    pub(crate) sessions: Arc<SessionManager>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) manual: Arc<ManualClock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

#[async_trait]
impl Authenticator for Told {
    fn way_in(&self) -> WayIn {
        WayIn::Session
    }

    async fn authenticate(&self, _: &Request<'_>) -> Outcome {
        match self {
            Self::Absent => Outcome::Absent,
            Self::Malformed => Outcome::Reject(RejectReason::Malformed),
            Self::Unavailable => Outcome::Unavailable(unavailable()),
            Self::Unknown => Outcome::Reject(RejectReason::SessionUnknown),
        }
    }
}

impl Signer for Broken {
    fn key_id(&self) -> KeyId {
        KeyId::from("broken")
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDsa
    }

    fn sign_on(&self, _: &Begun, _: &[u8]) -> Result<String, SignFault> {
        // The one fault that can be had without a broken library.
        SharedSecret::new(&Secret::new(Vec::new())).map(|_| String::new())
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let manual = Arc::new(ManualClock::at(NOW));
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&manual);
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(3));
        let keys = Arc::new(SealingKeys::in_memory(&*entropy));
        let hour = Duration::from_secs(3_600);
        let settings =
            SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: hour * 12 }, hot: 100 };
        let sessions = Arc::new(SessionManager::new(
            Arc::new(MemoryStore::new(100)),
            Sealer::new(keys, Arc::clone(&entropy)),
            Arc::new(LiveStreams::new(100)),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            settings,
        ));
        Self { sessions, clock, manual, entropy }
    }

    /// Signs somebody in; the `Cookie` field of their browser.
    pub(crate) async fn sign_in(&self, who: Principal) -> String {
        self.sign_in_by(who, None, true).await
    }

    /// Signs somebody in by a context of authentication, at a moment that the provider states or not.
    pub(crate) async fn sign_in_by(
        &self,
        who: Principal,
        acr: Option<&str>,
        auth_time_stated: bool,
    ) -> String {
        let new = NewSession {
            principal: Arc::new(who),
            signed_in_by: WayIn::Oidc,
            provider: "corp".into(),
            auth_time: NOW,
            auth_time_stated,
            acr: acr.map(Into::into),
            amr: Arc::new([]),
            acrs: Arc::default(),
            tokens: ProviderTokens::default(),
        };
        let (handle, _) = self.sessions.start(new, None).await.unwrap();
        format!("theme=dark; __Host-portcullis={}", handle.to_text().expose())
    }

    /// The way in by the sessions of this world.
    pub(crate) fn by_session(&self) -> Arc<dyn Authenticator> {
        Arc::new(SessionCookie::new(CookieNames::default(), Arc::clone(&self.sessions)))
    }

    /// A gate over routes written `METHOD,METHOD host/path`.
    pub(crate) fn gate(&self, routes: Vec<(&str, RoutePlan)>) -> Gate {
        let signer = SharedSecret::new(&Secret::new(vec![5; 32])).unwrap();
        self.gate_with(Arc::new(signer), routes)
    }

    /// The same, with another key.
    pub(crate) fn gate_with(
        &self,
        signer: Arc<dyn Signer>,
        routes: Vec<(&str, RoutePlan)>,
    ) -> Gate {
        let routes = routes.into_iter().map(|(text, mut plan)| {
            plan.id = RouteId::from(text);
            (pattern(text), Arc::new(plan))
        });
        let table = Table::build(routes.collect()).unwrap();
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let times = TokenTimes { lifetime: Duration::from_secs(60), skew: Duration::from_secs(5) };
        let minter = Minter::new("https://gw.test", times, signer, Arc::clone(&clock), entropy);
        Gate::new(table, Arc::new(minter), clock)
    }
}

/// A route that people sign in to with `corp`, for those whom `authorizer` lets through.
pub(crate) fn plan(
    ways: Vec<Arc<dyn Authenticator>>,
    authorizer: impl Authorizer + 'static,
) -> RoutePlan {
    let second = Duration::from_secs(1);
    let settings = PoolSettings {
        id: "app".into(),
        servers: vec![Server { host: "192.0.2.9".to_owned(), port: 8000 }],
        tls: None,
        protocol: Protocol::Http1,
        timeouts: Timeouts {
            connect: second,
            first_byte: second,
            stream_idle: second,
            write: second,
            keep: second,
        },
    };
    RoutePlan {
        id: RouteId::from("unnamed"),
        chain: Chain::new(ways),
        authorizer: Arc::new(authorizer),
        step_up: None,
        login: vec!["corp".into()],
        resource: None,
        links: None,
        pool: Arc::new(Pool::new(settings, 1)),
        token: Some(TokenPlan::new("app")),
        preserve_host: true,
        body_bytes: 1_000,
        websocket_origins: Vec::new(),
        tab: None,
        app: None,
        strip: Vec::new(),
        rules: RouteRules::default(),
        farewell: Farewell::default(),
        metrics: Metrics::default().route(&"unnamed".into()),
    }
}

/// A route for everybody.
pub(crate) fn open() -> RoutePlan {
    plan(vec![Arc::new(Anonymous::default())], Public)
}

pub(crate) fn unavailable() -> Unavailable {
    Unavailable { dependency: "the session store", cause: CANARY.into() }
}

/// One request, owned.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) websocket: bool,
}

impl Asked {
    /// A `GET` of a path of `app.test`, with nothing else.
    pub(crate) fn get(path: &str) -> Self {
        Self {
            method: Method::GET,
            scheme: Scheme::Https,
            host: "app.test".to_owned(),
            path: path.to_owned(),
            query: None,
            headers: HeaderMap::new(),
            websocket: false,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).unwrap();
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            id: RequestId::random(&SeededEntropy::new(8)),
            method: &self.method,
            scheme: self.scheme,
            host: &self.host,
            authority: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            client: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
            peer: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
            websocket: self.websocket,
            ..Request::sample(&self.headers)
        }
    }
}

fn pattern(text: &str) -> Pattern {
    let (methods, place) = text.split_once(' ').unwrap_or(("", text));
    let (host, path) = place.split_at(place.find('/').unwrap());
    let methods: Vec<String> =
        methods.split(',').filter(|method| !method.is_empty()).map(str::to_owned).collect();
    Pattern::parse(host, path, (!methods.is_empty()).then_some(&methods[..])).unwrap()
}
