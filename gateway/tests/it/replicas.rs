//! Two gateways over one Redis: one login is good at both, and either may die.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::support::admin::ask;
use crate::support::browser::{Browser, Kind, Page};
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::http::Message;
use crate::support::lab::SITE;
use crate::support::logout::{logout_token, post_logout};
use crate::support::many_streams::ManyStreams;
use crate::support::promise;
use crate::support::provider::{Fault, Provider};
use crate::support::raw::{PATIENCE, Raw, exchange};
use crate::support::recorder::Recorder;
use crate::support::redis::Server;
use crate::support::settings::{HOST, Route, Settings};
use crate::support::socket::{self, Ending};

/// Of a logout, and of a Redis that is back.
const PROMISE: Duration = Duration::from_secs(2);
const DURABLE: &str = "appendonly yes\nappendfsync always\n";

/// Two gateways, what they share, and those around them.
struct Pair {
    redis: Server,
    provider: Provider,
    recorder: Recorder,
    settings: Settings,
    gateways: Vec<Gateway>,
    _keys: Folder,
}

impl Pair {
    async fn start() -> Self {
        let (redis, provider) = (Server::start(DURABLE), Provider::start().await);
        let (recorder, keys) = (Recorder::start().await, Folder::new());
        let mut settings = Settings::new(&provider.issuer(), recorder.address);
        settings.session = format!(
            "store = {{ kind = \"redis\", urls = [\"redis://127.0.0.1:{}\"], command_timeout = \"5s\", \
             max_staleness = \"5s\" }}",
            redis.port
        );
        settings.issuers = format!(
            "[issuers.ci]\nissuer = \"{}\"\naudiences = [\"api\"]\ninsecure_http = true\n",
            provider.issuer()
        );
        settings.routes.insert(
            0,
            Route {
                path: "/api/*",
                auth: r#"["bearer"]"#,
                access: r#"access = "authenticated""#,
                token: r#"{ audience = "agent" }"#,
            },
        );
        let shared = format!("state = \"state\"\nkeys = \"{}\"", keys.path().display());
        settings.swaps.push(("state = \"state\"", shared));
        let gateways = vec![Gateway::start(&settings).await, Gateway::start(&settings).await];
        Self { redis, provider, recorder, settings, gateways, _keys: keys }
    }

    fn aim(&self, browser: &mut Browser, which: usize) {
        browser.resolve("http", HOST, self.gateways[which].http, None);
    }

    async fn sign_in(&self, which: usize, user: &str) -> Browser {
        let mut browser = Browser::default();
        self.aim(&mut browser, which);
        self.provider.remember(&mut browser, user);
        let page = browser.navigate(&format!("{SITE}/home")).await;
        assert_eq!(page.answer.status(), 200, "{:#?}\n{}", page.hops, page.answer.text());
        browser
    }

    async fn home(&self, browser: &mut Browser, which: usize) -> u16 {
        self.aim(browser, which);
        browser.get(Kind::Fetch, &format!("{SITE}/home")).await.status()
    }

    async fn sign_out(&self, browser: &mut Browser, which: usize) -> Page {
        self.aim(browser, which);
        let me = browser.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await;
        let csrf = me.json()["csrf"].as_str().unwrap().to_owned();
        let url = format!("{SITE}/.portcullis/logout").parse().unwrap();
        browser.submit(&url, &[("csrf".to_owned(), csrf)]).await
    }

    async fn raw(&self, which: usize, path: &str, lines: &str) -> Message {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Connection: close\r\n\r\n");
        exchange(self.gateways[which].http, request).await.expect("an answer")
    }

    fn token(&self) -> String {
        let token = self.provider.sign(&json!({ "aud": "api", "sub": "robot" }));
        format!("Authorization: Bearer {token}\r\n")
    }
}

