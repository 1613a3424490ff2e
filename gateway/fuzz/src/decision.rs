//! A request that anybody may have sent, from its lines to the decision.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::executor::block_on;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use portcullis::authn::{Anonymous, Authenticator, Chain, CookieNames, SessionCookie};
use portcullis::authz::{Allow, AllowAuthenticated, Authorizer, Public};
use portcullis::base::{
    Clock, Entropy, KeyId, ManualClock, RequestId, RouteId, SeededEntropy, Timestamp,
};
use portcullis::crypto::{Algorithm, Begun, Sealer, SealingKeys, SignFault};
use portcullis::gate::{Admitted, Farewell, Gate, Refused, RoutePlan, RouteRules};
use portcullis::identity::{Principal, WayIn};
use portcullis::observe::Metrics;
use portcullis::route::{Pattern, Table};
use portcullis::session::{
    Lifetimes, LiveStreams, MemoryStore, NewSession, ProviderTokens, SessionManager,
    SessionSettings,
};
use portcullis::token::{Minter, Signer, TokenPlan, TokenTimes};
use portcullis::upstream::{Pool, PoolSettings, Protocol, Server, Timeouts};
use portcullis::web::handshake::{Upgrade, upgrade};
use portcullis::web::{CanonicalPath, Host, Request, Scheme, query_fault};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
/// Routes, and whether nobody in particular may enter.
const ROUTES: [(&str, bool); 4] = [
    ("app.test/*", false),
    ("app.test/public/*", true),
    ("app.test/read/*", false),
    ("*.w.test/*", true),
];
/// What a header field of an input writes for the handle of a session that is alive.
pub const HANDLE: &str = "$HANDLE";

/// A gate, somebody who is signed in, and a pen that writes down what is signed.
#[derive(Debug)]
struct World {
    gate: Gate,
    handle: String,
    pen: Arc<Pen>,
}

#[derive(Debug, Default)]
struct Pen(Mutex<String>);

impl Signer for Pen {
    fn key_id(&self) -> KeyId {
        KeyId::from("pen")
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDsa
    }

    fn sign_on(&self, begun: &Begun, rest: &[u8]) -> Result<String, SignFault> {
        let mut claims = URL_SAFE_NO_PAD.decode(begun.encoded()).unwrap();
        claims.extend_from_slice(rest);
        *self.0.lock().unwrap() = String::from_utf8(claims).unwrap();
        Ok("header.claims.signature".to_owned())
    }
}

thread_local! {
    static WORLD: World = World::new();
}

/// Decides on a request: scheme and method, host, target, header fields, one a line.
pub fn run(raw: &[u8]) {
    WORLD.with(|world| world.run(raw));
}

