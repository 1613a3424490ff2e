//! What the micro benchmarks work on: the parts of a small deployment, made through the gateway's
//! public interface.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use portcullis::authn::api_key::{ApiKeyOwner, ApiKeyWay, ApiKeys, KeyRoutes, NewApiKey};
use portcullis::authn::{Anonymous, Authenticator, Chain, CookieNames, SessionCookie};
use portcullis::authz::{AllowAuthenticated, Authorizer, Public};
use portcullis::base::{
    Clock, Entropy, ProviderId, RequestId, RouteId, Secret, SystemClock, SystemEntropy, UpstreamId,
};
use portcullis::crypto::{Algorithm, Sealer, SealingKeys};
use portcullis::gate::{Farewell, Gate, RoutePlan, RouteRules};
use portcullis::identity::{Authenticated, Email, Permit, Principal, WayIn};
use portcullis::observe::Metrics;
use portcullis::route::{Pattern, Table};
use portcullis::session::{
    Handle, Lifetimes, LiveStreams, MemoryStore, NewSession, ProviderTokens, SessionManager,
    SessionSettings,
};
use portcullis::token::{Keyring, Minter, Rotation, SharedSecret, Signer, TokenPlan, TokenTimes};
use portcullis::upstream::{Pool, PoolSettings, Protocol, Server, Timeouts};
use portcullis::web::{Request, Scheme};

/// A folder that is gone when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

/// The header fields, method and names of a request, for [`Request`] to borrow.
#[derive(Debug)]
pub struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
}

/// The host of all routes and requests.
pub const HOST: &str = "localhost";

