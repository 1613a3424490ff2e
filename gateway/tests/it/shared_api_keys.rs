//! Two gateways that share API keys: what is done at one counts at both.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use crate::support::admin::{ask, command, make_key, try_at};
use crate::support::folder::Folder;
use crate::support::gateway::{Gateway, Signal};
use crate::support::lab::SITE;
use crate::support::provider::Provider;
use crate::support::raw::{Raw, exchange};
use crate::support::recorder::Recorder;
use crate::support::settings::{HOST, Route, Settings};
use crate::support::socket::{self, Ending};

/// The promise for a change of a key, and that for the streams of one that has ended.
const TAKEN_UP: Duration = Duration::from_secs(1);
const CLOSED: Duration = Duration::from_secs(2);
/// Two gateways, each with a state of its own, and the directory that they share.
struct Pair {
    settings: Settings,
    gateways: [Gateway; 2],
    keys: Folder,
    users: PathBuf,
    _around: (Provider, Recorder),
}

impl Pair {
    async fn start() -> Self {
        let (provider, recorder) = (Provider::start().await, Recorder::start().await);
        let keys = Folder::new();
        let users = keys.path().join("users.toml");
        let add = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["users", "add", "ann", "--generate", "--file"])
            .arg(&users)
            .output();
        assert!(add.await.unwrap().status.success());
        let mut settings = Settings::new(&provider.issuer(), recorder.address);
        let route = Route {
            path: "/api/*",
            auth: r#"["api_key"]"#,
            access: r#"access = "authenticated""#,
            token: r#"{ audience = "agent" }"#,
        };
        settings.routes.insert(0, route);
        let path = users.display();
        settings.issuers = format!("[directories.staff]\nkind = \"file\"\npath = \"{path}\"");
        settings.swaps.push(("login = [\"test\"]", "login = [\"test\", \"staff\"]".to_owned()));
        let shared = format!("state = \"state\"\nkeys = \"{}\"", keys.path().display());
        settings.swaps.push(("state = \"state\"", shared));
        let gateways = [Gateway::start(&settings).await, Gateway::start(&settings).await];
        let pair = Self { settings, gateways, keys, users, _around: (provider, recorder) };
        // A start is no part of the times below.
        for which in [0, 1] {
            assert_eq!(pair.status(which, "none").await, 401);
        }
        pair
    }

    async fn status(&self, which: usize, key: &str) -> u16 {
        let request = format!(
            "GET /api/x HTTP/1.1\r\nHost: {HOST}\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n"
        );
        exchange(self.gateways[which].http, request).await.expect("an answer").status()
    }

    /// Waits until a gateway answers so; how long that took.
    async fn becomes(&self, which: usize, key: &str, status: u16) -> Duration {
        let begun = Instant::now();
        while self.status(which, key).await != status {
            assert!(begun.elapsed() < TAKEN_UP, "not {status} at gateway {which} in time");
            sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    }

    /// The files of keys.
    fn parts(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.keys.path().join("api-keys")).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|it| it == "json")).collect()
    }
}

#[tokio::test]
async fn a_key_of_one_is_good_at_both_and_so_is_its_end() {
    let pair = Pair::start().await;
    let (key, id) = make_key(&pair.gateways[0], &["--all-routes"]).await;
    assert_eq!(pair.status(0, &key).await, 200, "at once");
    println!("known to the other after {:?}", pair.becomes(1, &key, 200).await);
    for (at, what, status) in [(1, "disable", 401), (0, "enable", 200), (1, "revoke", 401)] {
        command(&pair.gateways[at], &["api-keys", what, &id]).await;
        assert_eq!(pair.status(at, &key).await, status, "{what}: at once where it was done");
        println!("{what} taken up after {:?}", pair.becomes(1 - at, &key, status).await);
    }
    for gateway in &pair.gateways {
        let list = command(gateway, &["api-keys", "list"]).await;
        assert!(list.contains(&id) && list.contains("revoked"), "{list}");
        assert!(!gateway.folder().join("state/api-keys.redb").exists());
    }
}

#[tokio::test]
async fn revoking_a_key_at_one_ends_what_it_has_opened_at_the_other() {
    let pair = Pair::start().await;
    let (key, id) = make_key(&pair.gateways[0], &["--all-routes"]).await;
    let (other, _) = make_key(&pair.gateways[0], &["--all-routes"]).await;
    let at = pair.gateways[0].http;
    let lines = |key: &str| vec![format!("X-API-Key: {key}"), format!("Origin: {SITE}")];
    let mut chat = socket::open(at, "/api/ws", &lines(&key)).await.unwrap();
    let mut staying = socket::open(at, "/api/ws", &lines(&other)).await.unwrap();
    assert_eq!(chat.round_trip("hello").await.as_deref(), Some("hello"));
    let mut events = Raw::connect(at).await;
    let head = format!("GET /api/sse HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n");
    events.send(format!("{head}X-API-Key: {key}\r\n\r\n")).await;
    assert_eq!(events.answer_to("HEAD").await.unwrap().status(), 200);
    pair.becomes(1, &key, 200).await;
    let answer = ask(&pair.gateways[1], "POST", &format!("/api-keys/{id}/revoke"), "").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let revoked = Instant::now();
    let ending = chat.ending(CLOSED).await.expect("the chat ends in time");
    assert!(matches!(ending, Ending::Frame(1008)), "{ending:?}");
    timeout(CLOSED, events.rest()).await.expect("the events end in time").unwrap();
    println!("closed at the other gateway {:?} after the revocation", revoked.elapsed());
    assert!(revoked.elapsed() < CLOSED);
    assert_eq!(staying.round_trip("still").await.as_deref(), Some("still"));
}

