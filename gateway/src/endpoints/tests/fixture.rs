//! A gateway's pages, two scripted providers, and a browser with a cookie jar.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::authn::{Chain, CookieNames};
use crate::authz::Public;
use crate::base::{Clock, Entropy, ManualClock, RequestId, SystemEntropy, Timestamp};
use crate::crypto::{Algorithm, Encoder, Sealer, SealingKeys, SigningKey};
use crate::endpoints::{EndpointParts, Endpoints, LoginMemory, LogoutParts};
use crate::gate::{Farewell, Gate, RoutePlan, RouteRules};
use crate::identity::StepUp;
use crate::observe::Metrics;
use crate::oidc::{Provider, ProviderSettings};
use crate::route::{Pattern, Table};
use crate::session::{
    Ended, IndexKey, Lifetimes, LiveStreams, MemoryStore, OneTimeTokens, SessionKey,
    SessionManager, SessionSettings, SessionStore, StoreError, StoredSession, UsedLinks,
};
use crate::token::{Document, Keyring, Minter, Rotation, TokenTimes};
use crate::upstream::{Pool, PoolSettings, Protocol, Timeouts};
use crate::web::origin::Origin;
use crate::web::{PublicOrigins, Reply, Request, Scheme, ScriptedFetch};

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const TOKEN: &str = "https://corp.test/token";

/// The pages with all that they stand on.
pub(super) struct Fixture {
    pub(super) endpoints: Endpoints,
    pub(super) gate: Gate,
    pub(super) fetch: Arc<ScriptedFetch>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) store: Arc<Flaky>,
    pub(super) signer: Encoder,
    state: PathBuf,
}

type Keys = (Vec<SessionKey>, Option<String>);

/// A store that can be switched off.
#[derive(Debug)]
pub(super) struct Flaky {
    inner: MemoryStore,
    pub(super) down: AtomicBool,
    pub(super) walks: AtomicUsize,
}

/// A browser on one origin.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    pub(super) jar: BTreeMap<String, String>,
    pub(super) scheme: Scheme,
    pub(super) authority: &'static str,
    /// Sent with each request, over the usual ones.
    pub(super) extra: Vec<(&'static str, &'static str)>,
}

impl Browser {
    pub(super) fn new() -> Self {
        Self {
            jar: BTreeMap::new(),
            scheme: Scheme::Https,
            authority: "app.test",
            extra: Vec::new(),
        }
    }

