//! Tabs in Teams behind a load balancer: what one gateway gives out is good at the other, once.

use futures::future::join_all;
use serde_json::json;

use crate::support::browser::{Browser, Kind, form};
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::lab::Lab;
use crate::support::provider::Provider;
use crate::support::raw::{Duplex, Raw};
use crate::support::redis::Server;
use crate::support::settings::HOST;
use crate::support::socket::{self, Socket};
use crate::teams::{CHALLENGE, SITE, TENANT, code, post, token, with_tabs};

/// Two gateways with tabs, over one Redis.
struct Pair {
    redis: Server,
    lab: Lab,
    other: Gateway,
    _keys: Folder,
}

impl Pair {
    async fn start() -> Self {
        let (redis, keys) = (Server::start(""), Folder::new());
        let provider = Provider::start_as_entra(TENANT).await;
        let lab = Lab::around(provider, |settings| {
            with_tabs(settings, "", "");
            settings.session = format!(
                "store = {{ kind = \"redis\", urls = [\"redis://127.0.0.1:{}\"], \
                 command_timeout = \"5s\", max_staleness = \"60s\" }}",
                redis.port
            );
            let shared = format!("state = \"state\"\nkeys = \"{}\"", keys.path().display());
            settings.swaps.push(("state = \"state\"", shared));
        })
        .await;
        let other = Gateway::start(&lab.settings).await;
        Self { redis, lab, other, _keys: keys }
    }

    fn gateway(&self, which: usize) -> &Gateway {
        if which == 0 { &self.lab.gateway } else { &self.other }
    }

    fn browser(&self, which: usize) -> Browser {
        let (mut browser, gateway) = (Browser::default(), self.gateway(which));
        let trust = gateway.authority.as_ref().unwrap().client(&["http/1.1"]);
        browser.resolve("https", HOST, gateway.https.unwrap(), Some(trust));
        browser
    }

    /// A ticket for `/tab/ws`, of somebody whose browser keeps no cookies.
    async fn ticket(&self, which: usize) -> String {
        let bearer = format!("Bearer {}", token(&self.lab, &json!({})));
        let fields = [("Authorization", bearer.as_str())];
        let answer = post(&mut self.browser(which), "ticket", &fields, "path=/tab/ws").await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.json()["ticket"].as_str().unwrap().to_owned()
    }

    async fn open(&self, which: usize, ticket: &str) -> Result<Socket<impl Duplex + use<>>, u16> {
        let gateway = self.gateway(which);
        let trust = gateway.authority.as_ref().unwrap().client(&["http/1.1"]);
        let raw = Raw::connect_tls(gateway.https.unwrap(), HOST, trust).await.unwrap();
        let path = format!("/tab/ws?portcullis_ticket={ticket}");
        let origin = [format!("Origin: {SITE}")];
        socket::open_on(raw, &path, &origin).await.map_err(|answer| answer.status())
    }

    /// What a window at one gateway hands over, so many times.
    async fn codes(&self, which: usize, count: usize) -> Vec<String> {
        let mut window = self.browser(which);
        self.lab.provider.remember(&mut window, "engineer");
        let start = format!("{SITE}/.portcullis/teams/popup-start?challenge={CHALLENGE}");
        let page = window.navigate(&start).await;
        assert_eq!(page.answer.status(), 200, "{:#?} {}", page.hops, page.answer.text());
        let (action, fields) = form(&page).unwrap();
        let mut codes = Vec::new();
        for _ in 0..count {
            codes.push(code(&window.submit(&action, &fields).await.answer));
        }
        codes
    }
}

#[tokio::test]
async fn a_ticket_of_one_opens_a_websocket_at_the_other_once() {
    let pair = Pair::start().await;
    let ticket = pair.ticket(0).await;
    let mut socket = pair.open(1, &ticket).await.expect("an upgrade");
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    for which in [0, 1] {
        assert_eq!(pair.open(which, &ticket).await.err(), Some(401), "used");
    }
    let ticket = pair.ticket(1).await;
    let all = join_all((0..10).map(|n| pair.open(n % 2, &ticket))).await;
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1, "at once");
    for which in [0, 1] {
        assert!(!pair.gateway(which).printed().contains(&ticket), "a ticket is in the log");
    }
}

#[tokio::test]
async fn a_ticket_that_nobody_can_say_was_used_is_503() {
    let mut pair = Pair::start().await;
    // Its session is in the memory of the one that gave it, which alone would serve it.
    let ticket = pair.ticket(0).await;
    pair.redis.kill();
    for which in [0, 1] {
        assert_eq!(pair.open(which, &ticket).await.err(), Some(503));
        assert_eq!(pair.open(which, "made-up").await.err(), Some(401), "nobody need be asked");
    }
}

#[tokio::test]
async fn a_code_of_a_window_at_one_is_redeemed_at_the_other_once() {
    let pair = Pair::start().await;
    let codes = pair.codes(0, 2).await;
    let redeem = async |which, code: &str, verifier: &str| {
        let mut tab = pair.browser(which);
        let answer =
            post(&mut tab, "redeem", &[], &format!("code={code}&verifier={verifier}")).await;
        (answer.status(), tab)
    };
    assert_eq!(redeem(1, &codes[0], "guessed").await.0, 401);
    assert_eq!(redeem(0, &codes[0], "verifier").await.0, 401, "spoilt for both");
    let (status, mut tab) = redeem(1, &codes[1], "verifier").await;
    assert_eq!(status, 204);
    for which in [0, 1] {
        assert_eq!(redeem(which, &codes[1], "verifier").await.0, 401, "used");
    }
    assert_eq!(tab.get(Kind::Iframe, &format!("{SITE}/tab/x")).await.status(), 200);
}
