//! What administrators see and end, and who is one.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::admin::{ask, command, make_key, refused};
use crate::support::browser::Kind;
use crate::support::gateway::Signal;
use crate::support::http::Message;
use crate::support::lab::{Lab, SITE};
use crate::support::peers::real_admin;
use crate::support::raw::{PATIENCE, exchange};
use crate::support::settings::{HOST, Route};
use crate::support::socket::{self, Ending};

const HOME: &str = "http://localhost/home";
/// What the environment of a test's gateway holds.
const TOKEN: &str = crate::support::settings::CLIENT_SECRET;

async fn sessions(lab: &Lab, query: &str) -> Vec<Value> {
    let answer = ask(&lab.gateway, "GET", &format!("/sessions{query}"), "").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["sessions"].as_array().unwrap().clone()
}

async fn over_tcp(lab: &Lab, method: &str, path: &str, lines: &str) -> Message {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n",
        lab.gateway.admin
    );
    exchange(lab.gateway.admin, request).await.unwrap()
}

#[tokio::test]
async fn sessions_are_shown_without_what_opens_them_and_end_by_name() {
    let lab = Lab::start().await;
    let socket = lab.gateway.folder().join("state/admin.sock").metadata().unwrap();
    assert!(socket.file_type().is_socket() && socket.permissions().mode() & 0o777 == 0o600);
    let mut leaving = lab.sign_in("engineer").await;
    let mut staying = lab.sign_in("sales").await;
    let lines = [lab.cookie_line(&leaving), format!("Origin: {SITE}")];
    let mut stream = socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
    let all = sessions(&lab, "").await;
    assert_eq!(all.len(), 2);
    for cookie in leaving.cookies(HOST).iter().chain(&staying.cookies(HOST)) {
        assert!(!json!(all).to_string().contains(&cookie.value), "a handle is shown");
    }
    let theirs = all.iter().find(|it| it["streams"] == 1).expect("the one with the open stream");
    let sid = theirs["sid"].as_str().unwrap();
    let shown = ask(&lab.gateway, "GET", &format!("/sessions/{sid}"), "").await.json();
    assert_eq!((&shown["subject"], &shown["provider"]), (&theirs["subject"], &"test".into()));
    assert_eq!(shown["signed_in_by"], "oidc");
    let listed = command(&lab.gateway, &["sessions", "list"]).await;
    assert!(listed.contains(sid) && listed.contains("STREAMS"), "{listed}");
    assert!(command(&lab.gateway, &["sessions", "show", sid]).await.contains("last_seen"));
    let streams = ask(&lab.gateway, "GET", "/streams", "").await.json();
    assert_eq!(streams["open"], 1);

    let begun = Instant::now();
    let told = command(&lab.gateway, &["sessions", "revoke", sid]).await;
    assert_eq!(told.trim(), "1 session ended.");
    let ending = stream.ending(PATIENCE).await.expect("the stream ends in time");
    assert!(matches!(ending, Ending::Frame(1008)), "{ending:?}");
    println!("revoke to closed, the command's start included: {:?}", begun.elapsed());
    assert_eq!(leaving.get(Kind::Fetch, HOME).await.status(), 401);
    assert_eq!(staying.get(Kind::Fetch, HOME).await.status(), 200);
    assert!(lab.gateway.has_printed("\"event\":\"admin_action\"", 1).await);
    assert!(lab.gateway.has_printed("\"reason\":\"revoked\"", 1).await);
    let again = refused(&lab.gateway, &["sessions", "revoke", sid]).await;
    assert!(again.contains("there is no session"), "{again}");
    let lab = lab.crash().await;
    lab.aim(&mut leaving);
    assert_eq!(leaving.get(Kind::Fetch, HOME).await.status(), 401, "it is durable");
}