impl Scratch {
    /// A fresh one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        let entropy: &dyn Entropy = &SystemEntropy;
        let path = std::env::temp_dir().join(format!("portcullis-bench-{}", entropy.token::<9>()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Asked {
    /// What a browser sends for a script's call, with `cookie` if there is one.
    ///
    /// # Errors
    /// When the cookie is no header value.
    pub fn by_browser(path: &str, cookie: Option<&str>) -> Result<Self> {
        let mut headers = HeaderMap::new();
        for (name, value) in BROWSER {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(cookie) = cookie {
            headers.insert("cookie", cookie.parse()?);
        }
        Ok(Self { method: Method::GET, path: path.to_owned(), headers })
    }

    /// The same with an access token.
    ///
    /// # Errors
    /// When the token is no header value.
    pub fn with_bearer(mut self, token: &str) -> Result<Self> {
        self.headers.insert("authorization", format!("Bearer {token}").parse()?);
        Ok(self)
    }

    /// The same with a further header field.
    pub fn with(mut self, name: &'static str, value: &str) -> Result<Self> {
        self.headers.insert(name, value.parse()?);
        Ok(self)
    }

    /// The view that the gate decides on.
    pub fn request(&self) -> Request<'_> {
        Request {
            id: RequestId::random(&SystemEntropy),
            method: &self.method,
            scheme: Scheme::Http,
            host: HOST,
            authority: HOST,
            path: &self.path,
            query: None,
            headers: &self.headers,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            certificate: None,
            websocket: false,
        }
    }
}

/// The header fields of a browser's request, cookies aside.
pub const BROWSER: [(&str, &str); 12] = [
    ("host", HOST),
    ("connection", "keep-alive"),
    ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0"),
    ("accept", "*/*"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
];

/// Somebody in five groups, as a company's provider describes people.
pub fn engineer() -> Arc<Principal> {
    let groups = ["engineering", "admin", "on-call", "everybody", "location-berlin"];
    Arc::new(Principal {
        name: Some("Erin Example".to_owned()),
        preferred_username: Some("engineer".to_owned()),
        email: Some(Email { address: "engineer@example.com".to_owned(), verified: true }),
        groups: groups.map(str::to_owned).to_vec(),
        ..Principal::new("https://login.example.com", "00u1a2b3c4d5e6f7g8h9")
    })
}

/// Sessions in memory, with an empty store.
pub fn sessions() -> Arc<SessionManager> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = Arc::new(SealingKeys::in_memory(&*entropy));
    let hour = Duration::from_secs(3600);
    let settings =
        SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: 12 * hour }, hot: 100_000 };
    Arc::new(SessionManager::new(
        Arc::new(MemoryStore::new(1_000_000)),
        Sealer::new(keys, Arc::clone(&entropy)),
        Arc::new(LiveStreams::new(1000)),
        Arc::new(SystemClock),
        entropy,
        settings,
    ))
}

/// A permit of the engineer on a route, with the session that it came from.
///
/// # Errors
/// When the store fails.
pub async fn permit(sessions: &SessionManager) -> Result<Permit> {
    let handle = sign_in(sessions).await?;
    let session = sessions.find(&handle).await?.ok_or_else(|| anyhow!("the session is gone"))?;
    let (who, reference) = (Arc::clone(&session.principal), Arc::clone(session.reference()));
    let who = Authenticated::assertion(who, WayIn::Session, Some(reference));
    Ok(Permit::assertion(who, RouteId::from("app")))
}

/// Signs the engineer in.
///
/// # Errors
/// When the store fails.
pub async fn sign_in(sessions: &SessionManager) -> Result<Handle> {
    let new = NewSession {
        principal: engineer(),
        signed_in_by: WayIn::Session,
        provider: ProviderId::from("corp"),
        auth_time: SystemClock.now(),
        auth_time_stated: true,
        acr: None,
        amr: Arc::new(["pwd".to_owned()]),
        acrs: Arc::new([]),
        tokens: ProviderTokens::default(),
    };
    Ok(sessions.start(new, None).await?.0)
}

/// A signer of each kind; the key pairs lie in `state`.
///
/// # Errors
/// When no key can be made.
pub fn signer(algorithm: Algorithm, state: &Path) -> Result<Arc<dyn Signer>> {
    if algorithm == Algorithm::Hs256 {
        return Ok(Arc::new(SharedSecret::new(&Secret::new(vec![7; 32]))?));
    }
    let day = Duration::from_secs(86_400);
    let rotation = Rotation {
        algorithm,
        rotate_after: 30 * day,
        publish_before: day,
        overlap: day,
        token_lifetime: Duration::from_secs(60),
    };
    Ok(Arc::new(Keyring::open(state, rotation, &SystemClock)?))
}

/// A minter with a signer.
pub fn minter(signer: Arc<dyn Signer>) -> Minter {
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let times = TokenTimes { lifetime: Duration::from_secs(60), skew: Duration::from_secs(5) };
    Minter::new("https://app.example.com", times, signer, clock, entropy)
}

/// A gate with 100 routes that want a session and a token under `/app*/`, one whose requests share
/// the token, `/shared/*`, one without a token, `/session/*`, and a public one without a token,
/// `/plain/*`.
///
/// # Errors
/// When a route cannot be.
pub fn gate(sessions: &Arc<SessionManager>, minter: Minter) -> Result<Gate> {
    let session: Arc<dyn Authenticator> =
        Arc::new(SessionCookie::new(CookieNames::default(), Arc::clone(sessions)));
    let anonymous: Arc<dyn Authenticator> = Arc::new(Anonymous::default());
    let mut routes = Vec::new();
    for number in 0..100 {
        let token = Some(TokenPlan::new("agent"));
        let path = format!("/app{number}/*");
        routes.push(route(&path, &session, Arc::new(AllowAuthenticated), token)?);
    }
    let shared = TokenPlan { reuse: Some(Duration::from_secs(30)), ..TokenPlan::new("agent") };
    routes.push(route("/shared/*", &session, Arc::new(AllowAuthenticated), Some(shared))?);
    routes.push(route("/session/*", &session, Arc::new(AllowAuthenticated), None)?);
    routes.push(route("/plain/*", &anonymous, Arc::new(Public), None)?);
    let table = Table::build(routes).map_err(|ties| anyhow!("{} routes tie", ties.len()))?;
    Ok(Gate::new(table, Arc::new(minter), Arc::new(SystemClock)))
}

fn route(
    path: &str,
    way: &Arc<dyn Authenticator>,
    authorizer: Arc<dyn Authorizer>,
    token: Option<TokenPlan>,
) -> Result<(Pattern, Arc<RoutePlan>)> {
    let plan = RoutePlan {
        id: RouteId::from(path),
        chain: Chain::new(vec![Arc::clone(way)]),
        authorizer,
        step_up: None,
        login: Vec::new(),
        resource: None,
        links: None,
        pool: pool(),
        token,
        preserve_host: true,
        body_bytes: 1 << 20,
        websocket_origins: Vec::new(),
        tab: None,
        app: None,
        strip: Vec::new(),
        rules: RouteRules::default(),
        farewell: Farewell::default(),
        metrics: Metrics::default().route(&path.into()),
    };
    Ok((Pattern::parse(HOST, path, None)?, Arc::new(plan)))
}

fn pool() -> Arc<Pool> {
    let time = Duration::from_secs(5);
    let settings = PoolSettings {
        id: UpstreamId::from("app"),
        servers: vec![Server { host: "127.0.0.1".to_owned(), port: 9 }],
        tls: None,
        protocol: Protocol::Http1,
        timeouts: Timeouts {
            connect: time,
            first_byte: time,
            stream_idle: time,
            write: time,
            keep: time,
        },
    };
    Arc::new(Pool::new(settings, 0))
}

/// The way in by API keys, with a hundred of them, and a request with one.
pub fn api_key(state: &Scratch, sessions: &SessionManager) -> Result<(ApiKeyWay, Asked)> {
    let path = state.path().join("api-keys.redb");
    let (live, entropy) = (Arc::clone(sessions.live()), Arc::new(SystemEntropy));
    let keys = ApiKeys::open(&path, live, Arc::new(SystemClock), entropy)?;
    let mut last = None;
    for number in 0..100 {
        let owner = ApiKeyOwner {
            issuer: ApiKeyOwner::ISSUER.to_owned(),
            subject: format!("bot-{number}"),
            name: None,
            email: None,
            groups: vec!["bots".to_owned()],
        };
        let (name, scopes) = (format!("key {number}"), vec!["agent.run".to_owned()]);
        let routes = KeyRoutes::Only(vec!["app".to_owned()]);
        last = Some(keys.create(NewApiKey { name, owner, scopes, routes, expires: None })?.1);
    }
    let key = last.ok_or_else(|| anyhow!("no key"))?;
    let field = HeaderName::from_static("x-api-key");
    let scopes = ["agent.run".to_owned()];
    let way = ApiKeyWay::new(Arc::new(keys), field, RouteId::from("app"), &scopes);
    Ok((way, Asked::by_browser("/api", None)?.with("x-api-key", key.expose())?))
}
