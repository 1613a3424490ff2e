use proptest::prelude::*;

use super::*;
use crate::authn::{Anonymous, Authenticator};
use crate::authz::{Allow, AllowAuthenticated, Public};
use crate::gate::fixture::{Asked, Broken, Told, World, open, plan};
use crate::identity::{Email, Principal, WayIn};
use crate::web::origin::Origin;
use crate::web::{CanonicalPath, Scheme};

fn ann() -> Principal {
    Principal::new("https://idp.test", "ann")
}

fn anonymous() -> Arc<dyn Authenticator> {
    Arc::new(Anonymous::default())
}

async fn decide(gate: &Gate, asked: &Asked) -> Result<Admitted, Refused> {
    let request = asked.request();
    let decided = gate.decide(&request).await;
    // What is decided without waiting is what is decided with it.
    let same = gate.decide_now(&request).is_none_or(|now| match (&now, &decided) {
        (Ok(now), Ok(then)) => {
            let who = |admitted: &Admitted| admitted.permit().authenticated().principal().clone();
            Arc::ptr_eq(now.plan(), then.plan()) && who(now) == who(then)
        }
        (Err(now), Err(then)) => {
            let cause = |refused: &Refused| refused.refusal.cause();
            (cause(now), &now.subject) == (cause(then), &then.subject)
        }
        _ => false,
    });
    assert!(same, "{asked:?}");
    decided
}

async fn refusal(gate: &Gate, asked: &Asked) -> Refused {
    decide(gate, asked).await.unwrap_err()
}

async fn route(gate: &Gate, asked: &Asked) -> String {
    let admitted = decide(gate, asked).await.unwrap();
    assert_eq!(admitted.permit().route(), &admitted.plan().id);
    admitted.plan().id.to_string()
}

#[tokio::test]
async fn the_most_specific_route_decides() {
    let world = World::new();
    let routes = ["app.test/*", "app.test/a/*", "app.test/a/b", "GET app.test/m/*", "*.w.test/*"];
    let gate = world.gate(routes.into_iter().map(|text| (text, open())).collect());
    for (path, expected) in [
        ("/", "app.test/*"),
        ("/ab", "app.test/*"),
        ("/a", "app.test/a/*"),
        ("/a/c", "app.test/a/*"),
        ("/a/b", "app.test/a/b"),
        ("/a/b/c", "app.test/a/*"),
        ("/m/x", "GET app.test/m/*"),
    ] {
        assert_eq!(route(&gate, &Asked::get(path)).await, expected, "{path}");
    }
    let elsewhere = Asked { host: "x.w.test".to_owned(), ..Asked::get("/") };
    assert_eq!(route(&gate, &elsewhere).await, "*.w.test/*");
}

#[tokio::test]
async fn no_route_is_404_no_method_405_no_host_421() {
    let world = World::new();
    let gate = world.gate(vec![("GET,PUT app.test/a/*", open()), ("app.test/*", open())]);
    let post = Asked { method: http::Method::POST, ..Asked::get("/a/x") };
    let refused = refusal(&gate, &post).await;
    assert_eq!(refused.refusal.status(), 405, "a laxer route does not catch it");
    assert_eq!(refused.reply(&post.request()).headers["allow"], "GET, HEAD, PUT");
    let gate = world.gate(vec![("app.test/a/*", open())]);
    let refused = refusal(&gate, &Asked::get("/b")).await;
    assert_eq!((refused.refusal.status().as_u16(), refused.plan.is_none()), (404, true));
    for host in ["other.test", "", "app.test.evil.test", "xapp.test"] {
        let asked = Asked { host: host.to_owned(), ..Asked::get("/a") };
        assert_eq!(refusal(&gate, &asked).await.refusal.status(), 421, "{host}");
    }
}

#[tokio::test]
async fn a_credential_is_absent_bad_or_cannot_be_judged() {
    let world = World::new();
    for (told, status, cause) in [
        (Told::Absent, 401, "no credential"),
        (Told::Malformed, 401, "session: malformed"),
        (Told::Unknown, 401, "session: session_unknown"),
        (Told::Unavailable, 503, "the session store cannot be asked: CANARY-7f3a"),
    ] {
        // A weaker way behind it is not asked, other than for a credential that is not there.
        let gate = world.gate(vec![("*/*", plan(vec![Arc::new(told)], Public))]);
        let asked = Asked::get("/");
        let refused = refusal(&gate, &asked).await;
        assert_eq!((refused.refusal.status().as_u16(), &*refused.refusal.cause()), (status, cause));
        let retry = refused.reply(&asked.request()).headers.contains_key("retry-after");
        assert_eq!(retry, status == 503);
    }
}