#[tokio::test]
async fn one_login_is_good_at_both_and_either_may_die() {
    let mut pair = Pair::start().await;
    let mut browser = pair.sign_in(0, "engineer").await;
    assert_eq!(pair.home(&mut browser, 1).await, 200);
    let jwks = pair.raw(0, "/.well-known/jwks.json", "").await.json();
    assert_eq!(jwks, pair.raw(1, "/.well-known/jwks.json", "").await.json(), "one set of keys");
    drop(pair.gateways.remove(0));
    assert_eq!(pair.home(&mut browser, 0).await, 200, "the other one goes on");
    pair.gateways.insert(0, Gateway::start(&pair.settings).await);
    drop(pair.gateways.remove(1));
    assert_eq!(pair.home(&mut browser, 0).await, 200, "and so does one that has just started");
    assert_eq!(pair.provider.counts().authorize, 1);
    let seen = pair.recorder.last().headers.all("x-user-jwt").count();
    assert_eq!(seen, 1);
}

#[tokio::test]
async fn a_login_that_began_at_one_ends_at_the_other_and_only_once() {
    let pair = Pair::start().await;
    let mut browser = Browser::default();
    pair.provider.remember(&mut browser, "engineer");
    pair.aim(&mut browser, 0);
    let begun = browser.get(Kind::Navigate, &format!("{SITE}/.portcullis/login/test")).await;
    let away = begun.header("location").expect("off to the provider").to_owned();
    pair.aim(&mut browser, 1);
    let back = browser.get(Kind::Navigate, &away).await;
    let callback = back.header("location").expect("back to us").to_owned();
    let answer = browser.get(Kind::Navigate, &callback).await;
    assert_eq!(answer.status(), 303, "{}", answer.text());
    pair.aim(&mut browser, 0);
    let tokens = pair.provider.counts().token;
    let again = browser.get(Kind::Navigate, &callback).await;
    assert_eq!(again.status(), 400);
    assert!(again.text().contains("already used"), "{}", again.text());
    assert_eq!(pair.provider.counts().token, tokens, "the provider was not even asked");
    assert_eq!(pair.home(&mut browser, 0).await, 200);
}

#[tokio::test]
async fn a_logout_at_one_ends_everything_at_the_other() {
    let pair = Pair::start().await;
    promise::is_kept(PROMISE, async || a_logout_at_one(&pair).await).await;
}