#[tokio::test]
async fn all_sessions_of_a_person_or_of_everybody_end() {
    let lab = Lab::start().await;
    let mut theirs = vec![lab.sign_in("engineer").await, lab.sign_in("engineer").await];
    let mut other = lab.sign_in("sales").await;
    let all = sessions(&lab, "").await;
    let subject = |it: &Value| it["subject"].as_str().unwrap().to_owned();
    let engineer = all
        .iter()
        .map(subject)
        .find(|who| all.iter().filter(|it| subject(it) == *who).count() == 2);
    let engineer = engineer.expect("two sessions of one");
    let pair =
        sessions(&lab, &format!("?subject={engineer}&issuer={}", lab.provider.issuer())).await;
    assert_eq!(pair.len(), 2);
    assert!(sessions(&lab, &format!("?subject={engineer}&issuer=x")).await.is_empty());
    assert!(sessions(&lab, "?provider=other").await.is_empty());
    let told = command(&lab.gateway, &["sessions", "revoke", "--subject", &engineer]).await;
    assert_eq!(told.trim(), "2 sessions ended.");
    for browser in &mut theirs {
        assert_eq!(browser.get(Kind::Fetch, HOME).await.status(), 401);
    }
    assert_eq!(other.get(Kind::Fetch, HOME).await.status(), 200);
    assert!(refused(&lab.gateway, &["sessions", "revoke"]).await.contains("whose"));
    let told = command(&lab.gateway, &["sessions", "revoke", "--everyone"]).await;
    assert_eq!(told.trim(), "1 session ended.");
    assert_eq!(other.get(Kind::Fetch, HOME).await.status(), 401);
    lab.sign_in("sales").await;
    let again = sessions(&lab, "").await;
    assert_eq!(again.len(), 1, "who signs in anew is in again");
    let sub = again[0]["subject"].as_str().unwrap();
    let of = |provider: &'static str, sub: &str| {
        let words = ["sessions", "revoke", "--provider", provider, "--provider-subject", sub];
        words.map(str::to_owned)
    };
    for (words, ends) in [(of("other", sub), 0), (of("test", "x"), 0), (of("test", sub), 1)] {
        let told = command(&lab.gateway, &words.each_ref().map(String::as_str)).await;
        assert!(told.starts_with(&format!("{ends} session")), "{words:?}: {told}");
    }
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let lab = Lab::start().await;
    for user in ["engineer", "sales", "engineer", "sales", "engineer"] {
        lab.sign_in(user).await;
    }
    let (mut found, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer =
            ask(&lab.gateway, "GET", &format!("/sessions?limit=2{after}"), "").await.json();
        found.extend(answer["sessions"].as_array().unwrap().iter().map(|it| it["sid"].to_string()));
        pages += 1;
        assert_eq!(answer["total"], 5);
        let Some(next) = answer["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    found.sort();
    found.dedup();
    assert!(found.len() == 5 && pages >= 3, "{pages} pages: {found:?}");
    let odd = ask(&lab.gateway, "GET", "/sessions?limit=x", "").await;
    assert_eq!(odd.status(), 422, "{}", odd.text());
}

#[tokio::test]
async fn the_listener_gives_health_to_all_and_the_rest_for_the_token_only() {
    const CLOSED: [(&str, &str); 8] = [
        ("GET", "/"),
        ("GET", "/sessions"),
        ("GET", "/sessions/x"),
        ("POST", "/sessions/revoke"),
        ("GET", "/streams"),
        ("GET", "/api-keys"),
        ("POST", "/api-keys"),
        ("POST", "/api-keys/0123456789ab/revoke"),
    ];
    let lab = Lab::start().await;
    for (method, path) in CLOSED {
        let answer = over_tcp(&lab, method, path, "Authorization: Bearer x\r\n").await;
        assert_eq!(
            (answer.status(), &answer.json()["error"]),
            (403, &"socket_only".into()),
            "{path}"
        );
    }
    for (method, path) in
        [("GET", "/livez"), ("GET", "/metrics"), ("GET", "/config"), ("POST", "/reload")]
    {
        assert_eq!(over_tcp(&lab, method, path, "").await.status(), 200, "{path}");
    }
    // From now on there is a token: it counts at once.
    let with_token = lab.settings.render().replace(
        "admin = { listen = \"127.0.0.1:0\" }",
        "admin = { listen = \"127.0.0.1:0\", token = { env = \"TEST_CLIENT_SECRET\" } }",
    );
    lab.gateway.rewrite(&with_token);
    lab.gateway.signal(Signal::Hup).await;
    assert!(lab.gateway.has_printed("\"generation\":3", 1).await);
    let good = format!("Authorization: Bearer {TOKEN}\r\n");
    for (method, path) in CLOSED.into_iter().chain([("GET", "/config"), ("POST", "/reload")]) {
        for bad in [
            String::new(),
            "Authorization: Bearer x\r\n".to_owned(),
            format!("Authorization: Bearer {TOKEN}x\r\n"),
            format!("Authorization: Basic {TOKEN}\r\n"),
            format!("{good}{good}"),
            format!("X-Token: {TOKEN}\r\n"),
        ] {
            let answer = over_tcp(&lab, method, path, &bad).await;
            assert_eq!(answer.status(), 401, "{method} {path} {bad}");
            assert!(answer.header("www-authenticate").is_some());
        }
        let answer = over_tcp(&lab, method, path, &good).await;
        assert!(!matches!(answer.status(), 401 | 403), "{method} {path}: {}", answer.text());
        let page = format!("{good}Origin: https://evil.test\r\n");
        assert_eq!(over_tcp(&lab, method, path, &page).await.status(), 403, "{path}");
    }
    assert_eq!(over_tcp(&lab, "GET", "/readyz", "").await.status(), 200);
    assert!(lab.gateway.has_printed("\"event\":\"admin_refused\"", 1).await);
    assert!(!lab.gateway.printed().contains(TOKEN));
    assert!(!lab.gateway.printed().contains("Bearer x"));
}

#[tokio::test]
async fn what_was_not_understood_ends_nobody() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("engineer").await;
    for body in [
        "",
        "{}",
        "[]",
        "{\"everyone\":false}",
        "{\"everyone\":\"yes\"}",
        "{\"everyone\":true,\"subject\":\"x\"}",
        "{\"subjct\":\"x\"}",
        "{\"provider_sid\":\"x\"}",
        "{\"provider_subject\":\"x\"}",
        "{\"users_file\":\"/x\"}",
        "{\"sid\":\"x\",\"disable_api_keys\":true}",
    ] {
        let answer = ask(&lab.gateway, "POST", "/sessions/revoke", body).await;
        assert_eq!(answer.status(), 422, "{body}: {}", answer.text());
    }
    let file = "{\"users_file\":\"/nonexistent\",\"subject\":\"x\"}";
    assert_eq!(ask(&lab.gateway, "POST", "/sessions/revoke", file).await.status(), 404);
    assert_eq!(browser.get(Kind::Fetch, HOME).await.status(), 200);
    let large = "x".repeat(70_000);
    assert!(ask(&lab.gateway, "POST", "/api-keys", &large).await.status() >= 400);
}

