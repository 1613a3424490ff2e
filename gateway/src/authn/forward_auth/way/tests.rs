use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use super::*;
use crate::authn::conformance::{Fields, Samples, a_way_in_keeps_the_contract, ask};
use crate::authn::forward_auth::settings::Names;
use crate::base::ManualClock;
use crate::identity::ClaimMapping;
use crate::web::{FetchError, ScriptedFetch};

const URL: &str = "https://sso.test/auth";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct World {
    fetch: Arc<ScriptedFetch>,
    clock: Arc<ManualClock>,
}

fn settings() -> ForwardAuthSettings {
    let field = |claim: &str, name: &'static str| (claim.to_owned(), HeaderName::from_static(name));
    ForwardAuthSettings {
        url: URL.parse().unwrap(),
        issuer: "https://sso.test".to_owned(),
        headers: vec![http::header::AUTHORIZATION],
        cookies: vec!["sso".to_owned()],
        always: false,
        names: Names::Headers {
            fields: vec![
                field("sub", "x-user"),
                field("email", "x-email"),
                field("groups", "x-groups"),
                field("tenant", "x-tenant"),
            ],
            email_verified: false,
        },
        pass: vec![HeaderName::from_static("x-user-jwt")],
        timeout: Duration::from_secs(1),
        cache: Duration::ZERO,
    }
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        Self { fetch: Arc::default(), clock }
    }

    fn way(&self, settings: ForwardAuthSettings) -> ForwardAuth {
        ForwardAuth::new(settings, self.fetch.clone(), self.clock.clone())
    }

    fn says(&self, status: u16, fields: &[(&'static str, &str)]) {
        let mut answer = http::Response::builder().status(status);
        for (name, value) in fields {
            answer = answer.header(*name, *value);
        }
        self.fetch.respond(URL, answer.body(Bytes::new()).unwrap());
    }

    fn asked(&self) -> Vec<http::Request<Bytes>> {
        self.fetch.asked(URL)
    }
}

fn bearer() -> Fields {
    vec![("authorization", "Bearer x".to_owned())]
}

fn cause(outcome: Outcome) -> String {
    match outcome {
        Outcome::Unavailable(fault) => fault.cause.to_string(),
        other => panic!("{other:?}"),
    }
}

fn jwt(payload: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", part("{\"alg\":\"HS256\"}"), part(payload))
}

#[tokio::test]
async fn forward_auth_keeps_the_contract_of_ways_in() {
    let (well, down) = (World::new(), World::new());
    well.says(200, &[("x-user", "ann")]);
    let refused = FetchError::Connect { host: "sso.test".to_owned(), cause: "refused".to_owned() };
    down.fetch.fail(URL, refused);
    let twice = vec![("authorization", "a".to_owned()), ("authorization", "b".to_owned())];
    a_way_in_keeps_the_contract(Samples {
        way: &well.way(settings()),
        takes_everybody: false,
        way_without_dependency: Some(&down.way(settings())),
        good: vec![(bearer(), "ann"), (vec![("cookie", "sso=1; a=b".to_owned())], "ann")],
        bad: vec![
            (twice, RejectReason::Repeated),
            (vec![("cookie", "sso=1; sso=2".to_owned())], RejectReason::Repeated),
        ],
        undecided: Some(bearer()),
    })
    .await;
}

#[tokio::test]
async fn the_answer_becomes_a_principal_and_fields_for_the_upstream() {
    let world = World::new();
    world.says(
        202,
        &[
            ("x-user", "ann"),
            ("x-email", "ann@corp.test"),
            ("x-groups", "staff, ops,"),
            ("x-tenant", "t1"),
            ("x-user-jwt", "a.b.c"),
            ("x-other", "not named"),
        ],
    );
    let Outcome::Accept(proof) = ask(&world.way(settings()), &bearer()).await else { panic!() };
    let who = proof.principal();
    assert_eq!((who.issuer.as_str(), who.subject.as_str()), ("https://sso.test", "ann"));
    assert!(!who.email.as_ref().unwrap().verified, "nobody said that it is");
    assert_eq!(who.groups, ["staff", "ops"]);
    assert_eq!(who.claims["tenant"], "t1");
    let passed: Vec<_> = proof.passed().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(passed, ["x-user-jwt"]);
}

