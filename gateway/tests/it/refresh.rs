//! Sessions that follow their provider: a certified one that rotates refresh tokens, and ends the grant
//! when one is used again.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use crate::support::browser::{Browser, Kind, form};
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::http::Message;
use crate::support::lab::SITE;
use crate::support::peers::CertifiedProvider;
use crate::support::raw::PATIENCE;
use crate::support::recorder::Recorder;
use crate::support::redis::Server;
use crate::support::settings::{HOST, Settings};
use crate::support::socket::{self, Ending};

/// Seconds that tokens live.
const LIFETIME: u32 = 14;
/// Not in use any more: nobody renews what is not asked for.
const FORGOTTEN: &str = "active_within = \"1s\"";

struct House {
    certified: CertifiedProvider,
    recorder: Recorder,
    gateways: Vec<Gateway>,
    _keys: Folder,
}

impl House {
    /// So many gateways; more than one share a Redis.
    async fn start(count: usize, refresh: &str, redis: Option<&Server>) -> Self {
        let (certified, recorder) =
            (CertifiedProvider::start_refreshing(LIFETIME).await, Recorder::start().await);
        let mut settings = Settings::new(&certified.issuer, recorder.address);
        settings.session = format!("refresh = {{ {refresh} }}\n");
        let keys = Folder::new();
        if let Some(redis) = redis {
            settings.session += &format!(
                "store = {{ kind = \"redis\", urls = [\"redis://127.0.0.1:{}\"], command_timeout = \
                 \"5s\" }}",
                redis.port
            );
            let shared = format!("state = \"state\"\nkeys = \"{}\"", keys.path().display());
            settings.swaps.push(("state = \"state\"", shared));
        }
        let mut gateways = Vec::new();
        for _ in 0..count {
            gateways.push(Gateway::start(&settings).await);
        }
        Self { certified, recorder, gateways, _keys: keys }
    }

    fn aim(&self, browser: &mut Browser, which: usize) {
        browser.resolve("http", HOST, self.gateways[which].http, None);
    }

    async fn sign_in(&self, user: &str) -> Browser {
        let mut browser = Browser::default();
        self.aim(&mut browser, 0);
        let page = browser.navigate(&format!("{SITE}/home")).await;
        let (action, mut fields) =
            form(&page).unwrap_or_else(|| panic!("no form: {:#?}", page.hops));
        fields.iter_mut().for_each(|(_, value)| user.clone_into(value));
        let page = browser.submit(&action, &fields).await;
        assert_eq!((page.answer.status(), page.url.path()), (200, "/home"), "{:#?}", page.hops);
        browser
    }

    /// What somebody new is told who would sign in.
    async fn newcomer(&self) -> Message {
        let mut browser = Browser::default();
        self.aim(&mut browser, 0);
        browser.get(Kind::Navigate, &format!("{SITE}/.portcullis/login/test?return_to=/home")).await
    }

    /// A hundred requests at once, over all gateways in turn; their states.
    async fn storm(&self, browser: &Browser) -> Vec<u16> {
        let requests = (0..100).map(|n| {
            let mut browser = browser.clone();
            self.aim(&mut browser, n % self.gateways.len());
            async move { browser.get(Kind::Fetch, &format!("{SITE}/home")).await.status() }
        });
        join_all(requests).await
    }

    async fn count(&self, what: &str) -> u64 {
        self.certified.test("counts").await[what].as_u64().unwrap()
    }
}

async fn until_expired(since: Instant) {
    sleep(Duration::from_secs(LIFETIME.into()).saturating_sub(since.elapsed())).await;
    sleep(Duration::from_millis(1_200)).await;
}

async fn a_storm_at_expiry(house: &House) {
    let browser = house.sign_in("engineer").await;
    let begun = Instant::now();
    assert!(house.storm(&browser).await.iter().all(|status| *status == 200));
    assert_eq!(house.count("refreshed").await, 0);
    until_expired(begun).await;
    let storm = Instant::now();
    let states = house.storm(&browser).await;
    println!("100 requests at expiry: {:?}", storm.elapsed());
    assert!(states.iter().all(|status| *status == 200), "{states:?}");
    assert_eq!(house.count("refreshed").await, 1, "one refresh for all of them");
    assert_eq!(house.count("refused").await, 0);
    let again = Instant::now();
    assert!(house.storm(&browser).await.iter().all(|status| *status == 200));
    assert_eq!(house.count("refreshed").await, 1);
    // The rotated token is good, wherever it was stored.
    until_expired(again).await;
    assert!(house.storm(&browser).await.iter().all(|status| *status == 200));
    assert_eq!((house.count("refreshed").await, house.count("refused").await), (2, 0));
    assert!(house.recorder.last().headers.all("x-user-jwt").count() == 1);
}

#[tokio::test]
async fn a_hundred_requests_at_expiry_are_one_refresh_and_no_logout() {
    // Without grace every request waits for the result.
    let house = House::start(1, &format!("grace = \"0s\", {FORGOTTEN}"), None).await;
    a_storm_at_expiry(&house).await;
    assert!(house.gateways[0].has_printed("tokens refreshed", 2).await);
    let metrics = house.gateways[0].admin("/metrics").await;
    assert!(metrics.contains("portcullis_refresh_total{provider=\"test\",result=\"ok\"} 2"));
}

