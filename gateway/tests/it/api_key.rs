//! Keys of ours: they open what they are for, at once and no longer than they are good.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::admin::{command, make_key, refused};
use crate::support::forge::claims;
use crate::support::lab::{Lab, SITE};
use crate::support::promise;
use crate::support::raw::{PATIENCE, Raw};
use crate::support::settings::{HOST, Route};
use crate::support::socket::{self, Ending};

/// `/api/*` and `/jobs/*` take keys, `/scoped/*` those with the scope `write`, `/both/*` sessions too.
async fn lab(more: &'static str) -> Lab {
    Lab::with(|settings| {
        settings.issuers = more.to_owned();
        settings.log = "trace".to_owned();
        let keys = Route {
            path: "/api/*",
            auth: r#"["api_key"]"#,
            access: r#"access = "authenticated""#,
            token: r#"{ audience = "agent" }"#,
        };
        let routes = [
            Route { path: "/jobs/*", ..keys.clone() },
            Route {
                path: "/scoped/*",
                access: "scopes = [\"write\"]\naccess = \"authenticated\"",
                ..keys.clone()
            },
            Route { path: "/both/*", auth: r#"["api_key", "session"]"#, ..keys.clone() },
            Route { path: "/bots/*", access: r#"allow = { groups = ["bots"] }"#, ..keys.clone() },
            keys,
        ];
        settings.routes.splice(0..0, routes);
    })
    .await
}

fn with(key: &str) -> Vec<String> {
    vec![format!("X-API-Key: {key}")]
}

#[tokio::test]
async fn a_key_opens_its_routes_and_goes_no_further() {
    let lab = lab("").await;
    let words = ["--route", "api", "--route", "scoped", "--route", "bots", "--group", "bots"];
    let more = ["--scope", "write", "--email", "ci@corp.test", "--owner-name", "CI"];
    let (key, id) = make_key(&lab.gateway, &[&words[..], &more].concat()).await;
    for path in ["/api/x", "/scoped/x", "/bots/x"] {
        let answer = lab.get(path, &with(&key)).await;
        assert_eq!(answer.status(), 200, "{path} {}", answer.text());
        let seen = lab.recorder.last();
        assert_eq!(seen.header("x-api-key"), None);
        assert!(!format!("{seen:?}").contains(&key), "the key goes to no application");
    }
    let minted = claims(&lab.last_token());
    assert_eq!(minted["sub"], "ci-bot");
    assert_eq!(minted["idp"], "urn:portcullis:api-key");
    assert_eq!(
        (&minted["auth_method"], &minted["api_key"]),
        (&"api_key".into(), &id.clone().into())
    );
    assert_eq!((&minted["email"], &minted["name"]), (&"ci@corp.test".into(), &"CI".into()));
    assert!(!minted.to_string().contains(&key));
    assert_eq!(lab.get("/jobs/x", &with(&key)).await.status(), 403, "not its route");
    let (unscoped, _) = make_key(&lab.gateway, &["--all-routes"]).await;
    let answer = lab.get("/scoped/x", &with(&unscoped)).await;
    assert_eq!((answer.status(), &answer.json()["error"]), (403, &"insufficient_scope".into()));
    assert_eq!(lab.get("/jobs/x", &with(&unscoped)).await.status(), 200);
    // Elsewhere it is an application's own field, and opens nothing.
    assert_eq!(lab.get("/home", &with(&key)).await.status(), 401);
    assert_eq!(lab.get(&format!("/api/x?key={key}"), &[]).await.status(), 401);
    // At level `trace`.
    assert!(lab.gateway.has_printed("api_key.create", 2).await);
    let printed = lab.gateway.printed();
    let secret = key.get(17..60).unwrap();
    let line = printed.lines().find(|line| line.contains(secret) && !line.contains("/api/x?key"));
    assert_eq!(line, None, "the log holds a key");
}

#[tokio::test]
async fn unknown_wrong_revoked_and_expired_keys_get_one_answer() {
    let lab = lab("").await;
    let (good, _) = make_key(&lab.gateway, &["--all-routes"]).await;
    let (revoked, gone) = make_key(&lab.gateway, &["--all-routes"]).await;
    command(&lab.gateway, &["api-keys", "revoke", &gone]).await;
    let (disabled, off) = make_key(&lab.gateway, &["--all-routes"]).await;
    command(&lab.gateway, &["api-keys", "disable", &off]).await;
    let (expired, _) = make_key(&lab.gateway, &["--all-routes", "--expires", "50ms"]).await;
    sleep(Duration::from_millis(60)).await;
    // Of another gateway: of the right form, with a right checksum.
    let unknown = "pck_0123456789AB_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa3jKgbO";
    assert_eq!(lab.get("/api/x", &with(&good)).await.status(), 200);
    let mut answers = Vec::new();
    for key in [&*revoked, &disabled, &expired, unknown, "pck_x", "hunter2"] {
        let answer = lab.get("/api/x", &with(key)).await;
        let mut body = answer.json();
        body["request_id"] = "".into();
        let challenge: Vec<_> = answer.headers.all("www-authenticate").map(str::to_owned).collect();
        answers.push((answer.status(), challenge, body));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers[0].1[0].starts_with("ApiKey realm="), "{:?}", answers[0].1);
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    let twice = [with(&good), with(&good)].concat();
    assert_eq!(lab.get("/api/x", &twice).await.status(), 401, "two keys are none");
    for cause in ["api_key: revoked", "api_key: disabled", "api_key: expired"] {
        assert!(lab.gateway.has_printed(cause, 1).await, "the audit tells them apart: {cause}");
    }
}

#[tokio::test]
async fn revoking_a_key_ends_what_it_has_opened() {
    let lab = lab("").await;
    promise::is_kept(Duration::from_secs(2), async || a_revocation(&lab).await).await;
}

/// How long it takes until all streams of a key are closed, the command's start included.
async fn a_revocation(lab: &Lab) -> Duration {
    let (key, id) = make_key(&lab.gateway, &["--all-routes"]).await;
    let (other, _) = make_key(&lab.gateway, &["--all-routes"]).await;
    let lines = |key: &str| [with(key), vec![format!("Origin: {SITE}")]].concat();
    let mut socket = socket::open(lab.gateway.http, "/api/ws", &lines(&key)).await.unwrap();
    let mut staying = socket::open(lab.gateway.http, "/api/ws", &lines(&other)).await.unwrap();
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    let mut events = Raw::connect(lab.gateway.http).await;
    events
        .send(format!(
            "GET /api/sse HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n\
             X-API-Key: {key}\r\n\r\n"
        ))
        .await;
    assert_eq!(events.answer_to("HEAD").await.unwrap().status(), 200);
    // The sweep comes by each second, and these are no sessions of its.
    sleep(Duration::from_millis(1200)).await;
    assert_eq!(socket.round_trip("still").await.as_deref(), Some("still"));
    let begun = Instant::now();
    command(&lab.gateway, &["api-keys", "revoke", &id]).await;
    let ending = socket.ending(PATIENCE).await.expect("the socket ends");
    assert!(matches!(ending, Ending::Frame(1008)), "{ending:?}");
    timeout(PATIENCE, events.rest()).await.expect("the event stream ends").unwrap();
    let took = begun.elapsed();
    println!("revoke to closed: {took:?}");
    assert_eq!(lab.get("/api/x", &with(&key)).await.status(), 401);
    assert_eq!(staying.round_trip("hello").await.as_deref(), Some("hello"));
    took
}

#[tokio::test]
async fn a_stream_ends_with_the_time_of_its_key() {
    let lab = lab("").await;
    let (key, _) = make_key(&lab.gateway, &["--all-routes", "--expires", "6s"]).await;
    let lines = [with(&key), vec![format!("Origin: {SITE}")]].concat();
    let mut socket = socket::open(lab.gateway.http, "/api/ws", &lines).await.unwrap();
    assert!(socket.ending(PATIENCE).await.is_some(), "it outlives its key");
}

#[tokio::test]
async fn keys_and_their_end_survive_a_power_cut() {
    let lab = lab("").await;
    let (key, _) = make_key(&lab.gateway, &["--all-routes"]).await;
    let (revoked, gone) = make_key(&lab.gateway, &["--all-routes"]).await;
    command(&lab.gateway, &["api-keys", "revoke", &gone]).await;
    let mut lab = lab.crash().await;
    assert_eq!(lab.get("/api/x", &with(&key)).await.status(), 200);
    assert_eq!(lab.get("/api/x", &with(&revoked)).await.status(), 401);
    let list = command(&lab.gateway, &["api-keys", "list", "--json"]).await;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let used = list["api_keys"].as_array().unwrap().iter().filter(|it| !it["last_used"].is_null());
    assert_eq!(used.count(), 1, "{list:#}");
    assert!(!list.to_string().contains(key.get(17..60).unwrap()), "no secret is shown again");

    // Without a gateway the file itself is changed, and the next one knows it.
    lab.gateway.signal(crate::support::gateway::Signal::Term).await;
    lab.gateway.stopped().await;
    assert!(!lab.gateway.folder().join("state/admin.sock").exists(), "the socket goes with it");
    let (beside, id) = make_key(&lab.gateway, &["--all-routes"]).await;
    let list = command(&lab.gateway, &["api-keys", "list"]).await;
    assert!(list.contains(&id), "{list}");
    let used = |line: &&str| line.contains("active") && !line.ends_with('-');
    assert_eq!(
        list.lines().filter(used).count(),
        1,
        "the last use is written before the end: {list}"
    );
    let lab = lab.crash().await;
    assert_eq!(lab.get("/api/x", &with(&beside)).await.status(), 200);
}

#[tokio::test]
async fn a_key_and_a_session_of_somebody_else_are_refused_together() {
    let lab = lab("").await;
    let (key, _) = make_key(&lab.gateway, &["--all-routes"]).await;
    let browser = lab.sign_in("engineer").await;
    let cookie = vec![lab.cookie_line(&browser)];
    assert_eq!(lab.get("/both/x", &cookie).await.status(), 200);
    assert_eq!(lab.get("/both/x", &with(&key)).await.status(), 200);
    assert_eq!(lab.get("/both/x", &[cookie, with(&key)].concat()).await.status(), 401);
    assert!(lab.gateway.has_printed("other_principal", 1).await);
}

#[tokio::test]
async fn the_field_is_the_operators_choice() {
    let lab = lab("[api_keys]\nheader = \"Authorization\"").await;
    let (key, _) = make_key(&lab.gateway, &["--all-routes"]).await;
    for scheme in ["ApiKey", "Bearer"] {
        let lines = vec![format!("Authorization: {scheme} {key}")];
        assert_eq!(lab.get("/api/x", &lines).await.status(), 200, "{scheme}");
        assert_eq!(lab.recorder.last().header("authorization"), None, "{scheme}");
    }
    assert_eq!(lab.get("/api/x", &with(&key)).await.status(), 401);
}

#[tokio::test]
async fn a_key_for_a_route_that_takes_none_is_a_slip() {
    let lab = lab("").await;
    let create = ["api-keys", "create", "ci", "--owner", "ci-bot"];
    let told = refused(&lab.gateway, &[&create[..], &["--route", "home"]].concat()).await;
    assert!(told.contains("no route `home` takes API keys") && told.contains("jobs"), "{told}");
    let told = refused(&lab.gateway, &create).await;
    assert!(told.contains("opens nothing"), "{told}");
    let told = refused(&lab.gateway, &["api-keys", "revoke", "0123456789ab"]).await;
    assert!(told.contains("there is no API key `0123456789ab`"), "{told}");
}