#[tokio::test]
async fn the_service_sees_what_is_named_and_nothing_else_of_the_client() {
    let world = World::new();
    world.says(200, &[("x-user", "ann")]);
    let fields = vec![
        ("authorization", "Bearer x".to_owned()),
        ("cookie", "__Host-portcullis=secret; sso=1; app=2".to_owned()),
        ("x-api-key", "key".to_owned()),
        ("x-original-uri", "/public".to_owned()),
        ("x-forwarded-user", "root".to_owned()),
    ];
    ask(&world.way(settings()), &fields).await;
    let asked = world.asked();
    let headers = asked[0].headers();
    assert_eq!((asked[0].method(), asked[0].body().len()), (&Method::GET, 0));
    assert_eq!(headers["cookie"], "sso=1");
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    let original = ["x-original-host", "x-original-method", "x-original-proto"];
    let others = ["x-original-remote-addr", "x-original-uri", "x-portcullis-hops"];
    let expected = [&["accept", "authorization", "cookie"][..], &original, &others].concat();
    assert_eq!(names, expected);
    assert_eq!(headers["x-original-uri"], "/");
    assert_eq!(headers["x-original-host"], "app.test");
    assert_eq!(headers["x-original-remote-addr"], "127.0.0.1");
}

#[tokio::test]
async fn whatever_is_not_a_clear_yes_is_a_no() {
    let world = World::new();
    let way = world.way(settings());
    for (status, reason) in [(401, RejectReason::Unknown), (403, RejectReason::Scope)] {
        world.says(status, &[("x-user", "ann")]);
        let outcome = ask(&way, &bearer()).await;
        assert!(matches!(outcome, Outcome::Reject(why) if why == reason), "{outcome:?}");
    }
    for status in [204, 301, 302, 400, 404, 407, 429, 500, 503] {
        let named: &[_] = if status == 204 { &[] } else { &[("x-user", "ann")] };
        world.says(status, named);
        cause(ask(&way, &bearer()).await);
    }
    let long = "x".repeat(9 * 1024);
    for bad in [
        &[("x-user", "")][..],
        &[("x-user", " ")],
        &[("x-user", "ann"), ("x-user", "root")],
        &[("x-user", long.as_str())],
        &[("x-user", "ann"), ("x-user-jwt", "a"), ("x-user-jwt", "b")],
        &[("x-user", "ann"), ("x-groups", "a"), ("x-groups", "admin")],
    ] {
        world.says(200, bad);
        cause(ask(&way, &bearer()).await);
    }
}

#[tokio::test]
async fn nothing_shown_and_nobody_known_leaves_it_to_the_next_way() {
    let world = World::new();
    let way = world.way(ForwardAuthSettings { always: true, ..settings() });
    world.says(200, &[("x-user", "ann")]);
    assert!(matches!(ask(&way, &vec![]).await, Outcome::Accept(_)));
    world.says(401, &[]);
    assert!(matches!(ask(&way, &vec![]).await, Outcome::Absent));
    assert!(matches!(ask(&way, &bearer()).await, Outcome::Reject(RejectReason::Unknown)));
    world.says(403, &[]);
    assert!(matches!(ask(&way, &vec![]).await, Outcome::Reject(RejectReason::Scope)));
    world.says(500, &[]);
    cause(ask(&way, &vec![]).await);
}

