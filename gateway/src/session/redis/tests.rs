use std::collections::HashMap;
use std::sync::atomic::AtomicU32;

use futures::future::join_all;

use super::*;
use crate::base::{ManualClock, SystemClock, SystemEntropy};
use crate::session::redis::server::Server;
use crate::session::store::conformance::{self, name, stored};

mod bars;
mod faults;
mod replicas;

/// Settings for a server on this machine, under names of the test's own.
fn settings(ports: &[u16]) -> RedisSettings {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = |port: &u16| RedisServer { host: "127.0.0.1".into(), port: *port, tls: false };
    RedisSettings {
        servers: ports.iter().map(server).collect(),
        sentinel: None,
        username: None,
        password: None,
        database: 0,
        authority: None,
        certificate: None,
        prefix: format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        command_timeout: Duration::from_secs(10),
        max_staleness: Duration::from_secs(60),
        in_flight: 1_000,
        limit: 1_000,
        idle: Duration::from_secs(100),
    }
}

async fn open(settings: RedisSettings, clock: Arc<dyn Clock>) -> Arc<RedisStore> {
    let store = Arc::new(RedisStore::open(settings, clock, Arc::new(SystemEntropy)));
    store.ready().await;
    assert!(store.trouble().is_none(), "{:?}", store.trouble());
    store
}

/// A store at the beginning of time, where the conformance suite lives.
async fn early(settings: RedisSettings) -> Arc<RedisStore> {
    open(settings, Arc::new(ManualClock::at(Timestamp::from_secs(0)))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_redis_store_keeps_the_contract() {
    let server = Server::start("");
    conformance::a_store_keeps_the_contract(|limit| {
        let settings = RedisSettings {
            limit,
            in_flight: 10_000,
            command_timeout: Duration::from_secs(10),
            ..settings(&[server.port])
        };
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(0)));
        let store = RedisStore::open(settings, clock, Arc::new(SystemEntropy));
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| runtime.block_on(store.ready()));
        Arc::new(store)
    })
    .await;
}

#[tokio::test]
async fn every_key_ends_by_itself_and_nothing_is_left_of_a_removed_session() {
    let server = Server::start("");
    let store = early(settings(&[server.port])).await;
    for key in 1..=3 {
        store.insert([key; 32], stored("ann", 10, 1_000)).await.unwrap();
    }
    store.touch(vec![([1; 32], Timestamp::from_secs(20))]).await.unwrap();
    store.insert([4; 32], stored("old", 10, 100)).await.unwrap();
    assert!(store.replace([2; 32], vec![name("old")], vec![1], vec![2]).await.unwrap());
    assert!(store.remove([4; 32]).await.unwrap());
    store.bar(&[name("bob")]).await.unwrap();
    assert!(store.spend([7; 32], 1, Timestamp::from_secs(60), store.clock.now()).await.unwrap());
    let lives = || {
        let keys = server.command("KEYS test-*");
        let keys = keys.into_iter().filter(|line| line.starts_with("test-"));
        let life = |key: String| {
            let answer = server.command(&format!("PTTL {key}"));
            (key, answer[0].trim_start_matches(':').parse::<i64>().unwrap())
        };
        keys.map(life).collect::<HashMap<_, _>>()
    };
    let all = lives();
    // Three sessions, their two owners, the index, the link that was used, the bar, the epoch.
    assert_eq!(all.len(), 9, "{all:?}");
    // What a session is found by is there for as long as the session.
    let found_by = all[&store.link.names.index(&name("old"))];
    let session = all[&store.link.names.session(&text(&[2; 32]))];
    assert!(found_by > session - 5_000, "{all:?}");
    for (key, life) in &all {
        let longest = if key.ends_with(":epoch") { 366 * 86_400_000 } else { 1_300_000 };
        assert!(*life > 0 && *life <= longest, "{key} lives {life} ms");
    }
    for key in 1..=3 {
        assert!(store.remove([key; 32]).await.unwrap());
    }
    let left = lives();
    assert_eq!(left.len(), 3, "{left:?}");
}

