use std::sync::Arc;
use std::time::Duration;

use crate::authn::{Anonymous, Authenticator};
use crate::authz::{Allow, AllowAuthenticated, Public};
use crate::gate::fixture::{Asked, NOW, World, plan};
use crate::gate::{Gate, RoutePlan, RouteRules};
use crate::identity::{Authenticated, Principal, StepUp, WayIn};
use crate::session::{Handle, Session};

fn ann() -> Principal {
    let mut ann = Principal::new("https://idp.test", "ann");
    ann.groups = vec!["staff".into()];
    ann
}

fn rules(ways: &str, access: &str) -> RouteRules {
    RouteRules { ways: ways.to_owned(), access: access.to_owned() }
}

fn with(plan: RoutePlan, ways: &str, access: &str) -> RoutePlan {
    RoutePlan { rules: rules(ways, access), ..plan }
}

/// Somebody who was let in.
struct Stream {
    asked: Asked,
    bare: Asked,
    proof: Authenticated,
    rules: RouteRules,
    session: Option<Arc<Session>>,
}

impl Stream {
    async fn open(world: &World, gate: &Gate, path: &str, cookie: Option<&str>) -> Self {
        let bare = Asked::get(path);
        let mut asked = bare.clone();
        let mut session = None;
        if let Some(cookie) = cookie {
            asked = asked.with("cookie", cookie);
            let handle = Handle::parse(cookie.rsplit('=').next().unwrap()).unwrap();
            session = world.sessions.peek(&handle).await.unwrap();
        }
        let admitted = gate.decide(&asked.request()).await.unwrap();
        let proof = admitted.permit().authenticated().clone();
        Self { asked, bare, proof, rules: admitted.plan().rules.clone(), session }
    }

    /// Whether it may go on; what a new request would be told is the same where there is a session.
    async fn may(&self, gate: &Gate) -> bool {
        let session = self.session.as_deref();
        let permit = gate.again(&self.bare.request(), &self.proof, &self.rules, session);
        if session.is_some() {
            let anew = gate.decide(&self.asked.request()).await;
            assert_eq!(permit.is_some(), anew.is_ok(), "{permit:?} {anew:?}");
        }
        permit.is_some()
    }

    fn is_outdated(&self, gate: &Gate) -> bool {
        gate.is_outdated(&self.bare.request(), &self.rules)
    }
}

#[tokio::test]
async fn a_stream_is_judged_as_a_request_of_today_would_be() {
    let world = World::new();
    let cookie = world.sign_in(ann()).await;
    let session = || vec![world.by_session()];
    let signed_in = || with(plan(session(), AllowAuthenticated), "s", "authenticated");
    let gate = |plan: RoutePlan| world.gate(vec![("*/*", plan)]);
    let then = gate(signed_in());
    let stream = Stream::open(&world, &then, "/ws", Some(&cookie)).await;
    assert!(!stream.is_outdated(&then));
    assert!(!stream.is_outdated(&gate(signed_in())), "the same in another file");

    let listed = |group: &str| Allow::new(&[], &[group.to_owned()], &[]);
    let staff = gate(with(plan(session(), listed("staff")), "s", "staff"));
    assert!(stream.is_outdated(&staff) && stream.may(&staff).await);
    let bosses = gate(with(plan(session(), listed("boss")), "s", "boss"));
    assert!(stream.is_outdated(&bosses) && !stream.may(&bosses).await);
    let nobody = gate(with(plan(vec![], Public), "", "public"));
    assert!(stream.is_outdated(&nobody) && !stream.may(&nobody).await, "its way in is gone");
    let elsewhere = world.gate(vec![("*/other/*", signed_in())]);
    assert!(stream.is_outdated(&elsewhere) && !stream.may(&elsewhere).await, "no route");
    let inside = world.gate(vec![
        ("*/*", signed_in()),
        ("*/ws", with(plan(session(), listed("boss")), "s", "boss")),
    ]);
    assert!(stream.is_outdated(&inside) && !stream.may(&inside).await, "a stricter route");
    let beside = world.gate(vec![("*/*", signed_in()), ("*/x", signed_in())]);
    assert!(!stream.is_outdated(&beside), "one for something else");
}

