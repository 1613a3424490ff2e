//! Two gateways over one server.

use futures::FutureExt as _;
use tokio::time::{Instant, sleep};

use super::*;
use crate::base::SeededEntropy;
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::{Principal, WayIn};
use crate::session::redis::server::Relay;
use crate::session::{
    AtEnd, EndCause, Handle, Lifetimes, LiveStreams, NewSession, Opening, ProviderTokens,
    SessionManager, SessionSettings,
};

const SECOND: Duration = Duration::from_secs(1);

/// What two gateways have in common.
pub(super) struct House {
    keys: Arc<SealingKeys>,
    settings: RedisSettings,
    clock: Arc<ManualClock>,
}

impl House {
    pub(super) fn over(server: &Server) -> Self {
        Self {
            keys: Arc::new(SealingKeys::in_memory(&SeededEntropy::new(5))),
            settings: settings(&[server.port]),
            clock: Arc::new(ManualClock::at(SystemClock.now())),
        }
    }

    async fn gateway(&self) -> Arc<SessionManager> {
        self.gateway_drawing(Arc::new(SystemEntropy)).await
    }

    /// A gateway that draws its handles from there.
    pub(super) async fn gateway_drawing(&self, entropy: Arc<dyn Entropy>) -> Arc<SessionManager> {
        self.gateway_at(self.settings.servers[0].port, entropy).await
    }

    /// A gateway that reaches the server by a port.
    async fn gateway_by(&self, port: u16) -> Arc<SessionManager> {
        self.gateway_at(port, Arc::new(SystemEntropy)).await
    }

    async fn gateway_at(&self, port: u16, entropy: Arc<dyn Entropy>) -> Arc<SessionManager> {
        let servers = settings(&[port]).servers;
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let settings = RedisSettings { servers, ..self.settings.clone() };
        let store = open(settings, Arc::clone(&clock)).await;
        let manager = Arc::new(SessionManager::new(
            store,
            Sealer::new(Arc::clone(&self.keys), Arc::new(SystemEntropy)),
            Arc::new(LiveStreams::new(10_000)),
            clock,
            entropy,
            SessionSettings {
                lifetimes: Lifetimes { idle: 100 * SECOND, absolute: 3_600 * SECOND },
                hot: 10_000,
            },
        ));
        let following = Arc::clone(&manager);
        tokio::spawn(async move { following.follow().await });
        manager
    }
}

pub(super) fn person(name: &str) -> NewSession {
    NewSession {
        principal: Arc::new(Principal::new("https://idp.test", name)),
        signed_in_by: WayIn::Oidc,
        provider: "corp".into(),
        auth_time: SystemClock.now(),
        auth_time_stated: false,
        acr: None,
        amr: Arc::new([]),
        acrs: Arc::default(),
        tokens: ProviderTokens::default(),
    }
}

async fn sign_in(at: &SessionManager, name: &str) -> Handle {
    at.start(person(name), None).await.unwrap().0
}

async fn finds(at: &SessionManager, handle: &Handle) -> bool {
    at.find(handle).await.unwrap().is_some()
}

