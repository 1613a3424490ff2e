//! Open streams when the configuration changes: those whose rules are the same go on, the others are
//! judged anew.

use serde_json::json;
use tokio::time::timeout;

use crate::support::gateway::Signal;
use crate::support::http::read_chunk;
use crate::support::issuer::TokenIssuer;
use crate::support::lab::{Lab, SITE};
use crate::support::peers;
use crate::support::raw::{Duplex, PATIENCE, Raw};
use crate::support::settings::{HOST, Route, Settings};
use crate::support::socket::{self, Ending, Socket};

const LISTED: &str = r#"allow = { groups = ["engineering"] }"#;

async fn chat(lab: &Lab, credential: &str, path: &str) -> Socket<impl Duplex + use<>> {
    let lines = [credential.to_owned(), format!("Origin: {SITE}")];
    let mut socket = socket::open(lab.gateway.http, path, &lines).await.expect("an upgrade");
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    socket
}

async fn events(lab: &Lab, path: &str) -> Raw {
    let mut raw = Raw::connect(lab.gateway.http).await;
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!(raw.answer_to("HEAD").await.unwrap().status(), 200);
    raw
}

/// Puts another configuration in force.
async fn reload(lab: &Lab, change: impl FnOnce(&mut Settings)) {
    let mut settings = lab.settings.clone();
    change(&mut settings);
    let done = |lab: &Lab| lab.gateway.printed().matches("config_reloaded").count();
    let before = done(lab);
    lab.gateway.rewrite(&settings.render());
    lab.gateway.signal(Signal::Hup).await;
    assert!(lab.gateway.has_printed("config_reloaded", before + 1).await);
}

fn set(settings: &mut Settings, path: &str, access: &'static str) {
    let route = settings.routes.iter_mut().find(|route| route.path == path).unwrap();
    route.access = access;
}

#[tokio::test]
async fn a_stream_that_would_be_refused_by_the_new_rules_ends_and_the_others_go_on() {
    let lab = Lab::start().await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let mut listed = chat(&lab, &cookie, "/engineering/ws").await;
    let mut rest = chat(&lab, &cookie, "/ws").await;
    let mut inside = chat(&lab, &cookie, "/vault/ws").await;
    let mut public = events(&lab, "/public/sse").await;
    let mut maybe = events(&lab, "/maybe/sse").await;

    // Other rules by which all of them may, and a route that is for something else.
    reload(&lab, |all| {
        set(all, "/engineering/*", r#"allow = { groups = ["engineering", "boss"] }"#);
        let other = all.routes[0].clone();
        all.routes.insert(0, Route { path: "/elsewhere/*", access: LISTED, ..other });
    })
    .await;
    for (socket, name) in [(&mut listed, "listed"), (&mut rest, "rest")] {
        let heard = socket.round_trip("still here").await;
        assert_eq!(heard.as_deref(), Some("still here"), "{name}");
    }
    assert!(read_chunk(public.stream()).await.unwrap().is_some());

    // A group is taken off, a path becomes somebody else's, visitors must sign in.
    reload(&lab, |all| {
        set(all, "/engineering/*", r#"allow = { groups = ["boss"] }"#);
        set(all, "/maybe/*", r#"access = "authenticated""#);
        let rest = all.routes.last().unwrap().clone();
        let boss = r#"allow = { groups = ["boss"] }"#;
        all.routes.insert(0, Route { path: "/vault/*", access: boss, ..rest });
    })
    .await;
    assert_eq!(listed.ending(PATIENCE).await, Some(Ending::Frame(1008)));
    assert_eq!(inside.ending(PATIENCE).await, Some(Ending::Frame(1008)));
    timeout(PATIENCE, maybe.rest()).await.expect("a visitor's stream ends").unwrap();
    assert_eq!(rest.round_trip("still here").await.as_deref(), Some("still here"));
    assert!(read_chunk(public.stream()).await.unwrap().is_some());
    assert!(lab.gateway.has_printed("\"reason\":\"policy\"", 3).await);
    assert_eq!(lab.get("/home", &[cookie]).await.status(), 200, "the session lives on");
}

#[tokio::test]
async fn a_stream_by_a_token_ends_when_its_issuer_says_something_else_or_is_gone() {
    let issuer = TokenIssuer::start().await;
    let wish = json!({ "alg": "ES256", "header": { "typ": "at+jwt" }, "claims": {
        "iss": issuer.issuer, "aud": "api", "sub": "robot", "exp": 4_000_000_000_u64, "iat": 1_700_000_000,
    }});
    let (jwks, tokens) = peers::mint(&["ES256"], &[wish]).await;
    issuer.publish(jwks);
    let section = format!(
        "[issuers.ci]\nissuer = \"{}\"\naudiences = [\"api\"]\ninsecure_http = true\n",
        issuer.issuer
    );
    let lab = Lab::with(|all| {
        all.issuers.clone_from(&section);
        let token = r#"{ audience = "agent" }"#;
        let access = r#"access = "authenticated""#;
        all.routes.insert(0, Route { path: "/api/*", auth: r#"["bearer"]"#, access, token });
    })
    .await;
    let token = format!("Authorization: Bearer {}", tokens[0]);
    let mut robot = chat(&lab, &token, "/api/ws").await;
    reload(&lab, |all| all.log = "debug".to_owned()).await;
    assert_eq!(robot.round_trip("still here").await.as_deref(), Some("still here"));
    reload(&lab, |all| {
        all.issuers = section.replace("[\"api\"]", "[\"something-else\"]");
    })
    .await;
    assert_eq!(robot.ending(PATIENCE).await, Some(Ending::Frame(1008)));
    let refused = socket::open(lab.gateway.http, "/api/ws", &[token]).await;
    assert_eq!(refused.err().map(|answer| answer.status()), Some(401));
}