#[tokio::test]
async fn only_an_unknown_session_is_forgiven_where_anonymous_ends_the_list() {
    let world = World::new();
    for (told, admitted) in [
        (Told::Absent, true),
        (Told::Unknown, true),
        (Told::Malformed, false),
        (Told::Unavailable, false),
    ] {
        let ways: Vec<Arc<dyn Authenticator>> = vec![Arc::new(told), anonymous()];
        let gate = world.gate(vec![("*/*", plan(ways, Public))]);
        match gate.decide(&Asked::get("/").request()).await {
            Ok(yes) => assert!(admitted && yes.permit().authenticated().is_anonymous()),
            Err(refused) => assert!(!admitted, "{refused:?}"),
        }
    }
}

#[tokio::test]
async fn an_empty_chain_and_an_empty_list_let_nobody_in() {
    let world = World::new();
    let cookie = world.sign_in(ann()).await;
    let asked = Asked::get("/").with("cookie", &cookie);
    let gate = world.gate(vec![("*/*", plan(Vec::new(), Public))]);
    assert_eq!(refusal(&gate, &asked).await.refusal.status(), 401);
    let gate = world.gate(vec![("*/*", plan(vec![world.by_session()], Allow::default()))]);
    let refused = refusal(&gate, &asked).await;
    assert_eq!(refused.refusal.status(), 403);
    assert_eq!(refused.subject.as_deref(), Some("ann"), "the audit names who was refused");
}

#[tokio::test]
async fn nobody_is_asked_to_sign_in_and_not_told_that_they_may_not() {
    let world = World::new();
    for authorizer in [false, true] {
        let ways = vec![world.by_session(), anonymous()];
        let plan =
            if authorizer { plan(ways, AllowAuthenticated) } else { plan(ways, Allow::default()) };
        let gate = world.gate(vec![("*/*", plan)]);
        let refused = refusal(&gate, &Asked::get("/")).await;
        assert!(matches!(refused.refusal, Refusal::Unauthenticated(None)), "{refused:?}");
        assert_eq!(refused.subject, None);
    }
}

#[tokio::test]
async fn a_listed_user_group_address_or_domain_is_admitted() {
    let world = World::new();
    let list = |text: &str| vec![text.to_owned()];
    let rules = [
        Allow::new(&list("ann"), &[], &[]),
        Allow::new(&list("Ann@corp.test"), &[], &[]),
        Allow::new(&[], &list("ops"), &[]),
        Allow::new(&[], &[], &list("corp.test")),
    ];
    let mail = |verified| Some(Email { address: "ann@corp.test".to_owned(), verified });
    let eve = Principal::new("https://idp.test", "eve");
    for (rule, fits, misses) in [
        (0, ann(), eve.clone()),
        (
            1,
            Principal { email: mail(true), ..eve.clone() },
            Principal { email: mail(false), ..eve.clone() },
        ),
        (
            2,
            Principal { groups: list("ops"), ..eve.clone() },
            Principal { roles: list("ops"), ..eve.clone() },
        ),
        (
            3,
            Principal { email: mail(true), ..eve.clone() },
            Principal { email: mail(false), ..eve.clone() },
        ),
    ] {
        let gate = world.gate(vec![("*/*", plan(vec![world.by_session()], rules[rule].clone()))]);
        let asked = Asked::get("/").with("cookie", &world.sign_in(fits).await);
        assert_eq!(route(&gate, &asked).await, "*/*", "rule {rule}");
        let asked = Asked::get("/").with("cookie", &world.sign_in(misses).await);
        assert_eq!(refusal(&gate, &asked).await.refusal.status(), 403, "rule {rule}");
    }
}

#[tokio::test]
async fn nothing_is_admitted_without_the_token_that_the_route_wants() {
    let world = World::new();
    let routes = || vec![("*/off", RoutePlan { token: None, ..open() }), ("*/*", open())];
    let gate = world.gate_with(Arc::new(Broken), routes());
    let asked = Asked::get("/x");
    let refused = refusal(&gate, &asked).await;
    assert!(matches!(refused.refusal, Refusal::Mint(_)));
    let reply = refused.reply(&asked.request());
    assert_eq!(reply.status, 500);
    let without = gate.decide(&Asked::get("/off").request()).await.unwrap();
    assert!(without.token().is_none() && without.facts().mint_seconds.is_none());
    // Too large counts as none.
    let mut small = open();
    small.token.as_mut().unwrap().max_bytes = 40;
    let gate = world.gate(vec![("*/*", small)]);
    assert_eq!(refusal(&gate, &asked).await.refusal.code(), "token_failed");
}