/// Waits until a gateway does not find a session any more; how long that took. An error is neither.
async fn until_gone(at: &SessionManager, handle: &Handle) -> Duration {
    let begun = Instant::now();
    while !matches!(at.find(handle).await, Ok(None)) {
        assert!(begun.elapsed() < 30 * SECOND, "it is still there");
        sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_at_one_gateway_ends_session_and_streams_at_the_other() {
    let server = Server::start("");
    let house = House::over(&server);
    let (one, two) = (house.gateway().await, house.gateway().await);
    // A machine with other things to do is measured again.
    let mut last = Vec::new();
    while last.iter().all(|took| *took > 2 * SECOND) {
        assert!(last.len() < 3, "promised within two seconds: {last:?}");
        last.push(an_end(&one, &two).await);
    }
}

/// How long it takes until the last of a thousand streams is closed.
async fn an_end(one: &SessionManager, two: &SessionManager) -> Duration {
    let mut streams = Vec::new();
    for n in 0..100 {
        let handle = sign_in(one, &format!("person-{n}")).await;
        assert!(finds(two, &handle).await, "one login is good at both");
        for _ in 0..10 {
            streams.push((handle.clone(), two.live().register(handle.key()).unwrap()));
        }
    }
    let staying = sign_in(one, "staying").await;
    let stream = two.live().register(staying.key()).unwrap();
    let waiting: Vec<_> = streams
        .iter()
        .map(|(handle, ticket)| {
            let (key, ended) = (handle.key(), ticket.signal());
            tokio::spawn(async move { (key, ended.await, Instant::now()) })
        })
        .collect();
    let mut revoked = HashMap::new();
    for (handle, _) in streams.iter().step_by(10) {
        revoked.insert(handle.key(), Instant::now());
        assert!(one.end(&handle.key(), EndCause::Backchannel).await.unwrap());
    }
    let mut took = Vec::new();
    for ended in join_all(waiting).await {
        let (key, cause, at) = ended.unwrap();
        assert_eq!(cause, EndCause::Backchannel, "told with its cause");
        took.push(at.duration_since(revoked[&key]));
    }
    took.sort_unstable();
    println!("1,000 streams: p50 {:?}, p99 {:?}, last {:?}", took[500], took[990], took[999]);
    for (handle, _) in &streams {
        assert!(matches!(two.find_hot(handle), crate::session::Hot::Cold));
        assert!(!finds(two, handle).await);
    }
    assert!(finds(two, &staying).await && stream.ended().now_or_never().is_none());
    took[999]
}

#[tokio::test]
async fn a_session_that_is_used_at_one_gateway_is_not_idle_at_the_other() {
    let server = Server::start("");
    let house = House::over(&server);
    let (one, two) = (house.gateway().await, house.gateway().await);
    let (used, idle) = (sign_in(&one, "ann").await, sign_in(&one, "bob").await);
    assert!(finds(&two, &used).await && finds(&two, &idle).await);
    let open = two.live().register(used.key()).unwrap();
    for _ in 0..4 {
        house.clock.advance(50 * SECOND);
        assert!(finds(&one, &used).await);
        one.sweep().await;
        two.sweep().await;
    }
    assert!(finds(&two, &used).await, "its copy there is two hundred seconds old");
    assert_eq!(open.ended().now_or_never(), None);
    assert!(!finds(&two, &idle).await && !finds(&one, &idle).await);
    house.clock.advance(101 * SECOND);
    assert!(!finds(&two, &used).await);
}

#[tokio::test]
async fn many_who_ask_for_one_session_are_one_question() {
    let server = Server::start("");
    let house = House::over(&server);
    let (one, two) = (house.gateway().await, house.gateway().await);
    let handle = sign_in(&one, "ann").await;
    let before = server.calls("hmget");
    let asked = join_all((0..100).map(|_| finds(&two, &handle))).await;
    assert!(asked.into_iter().all(|found| found));
    assert_eq!(server.calls("hmget") - before, 1);
    for _ in 0..1_000 {
        assert!(finds(&two, &handle).await);
    }
    assert_eq!(server.calls("hmget") - before, 1, "memory answers");
}

#[tokio::test]
async fn a_gateway_that_is_cut_off_fails_closed_and_hears_of_what_it_missed() {
    let server = Server::start("");
    let mut house = House::over(&server);
    house.settings.max_staleness = 5 * SECOND;
    house.settings.command_timeout = 2 * SECOND;
    let relay = Relay::to(server.port).await;
    let (one, two) = (house.gateway().await, house.gateway_by(relay.port).await);
    let (ended, kept) = (sign_in(&one, "ann").await, sign_in(&one, "bob").await);
    assert!(finds(&two, &ended).await && finds(&two, &kept).await);
    let stream = two.live().register(ended.key()).unwrap();
    relay.stall();
    let cut = Instant::now();
    one.end(&ended.key(), EndCause::Revoked).await.unwrap();
    assert!(finds(&two, &kept).await, "a short break is nobody's trouble");
    let mut refused = false;
    while cut.elapsed() < 9 * SECOND {
        for handle in [&ended, &kept] {
            let asked = cut.elapsed();
            match two.find(handle).await {
                // Stale by five seconds at most, and what a question takes.
                Ok(Some(_)) => assert!(asked < 6 * SECOND, "{asked:?}"),
                Ok(None) => panic!("taken for signed out: a login loop"),
                Err(_) => refused = true,
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(refused);
    assert!(two.sweep().await.fault.is_some());
    relay.slow(Duration::ZERO);
    let took = until_gone(&two, &ended).await;
    println!("cut off, and back after {took:?}");
    assert!(finds(&two, &kept).await);
    two.sweep().await;
    assert_eq!(stream.ended().now_or_never(), Some(EndCause::Revoked));
}

#[tokio::test]
async fn a_flushed_server_signs_everybody_out_everywhere() {
    let server = Server::start("");
    let house = House::over(&server);
    let (one, two) = (house.gateway().await, house.gateway().await);
    let handle = sign_in(&one, "ann").await;
    let stream = two.live().register(handle.key()).unwrap();
    assert!(finds(&two, &handle).await);
    server.command("FLUSHALL");
    let took = until_gone(&one, &handle).await.max(until_gone(&two, &handle).await);
    println!("flushed: noticed after {took:?}");
    two.sweep().await;
    assert_eq!(stream.ended().now_or_never(), Some(EndCause::Revoked));
    let again = sign_in(&two, "ann").await;
    assert!(finds(&one, &again).await);
}

#[tokio::test]
async fn everywhere_means_at_every_gateway() {
    let server = Server::start("");
    let house = House::over(&server);
    let (one, two) = (house.gateway().await, house.gateway().await);
    let mut handles = Vec::new();
    for n in 0..20 {
        let at = if n % 2 == 0 { &one } else { &two };
        handles.push(sign_in(at, "ann").await);
    }
    let other = sign_in(&two, "bob").await;
    assert_eq!(one.end_all_of("https://idp.test", "ann", EndCause::Revoked).await.unwrap(), 20);
    for handle in &handles {
        until_gone(&two, handle).await;
        assert!(!finds(&one, handle).await);
    }
    assert!(finds(&one, &other).await);
}

/// At a steady state, with a request a second of each of 500 people.
#[tokio::test]
async fn almost_no_request_writes() {
    let server = Server::start("");
    let house = House::over(&server);
    let one = house.gateway().await;
    let mut handles = Vec::new();
    for n in 0..500 {
        handles.push(sign_in(&one, &format!("person-{n}")).await);
    }
    let (scripts, updates) = (server.calls("evalsha"), server.calls("hset"));
    let mut requests = 0_u32;
    for _ in 0..300 {
        house.clock.advance(SECOND);
        for handle in &handles {
            assert!(finds(&one, handle).await);
            requests += 1;
        }
        assert!(one.sweep().await.fault.is_none());
    }
    let commands = f64::from(u32::try_from(server.calls("evalsha") - scripts).unwrap());
    let updates = f64::from(u32::try_from(server.calls("hset") - updates).unwrap());
    let each = |count: f64| count / f64::from(requests);
    println!(
        "{requests} requests: {} write commands each, {} sessions updated each",
        each(commands),
        each(updates)
    );
    assert!(each(commands) < 0.01);
}

/// What one gateway has not seen used for long may be in use at the other all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_signed_out_at_a_gateway_that_has_not_seen_them_for_long() {
    let server = Server::start("");
    let house = House::over(&server);
    let (one, two) = (house.gateway().await, house.gateway().await);
    let handle = sign_in(&one, "ann").await;
    assert!(finds(&two, &handle).await);
    for _ in 0..3 {
        house.clock.advance(60 * SECOND);
        assert!(finds(&two, &handle).await);
        two.flush().await.unwrap();
    }
    let ann = crate::session::Whose::of("https://idp.test", "ann");
    assert_eq!(one.page(&ann, None, 10).await.unwrap().sessions.len(), 1, "it is listed");
    let ends = one.end_those(&ann, EndCause::Revoked).await;
    assert_eq!(ends.ended.len(), 1);
    until_gone(&two, &handle).await;
}

#[tokio::test]
async fn what_one_gateway_changes_the_other_asks_for_again() {
    let server = Server::start("");
    let house = House::over(&server);
    let (one, two) = (house.gateway().await, house.gateway().await);
    let (handle, other) = (sign_in(&one, "ann").await, sign_in(&one, "bob").await);
    assert!(finds(&two, &handle).await && finds(&two, &other).await);
    let store = open(house.settings.clone(), Arc::clone(&house.clock) as Arc<dyn Clock>).await;
    let stored = store.load(handle.key()).await.unwrap().unwrap();
    // Tokens alone are nobody's news.
    assert!(
        store
            .replace(handle.key(), stored.names.clone(), stored.record.clone(), vec![1])
            .await
            .unwrap()
    );
    store.load(handle.key()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert!(matches!(two.find_hot(&handle), crate::session::Hot::Session(_)));
    assert!(
        store.replace(handle.key(), stored.names, b"unreadable".to_vec(), vec![1]).await.unwrap()
    );
    let took = until_gone(&two, &handle).await.max(until_gone(&one, &handle).await);
    println!("a change is known after {took:?}");
    assert!(matches!(two.find_hot(&other), crate::session::Hot::Session(_)), "its copy is good");
}

#[tokio::test]
async fn what_time_has_ended_at_one_gateway_is_no_revocation_at_the_other() {
    let server = Server::start("");
    let house = House::over(&server);
    let (one, two) = (house.gateway().await, house.gateway().await);
    let handle = sign_in(&one, "ann").await;
    let keep = || Opening { at_end: AtEnd::Keep, ..Opening::default() };
    let here = one.live().bind(handle.key(), keep()).unwrap();
    let there = two.live().bind(handle.key(), keep()).unwrap();
    house.clock.advance(101 * SECOND);
    assert!(!finds(&one, &handle).await);
    assert!(one.sweep().await.fault.is_none());
    let begun = Instant::now();
    while !two.live().sessions().is_empty() {
        assert!(begun.elapsed() < 30 * SECOND, "nobody told the other one");
        sleep(Duration::from_millis(5)).await;
    }
    // Longer than a message takes.
    sleep(Duration::from_millis(200)).await;
    assert_eq!((here.over(), there.over()), (None, None), "time alone ended it");
    one.end(&handle.key(), EndCause::Logout).await.unwrap();
    assert_eq!(here.over(), Some(EndCause::Logout));
    assert_eq!(there.ended().await, EndCause::Logout);
}

#[tokio::test]
async fn a_sweep_that_finds_a_session_idle_leaves_what_its_route_keeps() {
    let server = Server::start("");
    let house = House::over(&server);
    let one = house.gateway().await;
    let handle = sign_in(&one, "ann").await;
    let opening = |at_end| Opening { at_end, ..Opening::default() };
    let kept = one.live().bind(handle.key(), opening(AtEnd::Keep)).unwrap();
    let closed = one.live().bind(handle.key(), opening(AtEnd::Close)).unwrap();
    house.clock.advance(101 * SECOND);
    assert!(one.sweep().await.fault.is_none());
    assert_eq!((kept.over(), closed.over()), (None, Some(EndCause::Idle)));
    assert!(!finds(&one, &handle).await);
    one.end(&handle.key(), EndCause::Logout).await.unwrap();
    assert_eq!(kept.over(), Some(EndCause::Logout));
}
