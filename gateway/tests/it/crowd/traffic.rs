use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep, timeout};

use crate::crowd::seen::{EXPECTED, all_are_who_they_are, subject};
use crate::support::chance::Chance;
use crate::support::h2::{DATA, END_STREAM, H2, HEADERS, RST_STREAM};
use crate::support::lab::Lab;
use crate::support::raw::{PATIENCE, Raw};
use crate::support::sessions;
use crate::support::settings::HOST;

const USERS: usize = 10_000;
/// Clients at once; each is a proxy for all users, so that one connection carries many of them.
const CLIENTS: usize = 48;
const BODY: usize = 30_000;
/// The code CANCEL of a frame that resets a stream.
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// The site, and whom it knows.
struct Place {
    lab: Lab,
    handles: Vec<String>,
    next: AtomicUsize,
    answers: AtomicUsize,
    broken: AtomicUsize,
}

impl Place {
    async fn open() -> Self {
        // Sessions are made while nobody has the store open; the ports are new afterwards.
        let mut lab = Lab::with(|settings| settings.https = true).await;
        let folder = lab.gateway.folder().join("state");
        lab.gateway.signal(crate::support::gateway::Signal::Term).await;
        lab.gateway.stopped().await;
        let handles = sessions::made(&folder, &lab.provider.issuer(), USERS).await;
        let lab = lab.crash().await;
        let [next, answers, broken] = Default::default();
        Self { lab, handles, next, answers, broken }
    }