#[tokio::test]
async fn a_session_that_is_over_lets_nothing_go_on() {
    let world = World::new();
    let cookie = world.sign_in(ann()).await;
    let gate = world.gate(vec![("*/*", plan(vec![world.by_session()], AllowAuthenticated))]);
    let stream = Stream::open(&world, &gate, "/ws", Some(&cookie)).await;
    let request = stream.bare.request();
    assert!(gate.again(&request, &stream.proof, &stream.rules, None).is_none());
}

#[tokio::test]
async fn a_sign_in_that_is_too_old_now_ends_and_a_fresh_one_ends_in_time() {
    let world = World::new();
    let cookie = world.sign_in_by(ann(), Some("mfa"), true).await;
    let open = world.gate(vec![("*/*", plan(vec![world.by_session()], AllowAuthenticated))]);
    let stream = Stream::open(&world, &open, "/ws", Some(&cookie)).await;
    let strict = |acr: &str| {
        let wanted = StepUp {
            acr_values: vec![acr.to_owned()],
            max_age: Some(Duration::from_secs(300)),
            ..StepUp::default()
        };
        let strict = plan(vec![world.by_session()], AllowAuthenticated);
        let strict = RoutePlan { step_up: Some(Arc::new(wanted)), ..strict };
        world.gate(vec![("*/*", strict)])
    };
    let permit = strict("mfa").again(
        &stream.bare.request(),
        &stream.proof,
        &stream.rules,
        stream.session.as_deref(),
    );
    let until = permit.unwrap().authenticated().expires();
    assert_eq!(until, Some(NOW.after(Duration::from_secs(360))));
    assert!(!stream.may(&strict("hw")).await, "another context is wanted");
    world.manual.advance(Duration::from_secs(360));
    assert!(!stream.may(&strict("mfa")).await);
    assert!(stream.may(&open).await);
}

/// A way that cannot say anything of somebody whose credential it does not see.
#[derive(Debug)]
struct Token;

#[async_trait::async_trait]
impl Authenticator for Token {
    fn way_in(&self) -> WayIn {
        WayIn::Bearer
    }

    async fn authenticate(&self, _: &crate::web::Request<'_>) -> crate::authn::Outcome {
        // One whose word is good for half an hour.
        let proof = Authenticated::assertion(Arc::new(ann()), WayIn::Bearer, None);
        crate::authn::Outcome::Accept(proof.until(NOW.after(Duration::from_secs(1_800))))
    }
}

#[tokio::test]
async fn what_needs_its_credential_stands_while_its_settings_do() {
    let world = World::new();
    let token = |ways: &str, access: &str| {
        let plan = match access {
            "public" => plan(vec![Arc::new(Token)], Public),
            _ => plan(vec![Arc::new(Token)], Allow::new(&["ben".to_owned()], &[], &[])),
        };
        world.gate(vec![("*/*", with(plan, ways, access))])
    };
    let stream = Stream::open(&world, &token("one", "public"), "/sse", None).await;
    let same = token("one", "public");
    assert!(!stream.is_outdated(&same) && stream.may(&same).await);
    assert!(stream.is_outdated(&token("two", "public")));
    assert!(!stream.may(&token("two", "public")).await, "the issuer may be another one");
    assert!(!stream.may(&token("one", "ben")).await);

    let anybody = |access: &str| {
        let ways: Vec<Arc<dyn Authenticator>> = vec![Arc::new(Anonymous::default())];
        let plan = match access {
            "public" => plan(ways, Public),
            _ => plan(ways, AllowAuthenticated),
        };
        world.gate(vec![("*/*", with(plan, access, access))])
    };
    let stream = Stream::open(&world, &anybody("public"), "/sse", None).await;
    assert!(stream.may(&anybody("public")).await);
    assert!(!stream.may(&anybody("authenticated")).await);
}