    /// One that sends these fields too, or instead.
    pub(super) fn with(extra: &[(&'static str, &'static str)]) -> Self {
        Self { extra: extra.to_vec(), ..Self::new() }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("text/html,*/*;q=0.8"));
        let jar: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !jar.is_empty() {
            headers.insert("cookie", HeaderValue::from_str(&jar.join("; ")).unwrap());
        }
        for (name, value) in &self.extra {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn keep(&mut self, reply: &Reply) {
        for cookie in cookies(reply) {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0;") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Fixture {
    pub(super) fn new() -> Self {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        let fetch = Arc::new(ScriptedFetch::default());
        let signer = Encoder::new(SigningKey::generate(Algorithm::EdDsa).unwrap().0, "JWT");
        for host in ["corp.test", "partner.test"] {
            publish(&fetch, &signer, host);
        }
        let mut providers = Vec::new();
        for (id, name) in [("corp", "Corp & Sons <b>"), ("partner", "Partner")] {
            let mut settings = ProviderSettings::new(id.into(), format!("https://{id}.test"), "gw");
            name.clone_into(&mut settings.display_name);
            settings.allow.users =
                if id == "corp" { Vec::new() } else { vec!["somebody else".to_owned()] };
            let (fetch, clock) = (fetch.clone(), clock.clone());
            providers.push(Arc::new(Provider::new(settings, fetch, clock, entropy.clone())));
        }
        let state = std::env::temp_dir().join(format!("endpoints-{}", entropy.token::<9>()));
        let keyring = Arc::new(Keyring::open(&state, rotation(), &*clock).unwrap());
        let inner = MemoryStore::new(1_000);
        let store = Arc::new(Flaky { inner, down: false.into(), walks: 0.into() });
        let sealer = Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), entropy.clone());
        let tokens = Arc::new(OneTimeTokens::alone(sealer.clone(), &*entropy));
        let sessions = sessions(store.clone(), sealer.clone(), clock.clone());
        let [public, chat, local] =
            ["https://app.test", "https://chat.test", "http://localhost:8080"]
                .map(|text| Origin::parse(text).unwrap());
        let endpoints = Endpoints::new(EndpointParts {
            app_cookies: Vec::new(),
            logout: LogoutParts {
                used: Some(Arc::new(UsedLinks::open(&state.join("used.redb")).unwrap())),
                ..LogoutParts::default()
            },
            pomerium: false,
            providers,
            desk: None,
            sessions,
            logins: Arc::new(LoginMemory::new(None, tokens)),
            sealer,
            cookies: CookieNames::default(),
            origins: PublicOrigins::new(public, [chat, local]),
            jwks: Some(keyring.clone()),
            discovery: Document::of(&json!({ "issuer": "https://app.test" })).unwrap(),
            metrics: Arc::new(Metrics::default()),
            clock: clock.clone(),
            entropy: entropy.clone(),
            session_absolute: Duration::from_secs(43_200),
            tabs: None,
            verify: None,
        });
        let times = TokenTimes { lifetime: Duration::from_secs(60), skew: Duration::ZERO };
        let minter = Minter::new("https://app.test", times, keyring, clock.clone(), entropy);
        let gate = Gate::new(routes(), Arc::new(minter), clock.clone());
        Self { endpoints, gate, fetch, clock, store, signer, state }
    }

    pub(super) async fn get(&self, browser: &mut Browser, target: &str) -> Reply {
        self.send(browser, Method::GET, target, "").await
    }

    pub(super) async fn send(
        &self,
        browser: &mut Browser,
        method: Method,
        target: &str,
        body: &'static str,
    ) -> Reply {
        self.post(browser, method, target, Bytes::from_static(body.as_bytes())).await
    }

    pub(super) async fn post(
        &self,
        browser: &mut Browser,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Reply {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let entropy: &dyn Entropy = &SystemEntropy;
        let headers = browser.headers();
        let request = Request {
            id: RequestId::random(entropy),
            method: &method,
            scheme: browser.scheme,
            host: browser.authority.split(':').next().unwrap(),
            authority: browser.authority,
            path,
            query,
            client: [192, 0, 2, 1].into(),
            peer: [192, 0, 2, 1].into(),
            ..Request::sample(&headers)
        };
        let reply = self.endpoints.serve(&self.gate, &request, &body).await;
        browser.keep(&reply);
        reply
    }

    /// Begins a login: where the browser is sent.
    pub(super) async fn begin(&self, browser: &mut Browser, return_to: &str) -> Url {
        let target = format!("/.portcullis/login?return_to={return_to}");
        let reply = self.get(browser, &target).await;
        assert_eq!(reply.status, StatusCode::FOUND, "{}", text(&reply));
        Url::parse(location(&reply)).unwrap()
    }

    /// The person signs in at the provider: the way back. `claims` are added to the usual ones.
    pub(super) fn consent(&self, at: &Url, claims: &Value) -> String {
        let issuer = format!("https://{}", at.host_str().unwrap());
        let (secs, nonce) = (self.clock.now().as_secs(), query(at, "nonce"));
        let mut all = json!({
            "iss": issuer, "aud": "gw", "sub": "ann", "nonce": nonce, "iat": secs,
            "exp": secs + 300, "name": "Ann <script>", "email": "ann@corp.test",
            "groups": ["staff", "\"><i>"],
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let id_token = self.signer.encode(&serde_json::to_vec(&all).unwrap()).unwrap();
        let answer =
            json!({"access_token": "at-secret", "token_type": "bearer", "id_token": id_token});
        self.fetch.answer(&format!("{issuer}/token"), 200, answer.to_string());
        let back = Url::parse(&query(at, "redirect_uri")).unwrap();
        format!("{}?code=c&state={}", back.path(), query(at, "state"))
    }

    /// A whole login with the first provider.
    pub(super) async fn sign_in(&self, browser: &mut Browser, return_to: &str) -> Reply {
        let at = self.begin(browser, return_to).await;
        let back = self.consent(&at, &json!({}));
        self.get(browser, &back).await
    }

    /// A new configuration, as after a reload: the pages are new, their memory is not.
    pub(super) fn reload(&mut self) {
        self.endpoints = Endpoints::new(self.endpoints.parts.clone());
    }

    /// What `me` says to a script of the same browser.
    pub(super) async fn me(&self, browser: &Browser) -> (StatusCode, Value) {
        let mut script = browser.clone();
        script.extra.push(("accept", "application/json"));
        let reply = self.get(&mut script, "/.portcullis/me").await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

impl Flaky {
    fn check(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) { Err(StoreError::Closed) } else { Ok(()) }
    }
}

#[async_trait]
impl SessionStore for Flaky {
    async fn insert(&self, key: SessionKey, session: StoredSession) -> Result<(), StoreError> {
        self.check()?;
        self.inner.insert(key, session).await
    }
    async fn load(&self, key: SessionKey) -> Result<Option<StoredSession>, StoreError> {
        self.check()?;
        self.inner.load(key).await
    }
    async fn touch(&self, uses: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError> {
        self.check()?;
        self.inner.touch(uses).await
    }
    async fn remove(&self, key: SessionKey) -> Result<bool, StoreError> {
        self.check()?;
        self.inner.remove(key).await
    }
    async fn keys_of(&self, name: IndexKey) -> Result<Vec<SessionKey>, StoreError> {
        self.check()?;
        self.inner.keys_of(name).await
    }
    async fn keys(&self, from: Option<&str>, most: usize) -> Result<Keys, StoreError> {
        self.walks.fetch_add(1, Ordering::SeqCst);
        self.check()?;
        self.inner.keys(from, most).await
    }
    async fn sweep(&self, now: Timestamp, idle: Duration) -> Result<Vec<Ended>, StoreError> {
        self.check()?;
        self.inner.sweep(now, idle).await
    }
    fn count(&self) -> usize {
        self.inner.count()
    }
}

pub(super) fn location(reply: &Reply) -> &str {
    reply.headers.get("location").map_or("", |location| location.to_str().unwrap())
}

pub(super) fn cookies(reply: &Reply) -> Vec<String> {
    let cookies = reply.headers.get_all("set-cookie").iter();
    cookies.map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
}

pub(super) fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

pub(super) fn query(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned()
}

fn publish(fetch: &ScriptedFetch, signer: &Encoder, host: &str) {
    let at = |path: &str| format!("https://{host}/{path}");
    let metadata = json!({
        "issuer": format!("https://{host}"), "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"), "jwks_uri": at("jwks"),
        "end_session_endpoint": at("logout"), "revocation_endpoint": at("revoke"), "id_token_signing_alg_values_supported": ["EdDSA"],
    });
    fetch.answer(&at(".well-known/openid-configuration"), 200, metadata.to_string());
    let keys = json!({ "keys": [signer.key().public_jwk().unwrap()] });
    fetch.answer(&at("jwks"), 200, keys.to_string());
}

fn sessions(store: Arc<Flaky>, sealer: Sealer, clock: Arc<ManualClock>) -> Arc<SessionManager> {
    let hour = Duration::from_secs(3_600);
    let lifetimes = Lifetimes { idle: hour, absolute: hour * 12 };
    let settings = SessionSettings { lifetimes, hot: 100 };
    let live = Arc::new(LiveStreams::new(100));
    let entropy = Arc::new(SystemEntropy);
    Arc::new(SessionManager::new(store, sealer, live, clock, entropy, settings))
}

fn rotation() -> Rotation {
    Rotation {
        algorithm: Algorithm::EdDsa,
        rotate_after: Duration::from_secs(10_000),
        publish_before: Duration::from_secs(120),
        overlap: Duration::from_secs(50),
        token_lifetime: Duration::from_secs(60),
    }
}

fn routes() -> Table<Arc<RoutePlan>> {
    let mut routes = Vec::new();
    for (path, login) in [
        ("/*", &["corp"][..]),
        ("/many/*", &["partner", "corp"]),
        ("/none/*", &[]),
        ("/pay/*", &["corp"]),
    ] {
        let second = Duration::from_secs(1);
        let timeouts = Timeouts {
            connect: second,
            first_byte: second,
            stream_idle: second,
            write: second,
            keep: second,
        };
        let (id, protocol) = ("up".into(), Protocol::Http1);
        let pool = PoolSettings { id, servers: Vec::new(), tls: None, protocol, timeouts };
        let plan = RoutePlan {
            id: path.into(),
            chain: Chain::new(Vec::new()),
            authorizer: Arc::new(Public),
            step_up: (path == "/pay/*").then(|| {
                let acr_values = vec!["mfa".to_owned()];
                let max_age = Some(Duration::from_secs(300));
                Arc::new(StepUp { acr_values, max_age, ..StepUp::default() })
            }),
            login: login.iter().map(|id| (*id).into()).collect(),
            resource: None,
            links: None,
            pool: Arc::new(Pool::new(pool, 1)),
            token: None,
            preserve_host: false,
            body_bytes: 1_000,
            websocket_origins: Vec::new(),
            tab: None,
            app: None,
            strip: Vec::new(),
            rules: RouteRules::default(),
            farewell: Farewell::default(),
            metrics: Metrics::default().route(&path.into()),
        };
        routes.push((Pattern::parse("*", path, None).unwrap(), Arc::new(plan)));
    }
    Table::build(routes).unwrap()
}
