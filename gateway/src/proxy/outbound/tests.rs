use std::sync::Arc;
use std::time::Duration;

use http::Method;
use proptest::prelude::*;

use super::*;
use crate::authn::{Authenticator, CookieNames, Outcome};
use crate::authz::AllowAuthenticated;
use crate::crypto::{Sealer, SealingKeys, Tagger};
use crate::endpoints::{EndpointParts, Endpoints, LoginMemory, LogoutParts};
use crate::gate::AppPlan;
use crate::gate::fixture::{Asked, World, open, plan};
use crate::http1::HeadLimits;
use crate::identity::{Authenticated, Fact, Principal, WayIn};
use crate::observe::Metrics;
use crate::session::OneTimeTokens;
use crate::token::Document;
use crate::web::forwarded::Trusted;
use crate::web::origin::Origin;
use crate::web::{Host, PublicOrigins, Scheme};

const ID_SEED: u64 = 8;
pub(in crate::proxy) const TOKEN: &str = "x-agent-jwt";

/// A configuration with one route that names a token header and a header to strip of its own.
pub(in crate::proxy) fn snapshot() -> Snapshot {
    snapshot_of(open())
}

/// The same for somebody, with all that an application can want: plain fields, a bearer token, a cookie
/// with the token, cookies of its own.
pub(in crate::proxy) fn snapshot_of_app() -> Snapshot {
    let keys = Arc::new(SealingKeys::in_memory(&crate::base::SeededEntropy::new(5)));
    let mut plan = plan(vec![Arc::new(Ann)], AllowAuthenticated);
    let token = plan.token.as_mut().unwrap();
    (token.bearer, token.cookie) = (true, Some("access_token".to_owned()));
    // As the composition root does with what a route says.
    plan.strip = ["x-who", "x-name", "x-mail"].map(HeaderName::from_static).to_vec();
    plan.app = Some(Box::new(AppPlan {
        fields: vec![
            (HeaderName::from_static("x-who"), Fact::Subject),
            (HeaderName::from_static("x-name"), Fact::Name),
            (HeaderName::from_static("x-mail"), Fact::Email),
        ],
        max_groups: 1,
        replaced: vec!["a*".parse().unwrap(), "access_token".parse().unwrap()],
        bound: vec!["b*".parse().unwrap()],
        logout: Vec::new(),
        login: Vec::new(),
        front: "/".to_owned(),
        own: CookieNames::default(),
        tagger: Tagger::new(keys),
        upstream: "app".to_owned(),
    }));
    snapshot_of(plan)
}

/// Somebody, whatever is asked.
#[derive(Debug)]
struct Ann;

#[async_trait::async_trait]
impl Authenticator for Ann {
    fn way_in(&self) -> WayIn {
        WayIn::Session
    }

    async fn authenticate(&self, _: &crate::web::Request<'_>) -> Outcome {
        let mut ann = Principal::new("https://idp.test", "ann-1");
        ann.name = Some("Ann \u{e9}".to_owned());
        Outcome::Accept(Authenticated::assertion(Arc::new(ann), WayIn::Session, None))
    }
}

/// What the gate says of a request with these fields.
pub(in crate::proxy) fn admitted(snapshot: &Snapshot, headers: &HeaderMap) -> Admitted {
    let asked = Asked { headers: headers.clone(), ..Asked::get("/a%2A/b") };
    futures::executor::block_on(snapshot.gate.decide(&asked.request())).unwrap()
}

fn snapshot_of(mut plan: RoutePlan) -> Snapshot {
    let World { sessions, clock, entropy, .. } = World::new();
    plan.token.as_mut().unwrap().header = Some(HeaderName::from_static(TOKEN));
    plan.strip.push(HeaderName::from_static("x-corp-badge"));
    let gate = World::new().gate(vec![("*/*", plan)]);
    let second = Duration::from_secs(1);
    let sealer = Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), Arc::clone(&entropy));
    let endpoints = Endpoints::new(EndpointParts {
        app_cookies: Vec::new(),
        pomerium: false,
        logins: Arc::new(LoginMemory::new(
            None,
            Arc::new(OneTimeTokens::alone(sealer.clone(), &*entropy)),
        )),
        logout: LogoutParts::default(),
        providers: Vec::new(),
        desk: None,
        sessions,
        sealer,
        cookies: CookieNames::default(),
        origins: PublicOrigins::new(Origin::parse("https://app.test").unwrap(), []),
        jwks: None,
        discovery: Document::discovery("https://app.test", "https://app.test/k", &[]).unwrap(),
        metrics: Arc::new(Metrics::default()),
        clock,
        entropy,
        session_absolute: second,
        tabs: None,
        verify: None,
    });
    Snapshot {
        gate,
        endpoints,
        cookies: CookieNames::default(),
        trusted: Trusted::default(),
        head: HeadLimits { bytes: 65_536, fields: 100 },
        body_time: second,
        client_time: second,
        idle: second,
        https_port: None,
        sites: None,
        access_log: false,
        http2_upstreams: false,
    }
}