#[tokio::test]
async fn where_no_gateway_runs_it_is_said_and_a_left_socket_is_no_hindrance() {
    let mut lab = Lab::start().await;
    let socket = lab.gateway.folder().join("state/admin.sock");
    // Killed, it leaves its socket behind.
    lab = lab.crash().await;
    assert_eq!(sessions(&lab, "").await.len(), 0);
    lab.gateway.signal(Signal::Term).await;
    lab.gateway.stopped().await;
    assert!(!socket.exists());
    let told = refused(&lab.gateway, &["sessions", "list"]).await;
    assert!(
        told.contains("no gateway runs at state/admin.sock") && told.contains("--state"),
        "{told}"
    );
}

#[tokio::test]
async fn keys_of_a_person_can_end_with_their_sessions() {
    let lab = Lab::with(|settings| {
        let route = Route {
            path: "/api/*",
            auth: r#"["api_key"]"#,
            access: r#"access = "authenticated""#,
            token: r#"{ audience = "agent" }"#,
        };
        settings.routes.insert(0, route);
    })
    .await;
    let (key, _) = make_key(&lab.gateway, &["--all-routes"]).await;
    let told = command(&lab.gateway, &["sessions", "revoke", "--subject", "ci-bot"]).await;
    assert!(told.contains("0 sessions ended. 1 API key in the same name still open"), "{told}");
    let lines = [format!("X-API-Key: {key}")];
    assert_eq!(lab.get("/api/x", &lines).await.status(), 200);
    let words = ["sessions", "revoke", "--subject", "ci-bot", "--disable-api-keys"];
    assert!(refused(&lab.gateway, &words).await.contains("issuer"), "of whom?");
    let issuer = ["--issuer", "urn:portcullis:api-key"];
    let words = [&words[..], &issuer].concat();
    assert!(command(&lab.gateway, &words).await.contains("1 API key switched off."));
    assert_eq!(lab.get("/api/x", &lines).await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_looks_at_the_page_with_a_browser() {
    let lab = Lab::with(|settings| {
        let token =
            "admin = { listen = \"127.0.0.1:0\", token = { env = \"TEST_CLIENT_SECRET\" } }";
        settings.swaps.push(("admin = { listen = \"127.0.0.1:0\" }", token.to_owned()));
    })
    .await;
    let (_, id) = make_key(&lab.gateway, &["--all-routes"]).await;
    let (_, gone) = make_key(&lab.gateway, &["--all-routes"]).await;
    command(&lab.gateway, &["api-keys", "revoke", &gone]).await;
    let browser = lab.sign_in("engineer").await;
    lab.sign_in("sales").await;
    let lines = [lab.cookie_line(&browser), format!("Origin: {SITE}")];
    let _stream = socket::open(lab.gateway.http, "/ws", &lines).await.expect("an upgrade");
    lab.get("/home", &[]).await;
    let output = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("test-output");
    let url = format!("http://{}/", lab.gateway.admin);
    let seen = real_admin(&json!({ "url": url, "token": TOKEN, "output": output })).await;
    assert_eq!((&seen["stranger"], &seen["status"]), (&401.into(), &200.into()), "{seen:#}");
    let text = seen["text"].as_str().unwrap();
    for part in ["provider test", "upstream agent", "sign_in_required", "EdDSA", "revoked", &id] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    for session in sessions(&lab, "").await {
        assert!(text.contains(session["sid"].as_str().unwrap()), "{text}");
    }
    assert_eq!(
        (&seen["script_errors"], &seen["overflows"]),
        (&json!([]), &json!(false)),
        "{seen:#}"
    );
    assert!(!text.contains(TOKEN));
    let by_socket = ask(&lab.gateway, "GET", "/", "").await;
    assert!(by_socket.header("content-security-policy").unwrap().contains("default-src 'none'"));
}
