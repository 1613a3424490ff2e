//! Names and passwords: the form, HTTP Basic, and those who try them all.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use crate::support::browser::{Browser, Page};
use crate::support::credentials::tab;
use crate::support::folder::Folder;
use crate::support::forge::claims;
use crate::support::lab::{Lab, SITE};
use crate::support::peers;
use crate::support::provider::Provider;
use crate::support::settings::{HOST, Route, Settings};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const PASSWORD: &str = "canary-correct-horse-battery";
const LOGIN: &str = "http://localhost/.portcullis/login";

fn users(file: &Path, words: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("users")
        .args(words)
        .arg("--file")
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{input}\n").as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// A folder with a users file in it, in which there are `ann` and `eve`.
pub(crate) fn people() -> (Folder, PathBuf) {
    let folder = Folder::new();
    let file = folder.path().join("users.toml");
    let ann = ["add", "ann", "--role", "editor", "--group", "engineering", "--claim", "plan=pro"];
    users(&file, &[&ann[..], &["--email", "ann@corp.test"]].concat(), PASSWORD);
    users(&file, &["add", "eve"], PASSWORD);
    users(&file, &["disable", "eve"], "");
    (folder, file)
}

pub(crate) fn with_people(settings: &mut Settings, file: &Path, more: &str) {
    settings.issuers =
        format!("[directories.staff]\nkind = \"file\"\npath = \"{}\"\n{more}", file.display());
    settings.swaps.push(("login = [\"test\"]", "login = [\"test\", \"staff\"]".to_owned()));
    settings.routes.insert(
        0,
        Route {
            path: "/api/*",
            auth: r#"["password"]"#,
            access: "access = \"authenticated\"",
            token: r#"{ audience = "agent" }"#,
        },
    );
}

fn field(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&#x2f;", "/")
}

async fn post(browser: &mut Browser, form: &Page, name: &str, password: &str) -> Page {
    let text = form.answer.text();
    let fields = [
        ("csrf", field(&text, "csrf")),
        ("return_to", field(&text, "return_to")),
        ("name", name.to_owned()),
        ("password", password.to_owned()),
    ];
    let fields: Vec<_> = fields.map(|(name, value)| (name.to_owned(), value)).into();
    browser.submit(&Url::parse(LOGIN).unwrap(), &fields).await
}

pub(crate) fn basic(name: &str, password: &str) -> Vec<String> {
    vec![format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:{password}")))]
}

/// Else the next page in a frame would be somebody else's.
#[tokio::test]
async fn somebody_elses_tab_does_not_stay_beside_a_sign_in_by_password() {
    let (_folder, file) = people();
    let lab = Lab::around(Provider::start_as_entra(TENANT).await, |settings| {
        with_people(settings, &file, "[teams]\nprovider = \"test\"\n");
        settings.provider = "subject = \"oid\"".to_owned();
        let tab = Route { path: "/tab/*", auth: r#"["teams"]"#, ..settings.routes[0].clone() };
        settings.routes.insert(0, tab);
    })
    .await;
    let cookie = tab(&lab, TENANT, "oid-sales").await;
    let (name, value) = cookie.split_once('=').unwrap();
    let mut browser = lab.browser();
    browser.plant(HOST, name, value);
    let form = browser.navigate(&format!("{SITE}/engineering/x")).await;
    let page = post(&mut browser, &form, "ann", PASSWORD).await;
    assert_eq!(page.answer.status(), 200, "{}", page.answer.text());
    let kept: Vec<_> = browser.cookies(HOST).iter().map(|cookie| cookie.name.clone()).collect();
    assert!(!kept.contains(&name.to_owned()), "{kept:?}");
}

#[tokio::test]
async fn the_form_makes_a_session_and_the_token_says_all_that_is_known() {
    let (_folder, file) = people();
    let lab = Lab::with(|settings| {
        with_people(settings, &file, "");
        settings.log = "trace".to_owned();
    })
    .await;
    let mut browser = lab.browser();
    let form = browser.navigate(&format!("{SITE}/engineering/x?a=1")).await;
    assert_eq!(form.answer.status(), 200);
    assert!(form.answer.text().contains("/.portcullis/login/test?"), "and the provider beside it");
    let page = post(&mut browser, &form, " ANN ", PASSWORD).await;
    assert_eq!(page.answer.status(), 200, "{}", page.answer.text());
    assert_eq!(page.url.as_str(), format!("{SITE}/engineering/x?a=1"));
    let minted = lab.last_token();
    peers::verify(&minted, &lab.jwks().await, SITE, "agent").await.unwrap();
    let said = claims(&minted);
    for (name, value) in [
        ("sub", json!("ann")),
        ("idp", json!("directory:staff")),
        ("auth_method", json!("password")),
        ("amr", json!(["pwd"])),
        ("roles", json!(["editor"])),
        ("groups", json!(["engineering"])),
        ("email", json!("ann@corp.test")),
        ("plan", json!("pro")),
    ] {
        assert_eq!(said[name], value, "{name}: {said}");
    }
    lab.sign_out(&mut browser).await;
    let again = browser.fetch("GET", &format!("{SITE}/x"), &[], "").await;
    assert_eq!(again.status(), 401);
    lab.get("/api/x", &basic("ann", PASSWORD)).await;
    let printed = lab.gateway.printed();
    assert!(!printed.contains("canary-correct"), "no password in the log");
    let encoded = STANDARD.encode(format!("ann:{PASSWORD}"));
    assert!(!printed.contains(&encoded), "nor its encoded form");
}

#[tokio::test]
async fn wrong_unknown_and_disabled_get_one_answer() {
    let (_folder, file) = people();
    let lab = Lab::with(|settings| with_people(settings, &file, "")).await;
    let mut answers = Vec::new();
    for (name, password) in [("ann", "wrong"), ("nob", PASSWORD), ("eve", PASSWORD), ("eve", "x")] {
        let mut browser = lab.browser();
        let form = browser.navigate(&format!("{SITE}/x")).await;
        let page = post(&mut browser, &form, name, password).await;
        assert_eq!(page.answer.status(), 401);
        let text = page.answer.text();
        let same = text.replace(&field(&text, "csrf"), "").replace(name, "");
        answers.push(same);
        assert!(browser.cookie_header(&Url::parse(SITE).unwrap()).starts_with("portcullis-login="));
        let raw = lab.get("/api/x", &basic(name, password)).await;
        assert_eq!(raw.status(), 401);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

/// Login CSRF: a page of somebody else must not sign a visitor in as somebody else.
#[tokio::test]
async fn a_form_that_is_not_ours_signs_nobody_in() {
    let (_folder, file) = people();
    let lab = Lab::with(|settings| with_people(settings, &file, "")).await;
    let (mut mallory, mut victim) = (lab.browser(), lab.browser());
    let theirs = mallory.navigate(&format!("{SITE}/x")).await;
    victim.navigate(&format!("{SITE}/x")).await;
    let page = post(&mut victim, &theirs, "ann", PASSWORD).await;
    assert_eq!(page.answer.status(), 400, "{}", page.answer.text());
    let body = format!("name=ann&password={PASSWORD}&csrf=x&return_to=/x");
    let foreign = [("Origin", "http://evil.test")];
    let answer = victim.fetch("POST", LOGIN, &foreign, &body).await;
    assert_eq!(answer.status(), 403, "{}", answer.text());
    let answer = victim.fetch("GET", &format!("{SITE}/x"), &[], "").await;
    assert_eq!(answer.status(), 401);
    // And a target that is not ours is not gone to.
    let form = mallory.navigate(&format!("{LOGIN}?return_to=//evil.test/")).await;
    let page = post(&mut mallory, &form, "ann", PASSWORD).await;
    assert_eq!(page.url.as_str(), format!("{SITE}/"));
}

#[tokio::test]
async fn basic_is_for_programs_and_stays_here() {
    let (_folder, file) = people();
    let lab = Lab::with(|settings| with_people(settings, &file, "")).await;
    let answer = lab.get("/api/x", &[]).await;
    assert_eq!(answer.status(), 401);
    let asks = "Basic realm=\"portcullis\", charset=\"UTF-8\"";
    assert_eq!(answer.header("www-authenticate"), Some(asks));
    let answer = lab.get("/api/x", &basic("ann", PASSWORD)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(lab.recorder.last().header("authorization"), None);
    assert_eq!(claims(&lab.last_token())["sub"], "ann");
    assert_eq!(lab.get("/api/x", &["Authorization: Basic !!".to_owned()]).await.status(), 401);
}

/// Tries are counted over a restart, for all spellings, and whatever a client says of its address.
#[tokio::test]
async fn too_many_tries_are_too_many_after_a_restart_too() {
    let (_folder, file) = people();
    let limits = "[password]\naccount_tries = 3\naddress_tries = 1000\n";
    let lab = Lab::with(|settings| with_people(settings, &file, limits)).await;
    for name in ["ann", "ANN", "Ａnn"] {
        let lines = [basic(name, "wrong"), vec!["X-Forwarded-For: 192.0.2.9".to_owned()]].concat();
        assert_eq!(lab.get("/api/x", &lines).await.status(), 401);
    }
    for number in 0..3 {
        let spoofed = vec![format!("X-Forwarded-For: 192.0.2.{number}")];
        let lines = [basic("ann", PASSWORD), spoofed].concat();
        let answer = lab.get("/api/x", &lines).await;
        assert_eq!(answer.status(), 429);
        assert!(answer.header("retry-after").is_some());
    }
    let lab = lab.crash().await;
    assert_eq!(lab.get("/api/x", &basic("aNN", PASSWORD)).await.status(), 429);
    let mut browser = lab.browser();
    let form = browser.navigate(&format!("{SITE}/x")).await;
    let page = post(&mut browser, &form, "ann", PASSWORD).await;
    assert_eq!(page.answer.status(), 429);
    assert!(page.answer.text().contains("Too many"), "{}", page.answer.text());
}

#[tokio::test]
async fn who_is_switched_off_cannot_sign_in_from_then_on() {
    let (_folder, file) = people();
    let lab = Lab::with(|settings| with_people(settings, &file, "")).await;
    users(&file, &["disable", "ann"], "");
    assert_eq!(lab.get("/api/x", &basic("ann", PASSWORD)).await.status(), 401);
    users(&file, &["enable", "ann"], "");
    users(&file, &["passwd", "ann"], "another-long-password");
    assert_eq!(lab.get("/api/x", &basic("ann", PASSWORD)).await.status(), 401);
    assert_eq!(lab.get("/api/x", &basic("ann", "another-long-password")).await.status(), 200);
}

/// A service that knows `bob` with `bobs-password`; gone when `down`.
pub(crate) async fn service() -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/check", listener.local_addr().unwrap());
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            while !asked.ends_with(b"}") {
                if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let asked = String::from_utf8_lossy(&asked).into_owned();
            let good = asked.contains("\"Bob\"") && asked.contains("\"bobs-password\"");
            let (status, body) = match (is_down.load(Ordering::SeqCst), good) {
                (true, _) => ("500 Oh", ""),
                (false, true) => ("200 OK", r#"{"sub":"4711","name":"Bob","roles":["guest"]}"#),
                (false, false) => ("401 No", ""),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, down)
}

#[tokio::test]
async fn directories_are_asked_in_the_order_of_the_route() {
    let (_folder, file) = people();
    let (url, down) = service().await;
    let more =
        format!("[directories.people]\nkind = \"http\"\nurl = \"{url}\"\ninsecure_http = true\n");
    let lab = Lab::with(|settings| {
        with_people(settings, &file, &more);
        let access = "access = \"authenticated\"\nlogin = [\"people\", \"staff\"]";
        let route = settings.routes[0].clone();
        settings.routes.insert(0, Route { path: "/both/*", access, ..route });
        settings.swaps.push(("path = \"/api/*\"", "path = \"/api/*\"\nlogin = [\"staff\"]".into()));
    })
    .await;
    for (path, name, password, status, sub) in [
        ("/both/x", "Bob", "bobs-password", 200, "4711"),
        ("/both/x", "ann", PASSWORD, 200, "ann"),
        ("/both/x", "eve", PASSWORD, 401, ""),
        ("/api/x", "Bob", "bobs-password", 401, ""),
    ] {
        let answer = lab.get(path, &basic(name, password)).await;
        assert_eq!(answer.status(), status, "{path} {name}");
        if status == 200 {
            assert_eq!(claims(&lab.last_token())["sub"], sub);
        }
    }
    down.store(true, Ordering::SeqCst);
    let answer = lab.get("/both/x", &basic("carl", PASSWORD)).await;
    assert_eq!(answer.status(), 503, "a service that does not answer refuses nobody");
    assert_eq!(lab.get("/api/x", &basic("carl", PASSWORD)).await.status(), 401);
}

#[tokio::test]
async fn switching_somebody_off_ends_what_they_have_opened() {
    let (_folder, file) = people();
    let lab = Lab::with(|settings| with_people(settings, &file, "")).await;
    let mut browser = lab.browser();
    for words in [&["disable", "ANN"][..], &["passwd", "ann", "--generate"]] {
        let form = browser.navigate(&format!("{SITE}/home")).await;
        assert_eq!(post(&mut browser, &form, "ann", PASSWORD).await.answer.status(), 200);
        let state = lab.gateway.folder().join("state");
        let words = [words, &["--state", state.to_str().unwrap()]].concat();
        let told = users(&file, &words, "");
        assert!(told.contains("1 session ended."), "{told}");
        let home = browser.fetch("GET", &format!("{SITE}/home"), &[], "").await;
        assert_eq!(home.status(), 401, "{words:?}");
        users(&file, &["enable", "ann"], "");
    }
}
