//! A server that is killed, black-holed, slow, full, failed over, or wants to know who we are.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::time::{Instant, sleep};

use super::*;
use crate::base::Secret;
use crate::session::redis::server::Relay;
use crate::session::shared::{SharedTries as _, Tried};

const SECOND: Duration = Duration::from_secs(1);
/// The promise: so long after the server is back, it is used again.
const RECOVERY: Duration = Duration::from_secs(2);
/// What survives a kill.
const DURABLE: &str = "appendonly yes\nappendfsync always\n";

/// Of a gateway that gives a command up after half a second.
fn hasty(ports: &[u16]) -> RedisSettings {
    RedisSettings { command_timeout: SECOND / 2, ..settings(ports) }
}

/// Whether the promise was kept at least once. A machine with other things to do is measured again.
fn is_kept(took: &[Duration]) -> bool {
    assert!(took.len() < 3 || took.iter().any(|took| *took < RECOVERY), "{took:?}");
    took.iter().any(|took| *took < RECOVERY)
}

/// How long until a session is read again.
async fn recovery(store: &RedisStore, key: SessionKey) -> Duration {
    let begun = Instant::now();
    loop {
        match store.load(key).await {
            Ok(found) => {
                assert!(found.is_some(), "a session was lost");
                return begun.elapsed();
            }
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
        assert!(begun.elapsed() < 30 * SECOND, "{:?}", store.trouble());
    }
}

/// Waits until commands fail at once, and sees that they do.
async fn is_open(store: &RedisStore) {
    let begun = Instant::now();
    while store.trouble().is_none() {
        assert!(begun.elapsed() < 30 * SECOND, "the loss is not noticed");
        sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    for n in 0..100 {
        let asked = store.load([n; 32]).await;
        assert!(matches!(asked, Err(StoreError::Unreachable { .. })), "{asked:?}");
    }
    assert!(begun.elapsed() < 10 * SECOND, "they wait: {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_was_killed_is_used_again_when_it_is_back() {
    let mut server = Server::start(DURABLE);
    let store = early(settings(&[server.port])).await;
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    let mut took = Vec::new();
    while !is_kept(&took) {
        server.kill();
        is_open(&store).await;
        sleep(3 * SECOND).await;
        server.restart();
        took.push(recovery(&store, [1; 32]).await);
        println!("killed and restarted: used again after {took:?}");
    }
    assert!(store.vitals().unsent > 0);
}

#[tokio::test]
async fn a_black_hole_is_noticed_and_what_comes_after_it_too() {
    let server = Server::start("");
    let relay = Relay::to(server.port).await;
    let store = early(hasty(&[relay.port])).await;
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    let mut took = Vec::new();
    while !is_kept(&took) {
        relay.stall();
        let (begun, before) = (Instant::now(), relay.taken());
        assert!(store.load([1; 32]).await.is_err());
        assert!(begun.elapsed() < 10 * SECOND, "the deadline of a command");
        is_open(&store).await;
        sleep(3 * SECOND).await;
        let tries = relay.taken() - before;
        // Five a second at most.
        let most = 5 * usize::try_from(begun.elapsed().as_secs() + 1).unwrap();
        assert!(tries < most, "{tries} connections in {:?}", begun.elapsed());
        relay.slow(Duration::ZERO);
        took.push(recovery(&store, [1; 32]).await);
        println!("black hole closed: used again after {took:?}");
    }
    assert!(store.vitals().timeouts > 0);
}

#[tokio::test]
async fn a_slow_server_is_waited_for_and_a_slower_one_is_not() {
    let server = Server::start("");
    let relay = Relay::to(server.port).await;
    let store = early(RedisSettings { in_flight: 10, ..settings(&[relay.port]) }).await;
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    relay.slow(Duration::from_millis(50));
    // Only so many wait; the others hear at once that they cannot be served.
    let asked = join_all((0..40).map(|_| store.load([1; 32]))).await;
    assert_eq!(asked.iter().filter(|it| matches!(it, Ok(Some(_)))).count(), 10);
    relay.slow(Duration::ZERO);
    let prefix = store.link.settings.prefix.clone();
    let store = early(RedisSettings { prefix, ..hasty(&[relay.port]) }).await;
    relay.slow(Duration::from_millis(400));
    let begun = Instant::now();
    assert!(store.load([1; 32]).await.is_err());
    assert!(begun.elapsed() < 10 * SECOND, "{:?}", begun.elapsed());
    relay.slow(Duration::ZERO);
    recovery(&store, [1; 32]).await;
}

#[tokio::test]
async fn a_frozen_server_is_left_alone_and_found_again() {
    let server = Server::start("");
    let store = early(hasty(&[server.port])).await;
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    server.freeze(true);
    is_open(&store).await;
    server.freeze(false);
    recovery(&store, [1; 32]).await;
}

#[tokio::test]
async fn a_full_server_takes_no_login_and_loses_none() {
    let server = Server::start("");
    let store = early(settings(&[server.port])).await;
    for key in 1..=3 {
        store.insert([key; 32], stored("ann", 10, 1_000)).await.unwrap();
    }
    server.command("CONFIG SET maxmemory-policy noeviction");
    server.command("CONFIG SET maxmemory 1mb");
    let refused = store.insert([4; 32], stored("bob", 10, 1_000)).await.unwrap_err();
    assert!(refused.to_string().contains("OOM"), "{refused}");
    assert!(store.load([4; 32]).await.unwrap().is_none(), "not half of it");
    assert!(store.load([1; 32]).await.unwrap().is_some());
    assert!(store.remove([1; 32]).await.unwrap(), "signing out needs no room");
    assert!(store.trouble().is_none(), "and the connection is as good as before");
    server.command("CONFIG SET maxmemory 0");
    store.insert([4; 32], stored("bob", 10, 1_000)).await.unwrap();
}

#[tokio::test]
async fn a_promoted_replica_is_found_by_its_address() {
    let mut took = Vec::new();
    while !is_kept(&took) {
        took.push(a_promotion().await);
        println!("replica promoted: used after {took:?}");
    }
}

/// How long it takes from the promotion until a session is read from the new primary.
async fn a_promotion() -> Duration {
    let mut primary = Server::start("");
    let replica = Server::start(&format!("replicaof 127.0.0.1 {}\n", primary.port));
    let store = early(settings(&[replica.port, primary.port])).await;
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    while !replica.command("KEYS test-*").iter().any(|line| line.contains(":session:")) {
        sleep(Duration::from_millis(20)).await;
    }
    primary.kill();
    is_open(&store).await;
    replica.command("REPLICAOF NO ONE");
    let took = recovery(&store, [1; 32]).await;
    store.insert([2; 32], stored("bob", 10, 1_000)).await.unwrap();
    took
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_is_left() {
    let (old, new) = (Server::start(""), Server::start(""));
    let store = early(settings(&[old.port])).await;
    old.command(&format!("REPLICAOF 127.0.0.1 {}", new.port));
    // The first write finds out; nobody is told that it was kept.
    assert!(store.insert([1; 32], stored("ann", 10, 1_000)).await.is_err());
    is_open(&store).await;
    let begun = Instant::now();
    while !store.trouble().is_some_and(|it| it.to_string().contains("no primary")) {
        assert!(begun.elapsed() < 30 * SECOND, "{:?}", store.trouble());
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn sentinels_say_where_the_primary_is() {
    let mut took = Vec::new();
    while !is_kept(&took) {
        took.push(a_failover().await);
        println!("failover by sentinel: used after {took:?}");
    }
}

/// How long it takes from the promotion, with a sentinel that says where the primary is.
async fn a_failover() -> Duration {
    let mut primary = Server::start("");
    let replica = Server::start(&format!("replicaof 127.0.0.1 {}\n", primary.port));
    let sentinel = Server::sentinel(primary.port);
    let named = RedisSettings { sentinel: Some("main".into()), ..settings(&[sentinel.port]) };
    let store = early(named).await;
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    // The sentinel learns of the replica by asking the primary, each ten seconds.
    let begun = Instant::now();
    while !sentinel.command("SENTINEL replicas main").iter().any(|line| line == "slave")
        || !replica.command("KEYS test-*").iter().any(|line| line.contains(":session:"))
    {
        assert!(begun.elapsed() < 90 * SECOND, "the sentinel knows no replica");
        sleep(Duration::from_millis(50)).await;
    }
    primary.kill();
    // A sentinel that promotes a server has it hang up on its clients, also on us.
    let is_master = || {
        let role = replica.try_command("ROLE").unwrap_or_default();
        role.iter().any(|line| line == "master")
    };
    while !is_master() {
        assert!(begun.elapsed() < 120 * SECOND, "no failover");
        sleep(Duration::from_millis(20)).await;
    }
    recovery(&store, [1; 32]).await
}

/// A server that comes back with an older copy of its data still has what somebody signed out of.
#[tokio::test]
async fn an_end_that_the_server_forgot_is_told_again() {
    let (new, old) = (Server::start(""), Server::start(""));
    let relay = Relay::to(new.port).await;
    let names = settings(&[relay.port]);
    let store = early(names.clone()).await;
    let copy = early(RedisSettings { servers: settings(&[old.port]).servers, ..names }).await;
    for key in 1..=2 {
        store.insert([key; 32], stored("ann", 10, 1_000)).await.unwrap();
        copy.insert([key; 32], stored("ann", 10, 1_000)).await.unwrap();
    }
    assert!(store.remove([1; 32]).await.unwrap());
    relay.aim(old.port);
    drop(new);
    is_open(&store).await;
    recovery(&store, [2; 32]).await;
    assert!(copy.load([1; 32]).await.unwrap().is_none(), "it was signed out of");
}

/// A certificate authority, as PEM and to issue with.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

/// A certificate and its key, as PEM.
fn issue(authority: &Issuer<'static, KeyPair>, name: &str) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// Everything that a store sends.
async fn may_all_that_it_does(store: &RedisStore) {
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    store.touch(vec![([1; 32], Timestamp::from_secs(20))]).await.unwrap();
    assert_eq!(store.keys_of(name("ann")).await.unwrap(), [[1; 32]]);
    assert!(store.spend([7; 32], 1, Timestamp::from_secs(60), store.clock.now()).await.unwrap());
    assert!(store.sweep(Timestamp::from_secs(5), Duration::from_secs(9)).await.unwrap().is_empty());
    assert!(store.lease([1; 32], [1; 16], Duration::from_secs(9)).await.unwrap());
    assert!(store.replace([1; 32], vec![name("anna")], vec![1], vec![2]).await.unwrap());
    let bars = store.bars(&[name("bob")]).await.unwrap();
    store.bar(&[name("bob")]).await.unwrap();
    let bob = stored("bob", 10, 1_000);
    assert!(!store.insert_unless_barred([2; 32], bob, bars).await.unwrap());
    store.release([1; 32], [1; 16]).await.unwrap();
    let tried =
        Tried { thing: [2; 32], step: Duration::from_secs(9), whole: Duration::from_secs(9) };
    assert_eq!(store.take(&[tried]).await.unwrap(), None);
    assert!(store.take(&[tried]).await.unwrap().is_some());
    store.settle(&[tried], &[[3; 32]]).await.unwrap();
    let longer = Tried { whole: Duration::from_secs(90), ..tried };
    assert_eq!(store.take(&[longer]).await.unwrap(), None);
    assert_eq!(store.take(&[longer]).await.unwrap(), None);
    store.settle(&[longer], &[]).await.unwrap();
    assert!(store.remove([1; 32]).await.unwrap());
    assert_eq!(store.keys(None, 10).await.unwrap(), (vec![], None));
}

#[tokio::test]
async fn tls_with_certificates_on_both_sides_and_a_user_who_may_little() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = std::env::temp_dir().join(format!("redis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).display().to_string()
    };
    let (authority, ca) = authority();
    let issue = |name| issue(&ca, name);
    let (chain, key) = issue("localhost");
    let tls = RedisSettings {
        username: Some("portcullis".into()),
        password: Some(Secret::new("hunter2-of-a-gateway".to_owned())),
        authority: Some(authority.clone().into_bytes()),
        ..settings(&[0])
    };
    // As the manual gives it.
    let user = "user portcullis on >hunter2-of-a-gateway ~PREFIX:* &PREFIX:* -@all +hello \
        +ping +select +role +info +subscribe +unsubscribe +publish +eval +evalsha \
        +script|load +get +set +incr +del +exists +pexpire +pttl +hset +hget +hmget +zadd +zrem \
        +zcard +zrangebyscore +zscan +sadd +srem +smembers";
    let server = Server::start(&format!(
        "port 0\ntls-port PORT\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\n\
         tls-auth-clients yes\nuser default off\n{}\n",
        file("chain.pem", &chain),
        file("key.pem", &key),
        file("ca.pem", &authority),
        user.replace("PREFIX", &tls.prefix),
    ));
    let at = |host: &str| vec![RedisServer { host: host.into(), port: server.port, tls: true }];
    let (own, own_key) = issue("gateway");
    let certificate = Some((own.into_bytes(), Secret::new(own_key.into_bytes())));
    let right = RedisSettings { servers: at("localhost"), certificate, ..tls };
    let refused = [
        RedisSettings { certificate: None, ..right.clone() },
        RedisSettings { authority: None, ..right.clone() },
        RedisSettings { servers: at("127.0.0.1"), ..right.clone() },
        RedisSettings { password: Some(Secret::new("wrong".to_owned())), ..right.clone() },
        RedisSettings { username: None, password: None, ..right.clone() },
    ];
    for wrong in refused {
        let wrong = RedisSettings { command_timeout: SECOND, ..wrong };
        let store = RedisStore::open(wrong, Arc::new(SystemClock), Arc::new(SystemEntropy));
        store.ready().await;
        let trouble = store.trouble().expect("it must not connect").to_string();
        assert!(!trouble.contains("hunter2"), "{trouble}");
    }
    let store = early(right.clone()).await;
    may_all_that_it_does(&store).await;
    let said = look(&right).await;
    assert!(said[0].as_ref().unwrap().contains("master"), "{said:?}");
    let _ = std::fs::remove_dir_all(&folder);
}
