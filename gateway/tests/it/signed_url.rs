//! Signed links: made by a Python script and by our own command, used up once, and never passed on.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use url::Url;

use crate::support::browser::{Kind, form};
use crate::support::folder::Folder;
use crate::support::forge::{claims, spoil};
use crate::support::lab::{Lab, SITE};
use crate::support::peers;
use crate::support::raw::exchange;
use crate::support::settings::{HOST, Route};
use crate::support::socket;
use crate::support::transport::Transport;

/// A lab whose `/chat/*` takes links, and the folder with the key that signs them.
struct House {
    lab: Lab,
    keys: Folder,
}

impl House {
    async fn start(log: &str) -> Self {
        let keys = Folder::new();
        let name = keys.path().join("prod");
        portcullis(&["keys", "generate", "--ed25519", name.to_str().unwrap()]);
        let public = std::fs::read_to_string(keys.path().join("prod.pub")).unwrap();
        let lab = Lab::with(|settings| {
            settings.log = log.to_owned();
            settings.issuers = format!(
                "[signed_urls.portal]\npublic_keys = [\"\"\"{public}\"\"\"]\n\
                 forms = [\"message\", \"bound\"]\nmax_uses = 2\n"
            );
            settings.routes.insert(
                0,
                Route {
                    path: "/chat/*",
                    auth: r#"["session", "signed_url"]"#,
                    access: r#"access = "authenticated""#,
                    token: r#"{ audience = "agent" }"#,
                },
            );
        });
        Self { lab: lab.await, keys }
    }

    fn key(&self) -> PathBuf {
        self.keys.path().join("prod.key")
    }

    /// A link as a ten-line Python script signs it.
    async fn by_python(&self, user: &str) -> String {
        let key = self.key();
        let query = peers::python("sign_link.py", &[key.to_str().unwrap(), user, "300"]).await;
        query.trim().to_owned()
    }

    fn by_command(&self, path: &str, more: &[&str]) -> String {
        let (key, url) = (self.key(), format!("{SITE}{path}"));
        let words = ["sign-url", &url, "--key", key.to_str().unwrap(), "--user", "ann"];
        portcullis(&[&words, more].concat()).trim().to_owned()
    }
}