/// A row as the first version wrote it.
#[tokio::test]
async fn a_row_of_an_older_version_counts_for_nothing_and_goes_whole() {
    let server = Server::start("");
    let settings = settings(&[server.port]);
    let prefix = settings.prefix.clone();
    let store = early(settings).await;
    let older = |id: &str, over: u32| {
        let owner = text(&[9; 32]);
        server
            .command(&format!("HSET {prefix}:session:{id} r x t y o {owner} e {over}000 l 10000"));
        server.command(&format!("SADD {prefix}:owner:{owner} {id}"));
        server.command(&format!("ZADD {prefix}:over {over}000 {id}"));
    };
    older(&text(&[1; 32]), 1_000);
    older(&text(&[2; 32]), 20);
    assert_eq!(
        store.load([1; 32]).await.unwrap(),
        None,
        "it would survive a sign-out at the provider"
    );
    let ended = store.sweep(Timestamp::from_secs(20), Duration::from_secs(100)).await.unwrap();
    assert_eq!(ended.iter().map(|ended| ended.key).collect::<Vec<_>>(), [[2; 32]]);
    assert_eq!(store.keys_of(IndexKey([9; 32])).await.unwrap(), [[1; 32]]);
    assert!(store.remove([1; 32]).await.unwrap());
    let left = server.command(&format!("KEYS {prefix}:*"));
    assert!(
        !left.iter().any(|key| key.contains(":owner:") || key.contains(":session:")),
        "{left:?}"
    );
}

#[tokio::test]
async fn what_may_be_used_once_is_used_once_whoever_asks() {
    let server = Server::start("");
    let settings = settings(&[server.port]);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let one = open(settings.clone(), Arc::clone(&clock)).await;
    let two = open(settings, Arc::clone(&clock)).await;
    let (now, end) = (clock.now(), clock.now().after(Duration::from_secs(60)));
    let uses = (0..100_u8).map(|n| {
        let store = if n % 2 == 0 { &one } else { &two };
        store.spend([9; 32], 3, end, now)
    });
    let used = join_all(uses).await.into_iter().filter(|used| *used.as_ref().unwrap()).count();
    assert_eq!(used, 3);
    assert_eq!((one.uses([9; 32]).await.unwrap(), two.uses([8; 32]).await.unwrap()), (3, 0));
}

#[tokio::test]
async fn uses_are_written_together() {
    let server = Server::start("");
    let patient = Duration::from_secs(10);
    let store = early(RedisSettings { command_timeout: patient, ..settings(&[server.port]) }).await;
    let key = |n: u32| {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&n.to_be_bytes());
        key
    };
    join_all((0..900).map(|n| store.insert(key(n), stored("ann", 10, 1_000)))).await;
    let before = store.vitals().commands;
    store.touch((0..900).map(|n| (key(n), Timestamp::from_secs(30))).collect()).await.unwrap();
    let sent = store.vitals().commands - before;
    assert!(sent <= 6, "{sent} commands for 900 sessions");
    let seen = store.load(key(899)).await.unwrap().unwrap().last_seen;
    assert_eq!(seen, Timestamp::from_secs(30));
}

/// Whoever gives up waiting must not leave an answer behind for the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cancelled_request_gives_its_answer_to_another() {
    const CANCELLED: u32 = 50_000;
    let server = Server::start("");
    let store = early(settings(&[server.port])).await;
    for n in 0..100_u8 {
        store.insert([n; 32], stored(&n.to_string(), 10, 1_000)).await.unwrap();
    }
    let cancelled = Arc::new(AtomicU32::new(0));
    let workers = (0..50_u32).map(|worker| {
        let (store, cancelled) = (Arc::clone(&store), Arc::clone(&cancelled));
        tokio::spawn(async move {
            let mut answered = 0_u32;
            let mut n = worker;
            while cancelled.load(Ordering::Relaxed) < CANCELLED {
                n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let which = u8::try_from(n >> 8 & 127).unwrap();
                let asked = store.load([which; 32]);
                let patience = Duration::from_micros(u64::from(n >> 16 & 1_023));
                match timeout(patience, asked).await {
                    Err(_) => drop(cancelled.fetch_add(1, Ordering::Relaxed)),
                    Ok(found) => {
                        let found = found.unwrap().map(|found| found.names);
                        let right = (which < 100).then(|| vec![name(&which.to_string())]);
                        assert_eq!(found, right, "another's session");
                        answered += 1;
                    }
                }
            }
            answered
        })
    });
    let answered: u32 = join_all(workers).await.into_iter().map(Result::unwrap).sum();
    println!("{CANCELLED} cancelled, {answered} answered rightly");
    assert!(answered > 1_000, "{answered}");
    assert_eq!(store.vitals().connections, 1, "and no connection was given up for it");
}