pub(in crate::proxy) fn inbound() -> Inbound {
    Inbound {
        method: Method::GET,
        scheme: Scheme::Https,
        host: Host::parse("app.test:8443").unwrap(),
        path: "/a%2A/b".to_owned(),
        query: Some("q=%41".to_owned()),
        client: [198, 51, 100, 7].into(),
        peer: [198, 51, 100, 7].into(),
        certificate: None,
        websocket: false,
    }
}

pub(in crate::proxy) fn id() -> RequestId {
    RequestId::random(&crate::base::SeededEntropy::new(ID_SEED))
}

/// What the upstream is sent of these fields, and the token that belongs to it; prepared twice.
pub(in crate::proxy) fn sent(fields: &[(String, String)]) -> (RequestHeader, HeaderValue) {
    sent_by(&snapshot(), fields)
}

/// The same by a snapshot of choice.
pub(in crate::proxy) fn sent_by(
    snapshot: &Snapshot,
    fields: &[(String, String)],
) -> (RequestHeader, HeaderValue) {
    let mut asked = RequestHeader::build("GET", b"/elsewhere", None).unwrap();
    for (name, value) in fields {
        asked.append_header(name.clone(), value.clone()).unwrap();
    }
    let (client, inbound) = (asked.headers.clone(), inbound());
    let admitted = admitted(snapshot, &client);
    let mut upstream = asked.clone();
    prepare(&mut upstream, &client, &inbound, &admitted, snapshot, id()).unwrap();
    let mut again = upstream.clone();
    prepare(&mut again, &client, &inbound, &admitted, snapshot, id()).unwrap();
    assert_eq!(again.headers, upstream.headers, "a second try is sent the same");
    assert_eq!(again.uri, upstream.uri);
    (upstream, admitted.token().unwrap().value.clone())
}