fn portcullis(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_link_that_python_signed_signs_in_once_across_restarts() {
    let house = House::start("info").await;
    let link = format!("{SITE}/chat/1{}&theme=dark", house.by_python("myuser").await);
    let mut browser = house.lab.browser();
    let page = browser.navigate(&link).await;
    assert_eq!(page.answer.status(), 200, "{:#?}", page.hops);
    assert_eq!(page.url.as_str(), format!("{SITE}/chat/1?theme=dark"));
    let minted = claims(&house.lab.last_token());
    assert_eq!(minted["sub"], "myuser");
    assert_eq!(minted["idp"], "urn:portcullis:signed-url:portal");
    // Who comes back to it is signed in already.
    let again = browser.navigate(&link).await;
    assert_eq!(again.url.as_str(), format!("{SITE}/chat/1?theme=dark"), "{:#?}", again.hops);
    // It goes on without the link, on a WebSocket too.
    let lines = [house.lab.cookie_line(&browser), format!("Origin: {SITE}")];
    socket::open(house.lab.gateway.http, "/chat/ws", &lines).await.expect("an upgrade");
    // Routes that take no links do not take their sessions either.
    assert_ne!(browser.get(Kind::Fetch, &format!("{SITE}/home")).await.status(), 200);
    let refused = house.lab.browser().navigate(&link).await;
    assert_eq!(refused.answer.status(), 403, "used once");
    assert!(refused.answer.text().contains("This link does not work"));
    let House { lab, keys } = house;
    let lab = lab.crash().await;
    assert_eq!(lab.browser().navigate(&link).await.answer.status(), 403, "after a restart");
    drop(keys);
}

#[tokio::test]
async fn whoever_only_looks_at_a_link_does_not_use_it_up() {
    let house = House::start("info").await;
    let link = format!("{SITE}/chat/1{}", house.by_python("ann").await);
    let query = link.strip_prefix(SITE).unwrap();
    let http = house.lab.gateway.http;
    let to: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let enter = format!("/.portcullis/link?to={to}");
    let navigation =
        "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    for (method, lines) in [
        ("HEAD", navigation.to_owned()),
        ("GET", "User-Agent: Slackbot-LinkExpanding 1.0\r\nAccept: */*\r\n".to_owned()),
        ("GET", "User-Agent: preview\r\nAccept: text/html\r\n".to_owned()),
        ("GET", format!("{navigation}Sec-Purpose: prefetch\r\n")),
        ("GET", format!("{navigation}Purpose: prefetch\r\n")),
        ("GET", navigation.replace("document", "iframe")),
        ("GET", "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n".to_owned()),
    ] {
        for target in [query, enter.as_str()] {
            let request = format!(
                "{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Connection: close\r\n\r\n"
            );
            let answer = exchange(http, request).await.unwrap();
            assert!([200, 303].contains(&answer.status()), "{lines}: {}", answer.text());
            assert_eq!(answer.header("set-cookie"), None, "{lines}");
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{lines}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{lines}");
        }
    }
    // A page elsewhere cannot press the button either.
    let body = format!("to={to}");
    let request = format!(
        "POST /.portcullis/link HTTP/1.1\r\nHost: {HOST}\r\nOrigin: https://evil.test\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(exchange(http, request).await.unwrap().status(), 403);
    // An old browser that does not say how it navigates has the button.
    let old = format!("GET {enter} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let answer = exchange(http, old).await.unwrap();
    let url = Url::parse(&format!("{SITE}{enter}")).unwrap();
    let page = crate::support::browser::Page { url, answer, hops: Vec::new() };
    let (action, fields) = form(&page).expect("a form");
    let page = house.lab.browser().submit(&action, &fields).await;
    assert_eq!(page.url.as_str(), format!("{SITE}/chat/1"), "{}", page.answer.text());
    assert_eq!(house.lab.browser().navigate(&link).await.answer.status(), 403, "now it is");
}

#[tokio::test]
async fn a_bound_link_reaches_no_further_than_it_says() {
    let house = House::start("info").await;
    let bounds = ["--path", "/chat/7", "--method", "GET", "--claim", r#"groups=["staff"]"#];
    let link = house.by_command("/chat/7?a=1", &bounds);
    let mut browser = house.lab.browser();
    let page = browser.navigate(&link).await;
    assert_eq!(page.url.as_str(), format!("{SITE}/chat/7?a=1"), "{}", page.answer.text());
    assert_eq!(claims(&house.lab.last_token())["groups"], json!(["staff"]));
    let get = async |browser: &mut crate::support::browser::Browser, path: &str| {
        browser.get(Kind::Fetch, &format!("{SITE}{path}")).await.status()
    };
    assert_eq!(get(&mut browser, "/chat/7/part").await, 200);
    for beyond in ["/chat/8", "/chat/77", "/chat/"] {
        assert_eq!(get(&mut browser, beyond).await, 401, "{beyond}");
    }
    let posted = browser.fetch("POST", &format!("{SITE}/chat/7"), &[], "x").await;
    assert_eq!(posted.status(), 401);
    // Elsewhere than it was signed for, it is no link at all.
    let moved = house.by_command("/chat/7", &bounds).replace("/chat/7?", "/chat/8?");
    assert_eq!(house.lab.browser().navigate(&moved).await.answer.status(), 403);
    let twice = house.by_command("/chat/7", &["--uses", "2"]);
    for expected in [200, 200, 403] {
        assert_eq!(house.lab.browser().navigate(&twice).await.answer.status(), expected);
    }
}

#[tokio::test]
async fn a_link_opens_a_page_and_no_stream_beside_every_kind_of_session() {
    let house = House::start("info").await;
    let bound = house.by_command("/chat/x", &["--path", "/chat", "--uses", "2"]);
    let good = bound.split_once('?').unwrap().1.to_owned();
    let bad = spoil(&good);
    let session = house.lab.cookie_line(&house.lab.sign_in("engineer").await);
    let stale = format!("Cookie: portcullis={}", "A".repeat(43));
    house.lab.recorder.clear();
    for (session, cookie) in [("no", vec![]), ("a", vec![session]), ("a stale", vec![stale])] {
        for query in [&good, &bad] {
            for transport in Transport::ALL {
                // Good or bad, the entrance judges it; no session makes the address an ordinary one.
                let wanted = if transport == Transport::WebSocket { 401 } else { 303 };
                let query = format!("?{query}");
                let got = transport.status(&house.lab, "/chat/", &query, &cookie).await;
                assert_eq!(got, wanted, "{session} session, {transport:?}: {query}");
            }
        }
    }
    assert_eq!(house.lab.recorder.requests().len(), 0);
}

#[tokio::test]
async fn a_link_never_travels_on() {
    let house = House::start("trace").await;
    let link = format!("{SITE}/chat/1{}", house.by_python("canaryuser").await);
    let bound = house.by_command("/chat/2", &[]);
    let secrets: Vec<String> = [&link, &bound]
        .iter()
        .flat_map(|link| Url::parse(link).unwrap().query_pairs().into_owned().collect::<Vec<_>>())
        .filter(|(name, _)| name != "message")
        .map(|(_, value)| value)
        .collect();
    assert_eq!(secrets.len(), 2);
    // Somebody who is signed in already is asked first, and nothing reaches the application.
    let mut browser = house.lab.sign_in("engineer").await;
    house.lab.recorder.clear();
    let asked = browser.navigate(&link).await;
    assert!(asked.answer.text().contains("Change account?"), "{}", asked.answer.text());
    assert_eq!(house.lab.recorder.requests().len(), 0);
    let (action, fields) = form(&asked).expect("a form");
    let page = browser.submit(&action, &fields).await;
    assert_eq!(page.url.as_str(), format!("{SITE}/chat/1"));
    house.lab.browser().navigate(&bound).await;
    // Where only a page can be entered, a link is refused.
    let target = bound.strip_prefix(SITE).unwrap();
    let lines = [house.lab.cookie_line(&browser)];
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: {HOST}\r\n{}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n",
        lines[0]
    );
    assert_eq!(exchange(house.lab.gateway.http, request).await.unwrap().status(), 401);
    assert!(socket::open(house.lab.gateway.http, target, &lines).await.is_err());
    let seen = house.lab.recorder.bytes().concat();
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(house.lab.recorder.requests().len() >= 2, "the pages themselves");
    // The access log is written behind the requests: what is looked for below must be in it by now.
    assert!(house.lab.gateway.has_printed("\"path\":\"/chat/1\"", 2).await, "the log is there");
    assert!(house.lab.gateway.has_printed("\"path\":\"/chat/2\"", 3).await, "to the last line");
    for secret in secrets {
        assert!(!house.lab.gateway.printed().contains(&secret), "the log holds {secret}");
        assert!(!seen.contains(&secret), "the upstream saw {secret}");
    }
}