#[tokio::test]
async fn a_jwt_in_the_answer_names_the_person_until_it_expires() {
    let world = World::new();
    let claims = ClaimMapping { name: "display_name".to_owned(), ..ClaimMapping::default() };
    let names = Names::Jwt {
        header: HeaderName::from_static("x-user-jwt"),
        subject: "user".to_owned(),
        claims: Box::new(claims),
    };
    let cache = Duration::from_secs(60);
    let way = world.way(ForwardAuthSettings { names, cache, ..settings() });
    let exp = NOW.as_secs() + 10;
    let good = format!("{{\"user\":\"gonzalo\",\"display_name\":\"Gonzalo\",\"exp\":{exp}}}");
    world.says(200, &[("x-user-jwt", jwt(&good).as_str())]);
    let Outcome::Accept(proof) = ask(&way, &bearer()).await else { panic!() };
    assert_eq!(proof.principal().subject, "gonzalo");
    assert_eq!(proof.principal().name.as_deref(), Some("Gonzalo"));
    assert_eq!(proof.expires(), Some(Timestamp::from_secs(exp)));
    assert_eq!(proof.passed()[0].1, jwt(&good).as_str());
    world.clock.advance(Duration::from_secs(11));
    assert!(cause(ask(&way, &bearer()).await).contains("expired"), "not remembered beyond `exp`");
    for bad in ["{}", "{\"user\":7}", "{\"user\":\"\"}", "{\"user\":\"a\",\"user\":\"b\"}", "[]"] {
        world.says(200, &[("x-user-jwt", jwt(bad).as_str())]);
        cause(ask(&way, &bearer()).await);
    }
    world.says(200, &[("x-user-jwt", jwt("{\"user\":\"a\",\"exp\":\"1\"}").as_str())]);
    cause(ask(&way, &bearer()).await);
    for bad in ["", "a", "a.b", "a.b.c.d", "a.!!.c"] {
        world.says(200, &[("x-user-jwt", bad)]);
        cause(ask(&way, &bearer()).await);
    }
}

#[tokio::test]
async fn a_remembered_yes_is_for_the_very_same_question_only() {
    let world = World::new();
    world.says(200, &[("x-user", "ann")]);
    let way = world.way(ForwardAuthSettings { cache: Duration::from_secs(60), ..settings() });
    let ask_for = async |path: &str, method: Method, client: u8, token: &str| {
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(token).unwrap());
        let client = Ipv4Addr::new(192, 0, 2, client).into();
        let request =
            Request { method: &method, path, client, peer: client, ..Request::sample(&headers) };
        assert!(matches!(way.authenticate(&request).await, Outcome::Accept(_)));
        world.asked().len()
    };
    assert_eq!(ask_for("/a", Method::GET, 1, "x").await, 1);
    assert_eq!(ask_for("/a", Method::GET, 1, "x").await, 1);
    assert_eq!(ask_for("/b", Method::GET, 1, "x").await, 2);
    assert_eq!(ask_for("/a", Method::POST, 1, "x").await, 3);
    assert_eq!(ask_for("/a", Method::GET, 2, "x").await, 4);
    assert_eq!(ask_for("/a", Method::GET, 1, "y").await, 5);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(ask_for("/a", Method::GET, 1, "x").await, 6);
}

#[tokio::test]
async fn a_no_is_never_remembered() {
    let world = World::new();
    let way = world.way(ForwardAuthSettings { cache: Duration::from_secs(60), ..settings() });
    world.says(401, &[]);
    assert!(matches!(ask(&way, &bearer()).await, Outcome::Reject(_)));
    world.says(200, &[("x-user", "ann")]);
    assert!(matches!(ask(&way, &bearer()).await, Outcome::Accept(_)));
}

#[tokio::test]
async fn gateways_that_ask_each_other_in_a_circle_stop() {
    let world = World::new();
    world.says(200, &[("x-user", "ann")]);
    let way = world.way(settings());
    let with = |hops: &str| [bearer(), vec![("x-portcullis-hops", hops.to_owned())]].concat();
    assert!(matches!(ask(&way, &with("2")).await, Outcome::Accept(_)));
    assert_eq!(world.asked()[0].headers()["x-portcullis-hops"], "3");
    for over in ["3", "200", "999", "-1", "", "x"] {
        assert!(cause(ask(&way, &with(over)).await).contains("ask each other"), "{over}");
    }
    assert_eq!(world.asked().len(), 1);
}