pub(in crate::proxy) fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_upstream_is_sent_what_was_decided_on() {
    let (upstream, token) = sent(&owned(&[("Host", "evil.test"), ("TE", "trailers")]));
    assert_eq!(upstream.uri.to_string(), "/a%2A/b?q=%41");
    for (name, value) in [
        ("host", "app.test:8443"),
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.test:8443"),
        ("x-request-id", id().as_str()),
        ("te", "trailers"),
        (TOKEN, token.to_str().unwrap()),
    ] {
        let values: Vec<_> = upstream.headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
}

#[test]
fn the_plans_own_names_are_ours_to_set_in_every_spelling() {
    let spellings = ["X-Agent-JWT", "x_agent_jwt", "X.Agent.Jwt", "X-Corp-Badge", "x_corp-badge"];
    let fields: Vec<_> =
        spellings.iter().map(|name| ((*name).to_owned(), "forged".to_owned())).collect();
    let (upstream, _) = sent(&fields);
    assert!(upstream.headers.values().all(|value| value != "forged"), "{:?}", upstream.headers);
}

#[test]
fn an_ordinary_field_passes_as_it_was_sent() {
    let fields = owned(&[
        ("Authorization", "Bearer of-the-app"),
        ("Accept", "a"),
        ("Accept", "b"),
        ("X-Requested-With", "x"),
        ("Traceparent", "00-1"),
    ]);
    let (upstream, _) = sent(&fields);
    for (name, value) in &fields {
        assert!(upstream.headers.get_all(name.as_str()).iter().any(|kept| kept == value));
    }
}

#[test]
fn an_application_cannot_plant_our_cookie() {
    let snapshot = snapshot();
    let request = Asked::get("/");
    let admitted = futures::executor::block_on(snapshot.gate.decide(&request.request())).unwrap();
    let mut answer = ResponseHeader::build(200, None).unwrap();
    for cookie in [
        "__Host-portcullis=x; Path=/; Secure",
        " portcullis = x",
        "portcullis-login=x",
        "theme=dark; Path=/",
        "portcullis2=kept",
        "__Host-portcullis",
    ] {
        answer.append_header("set-cookie", cookie).unwrap();
    }
    answer.append_header("x-debug-user-jwt", "forged").unwrap();
    finish(&mut answer, &admitted, &snapshot, id()).unwrap();
    let kept: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(kept, ["theme=dark; Path=/", "portcullis2=kept"]);
    assert!(!answer.headers.contains_key("x-debug-user-jwt"));
    assert_eq!(answer.headers["x-request-id"], id().as_str());
}

/// Header names that claim something, in any spelling, and names that do not.
pub(in crate::proxy) fn name() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "x-user-jwt",
        "x-agent-jwt",
        "x-corp-badge",
        "x-forwarded-for",
        "x-forwarded-user",
        "x-request-id",
        "remote-user",
        "forwarded",
        "x-real-ip",
        "x-debug-user-jwt",
        "x-portcullis-any",
        "x-who",
        "x-name",
        "x-mail",
        "ssl-client-cert",
        "accept",
        "x-requested-with",
        "authorization",
    ]);
    (known, any::<u64>()).prop_map(|(known, spelling)| {
        let respell = |(place, octet): (usize, char)| match (octet, spelling >> (2 * place) & 3) {
            ('-', 1) => '_',
            ('-', 2) => '.',
            (letter, 3) => letter.to_ascii_uppercase(),
            (same, _) => same,
        };
        known.chars().enumerate().map(respell).collect()
    })
}

/// Cookies, ours among them.
pub(in crate::proxy) fn cookies() -> impl Strategy<Value = Vec<(bool, String)>> {
    let ours = proptest::sample::select(vec![
        "__Host-portcullis",
        "portcullis",
        "__Host-portcullis-login",
        "portcullis-login",
    ]);
    let ours =
        (ours, "[a-zA-Z0-9_-]{0,8}").prop_map(|(name, value)| (true, format!("{name}={value}")));
    let foreign = "[a-m]{1,6}(=[!-+<-~--:]{0,8}|=\"[a-z ]{0,3}\"|)".prop_map(|pair| (false, pair));
    proptest::collection::vec(prop_oneof![ours, foreign], 0..8)
}

proptest! {
    #[test]
    fn no_claim_of_a_client_and_no_cookie_of_ours_reaches_an_upstream(
        names in proptest::collection::vec(name(), 0..8),
        cookies in proptest::collection::vec(cookies(), 0..3),
    ) {
        let mut fields: Vec<_> =
            names.into_iter().map(|name| (name, "forged".to_owned())).collect();
        for field in &cookies {
            let pairs: Vec<_> = field.iter().map(|(_, pair)| pair.as_str()).collect();
            fields.push(("cookie".to_owned(), pairs.join("; ")));
        }
        let (upstream, token) = sent(&fields);
        let headers = &upstream.headers;
        for (name, value) in headers {
            let folded = name.as_str().replace('.', "-");
            let plain = matches!(
                &*folded,
                "accept" | "x-requested-with" | "authorization" | "x-who" | "x-name" | "x-mail"
            );
            prop_assert!(plain || value != "forged", "{}", name);
            prop_assert!(!name.as_str().contains('_'));
        }
        let tokens: Vec<_> =
            headers.iter().filter(|(_, value)| *value == token).map(|(name, _)| name).collect();
        prop_assert_eq!(tokens, [TOKEN]);
        prop_assert_eq!(headers.get_all(TOKEN).iter().count(), 1);
        let foreign: Vec<_> = cookies
            .iter()
            .flatten()
            .filter_map(|(ours, pair)| (!ours).then_some(pair.as_str()))
            .collect();
        let kept = headers.get_all(COOKIE).iter().map(|kept| kept.to_str().unwrap());
        let kept: Vec<_> = kept.collect();
        prop_assert_eq!(kept.join("|"), foreign.join("; "));
    }
}