#[tokio::test]
async fn a_hundred_requests_at_two_gateways_are_one_refresh_and_no_logout() {
    let redis = Server::start("");
    let house = House::start(2, &format!("grace = \"0s\", {FORGOTTEN}"), Some(&redis)).await;
    a_storm_at_expiry(&house).await;
}

#[tokio::test]
async fn a_lost_group_counts_at_the_next_request_and_a_withdrawn_grant_ends_everything() {
    let house = House::start(1, "", None).await;
    let mut browser = house.sign_in("engineer").await;
    let url = format!("{SITE}/engineering/x");
    assert_eq!(browser.get(Kind::Fetch, &url).await.status(), 200);
    let cookie = format!("Cookie: {}", browser.cookie_header(&SITE.parse().unwrap()));
    let lines = [cookie, format!("Origin: {SITE}")];
    let mut chat = socket::open(house.gateways[0].http, "/ws", &lines).await.expect("an upgrade");
    assert_eq!(chat.round_trip("hello").await.as_deref(), Some("hello"));

    house.certified.test("groups/engineer/guests").await;
    let lost = Instant::now();
    while browser.get(Kind::Fetch, &url).await.status() != 403 {
        assert!(lost.elapsed() < Duration::from_secs(u64::from(LIFETIME) + 30), "still let in");
        sleep(Duration::from_millis(100)).await;
    }
    println!("a lost group counts after {:?}", lost.elapsed());
    let me = browser.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await.json();
    assert_eq!(me["groups"], serde_json::json!(["guests"]));
    assert_eq!(chat.round_trip("still here").await.as_deref(), Some("still here"));

    house.certified.test("withdraw").await;
    // Nobody asks for anything: the open stream is reason enough to look.
    let ending = chat.ending(Duration::from_secs(u64::from(LIFETIME) + 30)).await;
    assert!(matches!(ending, Some(Ending::Frame(1008))), "{ending:?}");
    assert_eq!(browser.get(Kind::Fetch, &url).await.status(), 401);
    let away = browser.get(Kind::Navigate, &format!("{SITE}/home")).await;
    assert_eq!(away.status(), 302, "to sign in");
    let gateway = &house.gateways[0];
    assert!(gateway.has_printed("refresh_failed", 1).await, "{}", gateway.printed());
    assert!(gateway.has_printed("invalid_grant", 1).await, "{}", gateway.printed());
    assert!(gateway.has_printed("\"reason\":\"refresh\"", 1).await, "{}", gateway.printed());
}

/// Longer than a provider is taken to be there by its last answer, and three times as long as its tokens live.
const OUTAGE: Duration = Duration::from_secs(45);

#[tokio::test]
async fn while_the_provider_is_down_who_is_signed_in_goes_on_and_who_is_not_gets_our_page() {
    let mut house = House::start(1, "", None).await;
    let mut browser = house.sign_in("sales").await;
    let cookie = format!("Cookie: {}", browser.cookie_header(&SITE.parse().unwrap()));
    let lines = [cookie, format!("Origin: {SITE}")];
    let mut chat = socket::open(house.gateways[0].http, "/ws", &lines).await.expect("an upgrade");
    house.certified.kill().await;
    let begun = Instant::now();
    while begun.elapsed() < OUTAGE {
        let answer = browser.get(Kind::Fetch, &format!("{SITE}/home")).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let asked = begun.elapsed();
        let told = house.newcomer().await;
        // By its last answer, it is there; whoever is sent to it now sees their browser's error.
        let sent = told.status() == 302 && asked < Duration::from_secs(31);
        assert!(sent || told.status() == 503, "{asked:?}: {}", told.start);
        sleep(Duration::from_millis(100)).await;
    }
    // All who come at once have the page, and at once.
    let crowd = Instant::now();
    for told in join_all((0..50).map(|_| house.newcomer())).await {
        assert_eq!(told.status(), 503, "{}", told.text());
        assert!(told.header("retry-after").is_some(), "{:?}", told.headers);
        let kind = told.header("content-type").unwrap_or_default();
        assert!(
            kind.starts_with("text/html") && told.text().contains("login_provider_unavailable"),
            "{told:?}"
        );
    }
    println!("50 newcomers were told in {:?}", crowd.elapsed());
    assert_eq!(chat.round_trip("still here").await.as_deref(), Some("still here"));
    let gateways = &house.gateways;
    assert!(gateways[0].has_printed("\"class\":\"unavailable\"", 1).await);
    let metrics = gateways[0].admin("/metrics").await;
    let tried = metrics.lines().find_map(|line| {
        line.strip_prefix("portcullis_refresh_total{provider=\"test\",result=\"unavailable\"} ")
    });
    let tried: u32 = tried.expect("it was tried").parse().unwrap();
    assert!(tried < 12, "{tried} times");
    let me = browser.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await.json();
    assert!(me["ends_in"].as_u64().unwrap() <= 3_600, "{me}");
    house.certified.again().await;
    let back = Instant::now();
    while house.newcomer().await.status() == 503 {
        assert!(back.elapsed() < PATIENCE, "it is back, and nobody is sent to it");
        sleep(Duration::from_millis(50)).await;
    }
    house.sign_in("sales").await;
}