/// How long it takes until the streams at the other are closed.
async fn a_logout_at_one(pair: &Pair) -> Duration {
    let mut browser = pair.sign_in(0, "engineer").await;
    let mut thief = browser.clone();
    assert_eq!(pair.home(&mut thief, 1).await, 200);
    let url = SITE.parse().unwrap();
    let cookie = format!("Cookie: {}", browser.cookie_header(&url));
    let lines = [cookie.clone(), format!("Origin: {SITE}")];
    let at = pair.gateways[1].http;
    let mut chat = socket::open(at, "/ws", &lines).await.expect("an upgrade");
    assert_eq!(chat.round_trip("hello").await.as_deref(), Some("hello"));
    let mut events = Raw::connect(at).await;
    let head = format!("GET /sse HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n");
    events.send(format!("{head}{cookie}\r\n\r\n")).await;
    assert_eq!(events.answer_to("HEAD").await.unwrap().status(), 200);

    pair.sign_out(&mut browser, 0).await;
    let out = Instant::now();
    let ending = chat.ending(PATIENCE).await.expect("the chat ends");
    assert!(matches!(ending, Ending::Frame(1008)), "{ending:?}");
    timeout(PATIENCE, events.rest()).await.expect("the events end").unwrap();
    let took = out.elapsed();
    println!("closed at the other gateway {took:?} after the logout");
    assert_eq!(pair.home(&mut thief, 1).await, 401);
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_at_one_are_closed_in_time_when_their_sessions_are_revoked_at_the_other()
{
    let pair = Pair::start().await;
    promise::is_kept(PROMISE, async || {
        let mut streams = ManyStreams::default();
        for n in 0..20 {
            let browser = pair.sign_in(0, &format!("user-{n}")).await;
            let cookie = format!("Cookie: {}", browser.cookie_header(&SITE.parse().unwrap()));
            streams.open(pair.gateways[1].http, &cookie, 25).await;
        }
        assert_eq!(streams.len(), 1_000);
        let revoked = Instant::now();
        let all = "{\"everyone\":true}";
        let told = ask(&pair.gateways[0], "POST", "/sessions/revoke", all).await;
        assert_eq!(told.status(), 200, "{}", told.text());
        println!("answered after {:?}", revoked.elapsed());
        streams.closed_since(revoked).await
    })
    .await;
}

#[tokio::test]
async fn a_backchannel_logout_at_one_ends_everything_at_the_other_and_counts_once() {
    let pair = Pair::start().await;
    let mut first = pair.sign_in(0, "engineer").await;
    let mut second = pair.sign_in(1, "engineer").await;
    let mut other = pair.sign_in(1, "sales").await;
    // In the memory of both.
    for which in [0, 1] {
        assert_eq!(pair.home(&mut first, which).await, 200);
        assert_eq!(pair.home(&mut second, which).await, 200);
    }
    let cookie = format!("Cookie: {}", first.cookie_header(&SITE.parse().unwrap()));
    let lines = [cookie, format!("Origin: {SITE}")];
    let mut chat = socket::open(pair.gateways[1].http, "/ws", &lines).await.expect("an upgrade");
    assert_eq!(chat.round_trip("hello").await.as_deref(), Some("hello"));
    let token = logout_token(&pair.provider, &json!({ "jti": "once" }));
    let sent = Instant::now();
    assert_eq!(post_logout(pair.gateways[0].http, &token).await.status(), 200);
    let ending = chat.ending(PATIENCE).await.expect("the chat ends");
    println!("closed at the other gateway {:?} after the provider's word", sent.elapsed());
    assert!(matches!(ending, Ending::Frame(1008)), "{ending:?}");
    assert!(
        pair.gateways[1].has_printed("\"reason\":\"backchannel\"", 1).await,
        "told with its cause"
    );
    for which in [0, 1] {
        assert_eq!(pair.home(&mut first, which).await, 401);
        assert_eq!(pair.home(&mut second, which).await, 401);
        assert_eq!(pair.home(&mut other, which).await, 200);
    }
    let mut again = pair.sign_in(1, "engineer").await;
    for which in [0, 1] {
        assert_eq!(post_logout(pair.gateways[which].http, &token).await.status(), 400);
        assert_eq!(pair.home(&mut again, which).await, 200);
    }
}

#[tokio::test]
async fn without_redis_sessions_wait_and_everything_else_goes_on() {
    let mut pair = Pair::start().await;
    let mut browser = pair.sign_in(0, "engineer").await;
    assert_eq!(pair.home(&mut browser, 1).await, 200);
    let logins = pair.provider.counts().authorize;
    let token = pair.token();
    pair.redis.kill();
    let begun = Instant::now();
    let mut unavailable = 0;
    while begun.elapsed() < Duration::from_secs(10) {
        for which in [0, 1] {
            pair.aim(&mut browser, which);
            for kind in [Kind::Fetch, Kind::Navigate] {
                let asked = begun.elapsed();
                let answer = browser.get(kind, &format!("{SITE}/home")).await;
                match answer.status() {
                    // What memory holds counts for five seconds.
                    200 => assert!(asked < Duration::from_secs(7), "{asked:?}"),
                    503 => unavailable += 1,
                    other => panic!("{other} instead of 503: {}", answer.text()),
                }
            }
            assert_eq!(pair.raw(which, "/public/x", "").await.status(), 200);
            assert_eq!(pair.raw(which, "/api/x", &token).await.status(), 200);
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(unavailable > 4, "{unavailable}");
    assert_eq!(pair.provider.counts().authorize, logins, "nobody was sent to sign in");
    let mut newcomer = Browser::default();
    pair.aim(&mut newcomer, 0);
    pair.provider.remember(&mut newcomer, "sales");
    assert_eq!(newcomer.navigate(&format!("{SITE}/home")).await.answer.status(), 503);
    let ready = pair.gateways[0].admin("/readyz").await;
    assert!(ready.contains("\"ready\":true") && ready.contains("redis 127.0.0.1"), "{ready}");
    let metrics = pair.gateways[0].admin("/metrics").await;
    assert!(!metrics.contains("\nportcullis_session_store_breaker 0\n"), "{metrics}");
    assert!(metrics.contains("portcullis_session_store_errors_total{kind=\"unsent\"}"));

    promise::is_kept(PROMISE, async || {
        // Dead for some seconds already, the first time.
        pair.redis.kill();
        sleep(Duration::from_secs(3)).await;
        pair.redis.restart();
        let back = Instant::now();
        while pair.home(&mut browser, 0).await != 200 || pair.home(&mut browser, 1).await != 200 {
            assert!(back.elapsed() < PATIENCE, "not back");
            sleep(Duration::from_millis(10)).await;
        }
        println!("Redis was back, and both served {:?} after", back.elapsed());
        back.elapsed()
    })
    .await;
    let metrics = pair.gateways[0].admin("/metrics").await;
    assert!(metrics.contains("\nportcullis_session_store_breaker 0\n"), "{metrics}");
}

#[tokio::test]
async fn a_gateway_starts_without_redis_and_finds_it_later() {
    let mut pair = Pair::start().await;
    let mut browser = pair.sign_in(0, "engineer").await;
    pair.redis.kill();
    pair.gateways.push(Gateway::start(&pair.settings).await);
    assert_eq!(pair.home(&mut browser, 2).await, 503);
    assert_eq!(pair.raw(2, "/public/x", "").await.status(), 200);
    pair.redis.restart();
    let back = Instant::now();
    while pair.home(&mut browser, 2).await != 200 {
        assert!(back.elapsed() < PATIENCE, "not back");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_sid_that_one_learns_at_a_refresh_ends_the_session_at_the_other() {
    let pair = Pair::start().await;
    pair.provider.commit(Fault::SidMoves);
    let mut browser = pair.sign_in(0, "engineer").await;
    let gateway = &pair.gateways[0];
    // It is due after four seconds.
    let _ = gateway.has_printed("tokens refreshed", 1).await;
    assert!(gateway.has_printed("tokens refreshed", 1).await, "{}", gateway.printed());
    for (sid, then) in [("there-2", 200), ("moved", 401)] {
        let token = logout_token(&pair.provider, &json!({ "sid": sid, "sub": null }));
        assert_eq!(post_logout(pair.gateways[1].http, &token).await.status(), 200);
        assert_eq!(pair.home(&mut browser, 1).await, then, "{sid}");
    }
    let begun = Instant::now();
    while pair.home(&mut browser, 0).await != 401 {
        assert!(begun.elapsed() < PROMISE, "it goes on where it began");
    }
}

#[tokio::test]
async fn a_hundred_logins_at_once_are_each_their_own() {
    let pair = Pair::start().await;
    let users: Vec<String> = (0..100).map(|n| format!("user-{n}")).collect();
    let begun = Instant::now();
    let browsers = join_all(users.iter().enumerate().map(|(n, user)| pair.sign_in(n % 2, user)));
    let browsers = browsers.await;
    println!("100 logins in {:?}", begun.elapsed());
    for (n, (mut browser, user)) in browsers.into_iter().zip(&users).enumerate() {
        // At the other gateway than the one of the login.
        pair.aim(&mut browser, (n + 1) % 2);
        let me = browser.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await;
        assert!(me.text().contains(&format!("\"{user}@example.com\"")), "{user}: {}", me.text());
    }
}

#[tokio::test]
async fn a_check_says_what_it_can_about_the_store() {
    let mut pair = Pair::start().await;
    let said = pair.gateways[0].cli(&["check", "gateway.toml"]).await;
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{told}");
    assert!(told.contains("session store: 127.0.0.1") && told.contains("master"), "{told}");
    pair.redis.kill();
    let said = pair.gateways[0].cli(&["check", "gateway.toml"]).await;
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "a server may be reached from elsewhere only: {told}");
    assert!(told.contains("warning: session store: 127.0.0.1"), "{told}");
}