#[tokio::test]
async fn each_request_has_a_token_of_its_own() {
    let world = World::new();
    let gate = world.gate(vec![("*/*", open())]);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..50 {
        let admitted = gate.decide(&Asked::get("/").request()).await.unwrap();
        assert!(admitted.facts().mint_seconds.is_some());
        assert!(seen.insert(admitted.token().unwrap().value.clone()), "a token came twice");
    }
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_websocket() {
    let world = World::new();
    let cookie = world.sign_in(ann()).await;
    let mut listed = plan(vec![world.by_session()], AllowAuthenticated);
    listed.websocket_origins = vec![Origin::parse("https://portal.test").unwrap()];
    let gate = world.gate(vec![
        ("app.test/listed", listed),
        ("app.test/*", plan(vec![world.by_session()], AllowAuthenticated)),
    ]);
    let open = |path, origin: &str, websocket| {
        let asked = Asked::get(path).with("cookie", &cookie).with("origin", origin);
        Asked { websocket, ..asked }
    };
    for (path, origin, status) in [
        ("/", "https://app.test", 200),
        ("/", "https://app.test:443", 200),
        ("/", "https://portal.test", 403),
        ("/listed", "https://portal.test", 200),
        ("/listed", "https://evil.test", 403),
        ("/", "http://app.test", 403),
        ("/", "null", 403),
        ("/", "https://app.test.evil.test", 403),
        ("/", "", 403),
    ] {
        let asked = open(path, origin, true);
        let decided = gate.decide(&asked.request()).await;
        let got = decided.as_ref().map_or_else(|no| no.refusal.status().as_u16(), |_| 200);
        assert_eq!(got, status, "{path} {origin}");
        assert!(gate.decide(&open(path, origin, false).request()).await.is_ok(), "no WebSocket");
    }
    // A program names no origin, and needs its credential all the same.
    let program = Asked { websocket: true, ..Asked::get("/").with("cookie", &cookie) };
    assert!(gate.decide(&program.request()).await.is_ok());
    let nobody = Asked { websocket: true, ..Asked::get("/") };
    assert_eq!(refusal(&gate, &nobody).await.refusal.status(), 401);
    let both = open("/", "https://app.test", true).with("origin", "https://app.test");
    assert_eq!(refusal(&gate, &both).await.refusal.status(), 403, "two origins are none");
}

#[tokio::test]
async fn a_session_cookie_over_plain_http_is_nobody() {
    let world = World::new();
    let cookie = world.sign_in(ann()).await;
    let gate = world.gate(vec![("*/*", plan(vec![world.by_session()], Public))]);
    let secure = Asked::get("/").with("cookie", &cookie);
    let admitted = gate.decide(&secure.request()).await.unwrap();
    assert_eq!(admitted.permit().authenticated().way_in(), WayIn::Session);
    let plain = Asked { scheme: Scheme::Http, ..secure };
    assert_eq!(refusal(&gate, &plain).await.refusal.status(), 401);
}

proptest! {
    #[test]
    fn whatever_is_sent_nobody_passes_a_closed_route(
        path in "/(admin|public)?[a-z/%.;A-F0-9]{0,12}",
        host in "(app|other)\\.test",
        cookie in "(__Host-portcullis|portcullis|x)=[A-Za-z0-9_-]{0,50}",
        websocket: bool,
    ) {
        let Ok(path) = CanonicalPath::parse(&path) else { return Ok(()) };
        let world = World::new();
        let gate = world.gate(vec![
            ("app.test/*", plan(vec![world.by_session()], AllowAuthenticated)),
            ("app.test/public/*", plan(vec![world.by_session(), anonymous()], Public)),
        ]);
        let asked = Asked { host, websocket, ..Asked::get(path.as_str()).with("cookie", &cookie) };
        let decided = futures::executor::block_on(gate.decide(&asked.request()));
        if decided.is_ok() {
            let below = path.as_str().strip_prefix("/public");
            prop_assert!(below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        }
    }
}