impl World {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(3));
        let hour = Duration::from_secs(3_600);
        let sessions = Arc::new(SessionManager::new(
            Arc::new(MemoryStore::new(10)),
            Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), Arc::clone(&entropy)),
            Arc::new(LiveStreams::new(10)),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: hour }, hot: 10 },
        ));
        let ann = NewSession {
            principal: Arc::new(Principal::new("https://idp.test", "ann")),
            signed_in_by: WayIn::Oidc,
            provider: "corp".into(),
            auth_time: NOW,
            auth_time_stated: true,
            acr: None,
            amr: Arc::new([]),
            acrs: Arc::default(),
            tokens: ProviderTokens::default(),
        };
        let (handle, _) = block_on(sessions.start(ann, None)).unwrap();
        let routes = ROUTES.map(|route| plan(route, &sessions));
        let pen = Arc::new(Pen::default());
        let signer = Arc::clone(&pen) as Arc<dyn Signer>;
        let times = TokenTimes { lifetime: Duration::from_secs(60), skew: Duration::from_secs(5) };
        let minter = Minter::new("https://gw.test", times, signer, Arc::clone(&clock), entropy);
        let gate = Gate::new(Table::build(routes.into()).unwrap(), Arc::new(minter), clock);
        Self { gate, handle: handle.to_text().expose().clone(), pen }
    }

    fn run(&self, raw: &[u8]) {
        let text = String::from_utf8_lossy(raw);
        let mut lines = text.split('\n');
        let first = lines.next().unwrap_or_default();
        let (scheme, method) = match first.split_once(' ') {
            Some(("http", method)) => (Scheme::Http, method),
            Some((_, method)) => (Scheme::Https, method),
            None => (Scheme::Https, first),
        };
        let Ok(method) = Method::from_bytes(method.as_bytes()) else { return };
        let Ok(host) = Host::parse(lines.next().unwrap_or_default()) else { return };
        let target = lines.next().unwrap_or_default();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let Ok(path) = CanonicalPath::parse(path) else { return };
        if query.is_some_and(|query| query_fault(query).is_some()) {
            return;
        }
        let headers = self.fields(lines);
        let websocket = match upgrade(&method, Version::HTTP_11, &headers) {
            Upgrade::WebSocket => true,
            Upgrade::None | Upgrade::Other => false,
            Upgrade::Refused(_) => return,
        };
        let request = Request {
            id: RequestId::random(&SeededEntropy::new(1)),
            method: &method,
            scheme,
            host: host.name(),
            authority: host.authority(),
            path: path.as_str(),
            query,
            headers: &headers,
            client: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
            peer: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
            certificate: None,
            websocket,
        };
        match block_on(self.gate.decide(&request)) {
            Ok(admitted) => self.check_admitted(&admitted, &request),
            Err(refused) => self.check_refused(&refused, &request),
        }
    }

    fn fields<'a>(&self, lines: impl Iterator<Item = &'a str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines.take(64).filter_map(|line| line.split_once(':')) {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = value.trim().replace(HANDLE, &self.handle);
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
                headers.append(name, value);
            }
        }
        headers
    }

    fn check_admitted(&self, admitted: &Admitted, request: &Request<'_>) {
        let route = admitted.plan().id.as_str();
        assert_eq!(admitted.permit().route().as_str(), route);
        assert_eq!(Some(route), expected(request.host, request.path));
        let who = admitted.permit().authenticated();
        if who.is_anonymous() {
            assert!(ROUTES.contains(&(route, true)), "{route} let nobody in");
        } else {
            assert_eq!(who.principal().subject, "ann");
            assert_eq!(request.scheme, Scheme::Https);
            let cookies = request.headers.get_all("cookie");
            let mut sent = cookies.iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
            assert!(sent.any(|line| line.contains(&self.handle)), "no handle was sent");
        }
        if route == "app.test/read/*" {
            assert!(matches!(*request.method, Method::GET | Method::HEAD));
        }
        // What is forwarded is what was judged, and the token says so.
        let again = CanonicalPath::parse(request.path).expect("a canonical path stays one");
        assert_eq!(again.as_str(), request.path);
        assert_eq!(admitted.token().expect("a token").value, "header.claims.signature");
        let claims = self.pen.0.lock().unwrap();
        if claims.contains("\"path\":") {
            assert!(claims.contains(&format!("\"path\":\"{}\"", request.path)), "{claims}");
        }
        assert!(!claims.contains(&self.handle), "the token holds the handle");
    }

    fn check_refused(&self, refused: &Refused, request: &Request<'_>) {
        for reply in [refused.reply(request), refused.bare_reply()] {
            assert!(!reply.headers.contains_key("set-cookie"));
            let body = String::from_utf8_lossy(&reply.body);
            assert!(!body.contains("<script>"), "{body}");
        }
        if refused.refusal.status() == 421 {
            assert_eq!(expected(request.host, request.path), None);
        }
    }
}

/// The route that a request is for, found without the table.
fn expected(host: &str, path: &str) -> Option<&'static str> {
    let under = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match host {
        "app.test" if under("/public") => Some("app.test/public/*"),
        "app.test" if under("/read") => Some("app.test/read/*"),
        "app.test" => Some("app.test/*"),
        _ => host.strip_suffix(".w.test").filter(|name| !name.is_empty()).map(|_| "*.w.test/*"),
    }
}

fn plan((name, open): (&str, bool), sessions: &Arc<SessionManager>) -> (Pattern, Arc<RoutePlan>) {
    let second = Duration::from_secs(1);
    let session = SessionCookie::new(CookieNames::default(), Arc::clone(sessions));
    let mut ways: Vec<Arc<dyn Authenticator>> = vec![Arc::new(session)];
    let mut authorizer: Arc<dyn Authorizer> = Arc::new(AllowAuthenticated);
    let mut methods = None;
    if open {
        ways.push(Arc::new(Anonymous::default()));
        authorizer = Arc::new(Public);
    } else if name.contains("/read/") {
        authorizer = Arc::new(Allow::new(&["ann".to_owned()], &[], &[]));
        methods = Some(["GET".to_owned()]);
    }
    let timeouts = Timeouts {
        connect: second,
        first_byte: second,
        stream_idle: second,
        write: second,
        keep: second,
    };
    let settings = PoolSettings {
        id: "app".into(),
        servers: vec![Server { host: "192.0.2.9".to_owned(), port: 8000 }],
        tls: None,
        protocol: Protocol::Http1,
        timeouts,
    };
    let (host, path) = name.split_at(name.find('/').unwrap());
    let plan = RoutePlan {
        id: RouteId::from(name),
        chain: Chain::new(ways),
        authorizer,
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
        metrics: Metrics::default().route(&name.into()),
    };
    (Pattern::parse(host, path, methods.as_ref().map(|only| &only[..])).unwrap(), Arc::new(plan))
}