    /// Somebody who has not been there yet; each third time somebody who has, whom memory holds by now.
    fn user(&self, chance: &Chance) -> Option<usize> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let newcomer = turn - turn / 3;
        let user = if turn % 3 == 2 { chance.below(newcomer) } else { newcomer };
        (newcomer < USERS).then_some(user)
    }

    fn head(&self, user: usize, method: &str, path: &str, more: &str) -> String {
        let cookie = &self.handles[user];
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: portcullis={cookie}\r\n\
             {EXPECTED}: user-{user}\r\n{more}\r\n"
        )
    }

    fn is_of(&self, user: usize, target: &str, echo: &Value) {
        assert_eq!(echo["target"], target, "the answer to another request");
        let token = echo["headers"].as_array().unwrap().iter().find(|field| {
            field[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("x-user-jwt"))
        });
        let token = token.expect("a token")[1].as_str().unwrap();
        assert_eq!(subject(token), format!("user-{user}"), "the answer of somebody else");
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// One client on keep-alive connections of HTTP/1.1, as long as it does not break them.
    async fn client(&self, chance: Chance) {
        let mut raw = Raw::connect(self.lab.gateway.http).await;
        while let Some(user) = self.user(&chance) {
            if self.turn(&mut raw, user, &chance).await {
                continue;
            }
            self.broken.fetch_add(1, Ordering::Relaxed);
            raw = Raw::connect(self.lab.gateway.http).await;
        }
    }

    /// One request, or a part of one; whether the connection can be used on.
    async fn turn(&self, raw: &mut Raw, user: usize, chance: &Chance) -> bool {
        let target = format!("/x/{user}/{}", chance.below(1_000_000));
        let length = format!("Content-Length: {BODY}\r\n");
        let posted = || self.head(user, "POST", &target, &length) + &"b".repeat(BODY);
        match chance.below(12) {
            0 => raw.send(cut(&self.head(user, "GET", &target, ""), chance)).await,
            1 | 2 => raw.send(cut(&posted(), chance)).await,
            3 => {
                raw.send(self.head(user, "GET", "/bytes?n=200000", "")).await;
                let mut some = vec![0; 1 + chance.below(100_000)];
                let _ = timeout(PATIENCE, raw.stream().read_exact(&mut some)).await;
            }
            4 => {
                raw.send(self.head(user, "GET", "/slow?ms=50", "")).await;
                sleep(Duration::from_millis(u64::try_from(chance.below(60)).unwrap())).await;
            }
            5 => {
                raw.send(self.head(user, "GET", "/sse", "Accept: text/event-stream\r\n")).await;
                let _ = timeout(PATIENCE, raw.stream().read_u8()).await;
            }
            6 => {
                raw.send(posted()).await;
                return self.answered(raw, user, &target).await;
            }
            _ => {
                raw.send(self.head(user, "GET", &target, "")).await;
                return self.answered(raw, user, &target).await;
            }
        }
        false
    }

    async fn answered(&self, raw: &mut Raw, user: usize, target: &str) -> bool {
        let answer = raw.answer().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{}", answer.text());
        self.is_of(user, target, &answer.json());
        !answer.headers.lists("connection", "close")
    }

    /// Four people share a connection of HTTP/2; some of their requests are reset.
    async fn connection(&self, chance: &Chance) -> Option<()> {
        let (at, authority) = (self.lab.gateway.https.unwrap(), &self.lab.gateway.authority);
        let config = authority.as_ref().unwrap().client(&["h2"]);
        let mut h2 =
            H2::start(Raw::connect_tls(at, HOST, config).await.expect("a handshake")).await;
        let mut waiting = Vec::new();
        for _ in 0..4 {
            let user = self.user(chance)?;
            let (cookie, who) =
                (format!("__Host-portcullis={}", self.handles[user]), format!("user-{user}"));
            let path = format!("/x/{user}/{}", chance.below(1_000_000));
            let fields = [
                (":scheme", "https"),
                (":authority", HOST),
                (":path", path.as_str()),
                ("cookie", &cookie),
                (EXPECTED, &who),
            ];
            let reset = chance.below(3) == 0;
            if reset && chance.below(2) == 0 {
                // In the middle of a body.
                let stream = h2.open("POST", &fields).await;
                h2.frame(DATA, 0, stream, &[b'b'; 1000]).await;
                h2.frame(RST_STREAM, 0, stream, &CANCEL).await;
                self.broken.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let stream = h2.open_and_end("GET", &fields).await;
            if reset {
                h2.frame(RST_STREAM, 0, stream, &CANCEL).await;
                self.broken.fetch_add(1, Ordering::Relaxed);
            } else {
                waiting.push((stream, user, path, Vec::new()));
            }
        }
        while !waiting.is_empty() {
            let (kind, flags, stream, payload) = timeout(PATIENCE, h2.read()).await.ok()?.ok()?;
            let Some(place) = waiting.iter().position(|(open, ..)| *open == stream) else {
                continue;
            };
            if kind == DATA {
                waiting[place].3.extend(payload);
            }
            if (kind == DATA || kind == HEADERS) && flags & END_STREAM != 0 {
                let (_, user, path, body) = waiting.swap_remove(place);
                self.is_of(user, &path, &serde_json::from_slice(&body).unwrap_or_default());
            }
            assert_ne!(kind, RST_STREAM, "nobody else's stream is reset");
        }
        Some(())
    }
}

/// All but the end of a request.
fn cut(request: &str, chance: &Chance) -> String {
    request.chars().take(1 + chance.below(request.len() - 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_people_whose_connections_break_are_never_taken_for_each_other() {
    let (place, seed) = (Arc::new(Place::open().await), Chance::seed());
    let begun = Instant::now();
    let clients = (0..CLIENTS).map(|number| {
        let (place, chance) = (Arc::clone(&place), Chance::new(seed.wrapping_add(number as u64)));
        tokio::spawn(async move {
            if number % 4 > 0 {
                return place.client(chance).await;
            }
            while place.connection(&chance).await.is_some() {}
        })
    });
    for client in join_all(clients).await {
        client.expect("every answer is that of who asked");
    }
    let heads = all_are_who_they_are(&place.lab.recorder);
    let [answers, broken] = [&place.answers, &place.broken].map(|n| n.load(Ordering::Relaxed));
    let took = begun.elapsed();
    println!("{heads} heads at the upstream, {answers} answers, {broken} broken off, in {took:?}");
    assert!(answers > USERS / 3 && broken > USERS / 5 && heads > answers, "nothing was tried");
}