#[tokio::test]
async fn whoever_is_switched_off_at_one_has_no_key_at_either() {
    let pair = Pair::start().await;
    let owner = ["--owner", "ann", "--issuer", "directory:staff", "--all-routes"];
    let create = [&["api-keys", "create", "anns", "--json"][..], &owner].concat();
    let mut keys = Vec::new();
    for gateway in &pair.gateways {
        let told: Value = serde_json::from_str(&command(gateway, &create).await).unwrap();
        keys.push(told["key"].as_str().unwrap().to_owned());
    }
    // At once, so that the first one has not heard of the second one's key by itself.
    let file = pair.users.to_str().unwrap();
    let told = command(&pair.gateways[0], &["users", "disable", "ann", "--file", file]).await;
    assert!(told.contains("2 API keys switched off"), "{told}");
    for key in &keys {
        assert_eq!(pair.status(0, key).await, 401);
        pair.becomes(1, key, 401).await;
    }
}

#[tokio::test]
async fn keys_survive_that_one_of_those_that_make_them_is_killed() {
    let mut pair = Pair::start().await;
    let document = json!({
        "name": "ci", "owner": "ci-bot", "all_routes": true, "expires": "1h",
    });
    let document = document.to_string();
    let make = async |gateway: &Gateway, most: usize| {
        let mut made = Vec::new();
        for _ in 0..most {
            let answer = ask(gateway, "POST", "/api-keys", &document).await;
            assert_eq!(answer.status(), 201, "{}", answer.text());
            made.push(answer.json()["key"].as_str().unwrap().to_owned());
        }
        made
    };
    let [first, second] = &pair.gateways;
    let (mut made, others) = tokio::join!(make(first, 15), make(second, 15));
    made.extend(others);
    // Asked without waiting for the answer, and killed meanwhile: whatever came of these, nothing else is lost.
    let socket = second.folder().join("state/admin.sock");
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let (socket, document) = (socket.clone(), document.clone());
            let ask = async move { try_at(&socket, "POST", "/api-keys", &document).await };
            tokio::spawn(ask)
        })
        .collect();
    sleep(Duration::from_millis(15)).await;
    let [first, second] = pair.gateways;
    let second = second.crash_and_restart(&pair.settings).await;
    pair.gateways = [first, second];
    for answer in asking {
        if let Ok(answer) = answer.await.unwrap() {
            made.push(answer.json()["key"].as_str().unwrap().to_owned());
        }
    }
    made.extend(make(&pair.gateways[0], 3).await);
    for key in &made {
        assert_eq!(pair.status(0, key).await, 200);
        pair.becomes(1, key, 200).await;
    }
    println!("{} keys were acknowledged, and all are good at both", made.len());
}

#[tokio::test]
async fn with_a_damaged_file_the_keys_go_on_and_it_is_said() {
    let mut pair = Pair::start().await;
    let (key, _) = make_key(&pair.gateways[0], &["--all-routes"]).await;
    let (ends, id) = make_key(&pair.gateways[0], &["--all-routes"]).await;
    pair.becomes(1, &key, 200).await;
    pair.becomes(1, &ends, 200).await;
    let whole: Vec<_> =
        pair.parts().into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    for (text, path) in &whole {
        std::fs::write(path, &text[..text.len() / 2]).unwrap();
    }
    assert!(pair.gateways[1].has_printed("API keys cannot be kept up", 1).await);
    let ready = pair.gateways[1].admin("/readyz").await;
    assert!(ready.contains("\"ready\":true") && ready.contains("is damaged"), "{ready}");
    assert_eq!(pair.status(1, &key).await, 200);
    let answer = ask(&pair.gateways[1], "POST", &format!("/api-keys/{id}/revoke"), "").await;
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert!(answer.text().contains("put a copy of it back"), "{}", answer.text());
    assert_eq!(pair.status(1, &ends).await, 401, "it ends here at once all the same");
    for (text, path) in &whole {
        std::fs::write(path, text).unwrap();
    }
    assert!(pair.gateways[1].has_printed("API keys are kept up again", 1).await);
    assert!(!pair.gateways[1].admin("/readyz").await.contains("is damaged"));
    pair.becomes(0, &ends, 401).await;
    // It was written, and is not only remembered.
    pair.gateways[0].signal(Signal::Term).await;
    pair.gateways[0].stopped().await;
    let [first, second] = pair.gateways;
    pair.gateways = [first.crash_and_restart(&pair.settings).await, second];
    assert_eq!(pair.status(0, &ends).await, 401);
    assert_eq!(pair.status(0, &key).await, 200);
}
