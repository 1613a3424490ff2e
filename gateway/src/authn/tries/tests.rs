use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::sleep;

use super::*;
use crate::base::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::crypto::SealingKeys;
use crate::session::redis_server::Server;
use crate::session::{RedisServer, RedisSettings, RedisStore, SessionStore as _, SharedStore as _};

const THREE: Allowance = Allowance { tries: 3, within: Duration::from_secs(600) };

/// Tries of one gateway, and the file of its own ones.
struct Gateway(Tries, PathBuf);

impl Gateway {
    fn alone() -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let file = std::env::temp_dir().join(format!("tries-{}.redb", entropy.token::<9>()));
        let own = Throttle::open(&file, Arc::new(SystemClock)).unwrap();
        Self(Tries::alone(Arc::new(own)), file)
    }

    async fn at(server: &Server, keys: &Arc<SealingKeys>) -> Self {
        let mut gateway = Self::alone();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let settings = settings(server.port);
        let store = Arc::new(RedisStore::open(settings, clock, Arc::new(SystemEntropy)));
        store.ready().await;
        assert!(store.trouble().is_none(), "{:?}", store.trouble());
        let alone = Tries::alone(Arc::clone(&gateway.0.own));
        gateway.0 = alone.together(store, Tagger::new(Arc::clone(keys)));
        gateway
    }

    async fn take(&self, names: &[&str]) -> Result<Ledger, Duration> {
        self.take_of(THREE, names).await
    }

    async fn take_of(&self, allowance: Allowance, names: &[&str]) -> Result<Ledger, Duration> {
        let counted = names.iter().map(|name| (Counted::account(name), allowance));
        match self.0.take(&counted.collect::<Vec<_>>()).await {
            Ok(ledger) => Ok(ledger),
            Err(Held::TooMany(wait)) => Err(wait),
            Err(Held::Broken(cause)) => panic!("{cause}"),
        }
    }

    async fn give_back(&self, ledger: Ledger, name: &str) {
        self.0.settle(ledger, &[(Counted::account(name), THREE)], &[]).await;
    }

    async fn forget(&self, ledger: Ledger, name: &str) {
        self.0.settle(ledger, &[], &[Counted::account(name)]).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.1);
    }
}

fn settings(port: u16) -> RedisSettings {
    RedisSettings {
        servers: vec![RedisServer { host: "127.0.0.1".into(), port, tls: false }],
        sentinel: None,
        username: None,
        password: None,
        database: 0,
        authority: None,
        certificate: None,
        prefix: "tries".to_owned(),
        command_timeout: Duration::from_secs(10),
        max_staleness: Duration::from_secs(10),
        in_flight: 1_000,
        limit: 1_000,
        idle: Duration::from_secs(100),
    }
}

fn keys() -> Arc<SealingKeys> {
    Arc::new(SealingKeys::in_memory(&SystemEntropy))
}

/// What both ledgers promise; `one` and `two` are two gateways, or one twice.
async fn a_ledger_keeps_the_contract(one: &Gateway, two: &Gateway) {
    // Used up, and told when the next one is there.
    for at in [one, two, one] {
        assert!(at.take(&["ann"]).await.is_ok());
    }
    for at in [one, two] {
        let wait = at.take(&["ann"]).await.unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(200), "{wait:?}");
    }
    assert!(two.take(&["bob"]).await.is_ok(), "somebody else has tries of their own");
    // A refused try is taken from nobody.
    for at in [one, two, one, two] {
        assert!(at.take(&["carl", "ann"]).await.is_err());
        assert!(at.take(&["ann", "carl"]).await.is_err());
    }
    for at in [one, two, two] {
        assert!(at.take(&["carl"]).await.is_ok());
    }
    // Given back, by whoever took it; and never more than there were.
    for at in [one, two].into_iter().cycle().take(10) {
        let ledger = at.take(&["dora"]).await.unwrap();
        at.give_back(ledger, "dora").await;
        at.give_back(ledger, "dora").await;
    }
    for at in [one, two, one] {
        assert!(at.take(&["dora"]).await.is_ok());
    }
    assert!(two.take(&["dora"]).await.is_err());
    // Forgotten, for both.
    let ledger = one.take(&["eve"]).await.unwrap();
    assert!(two.take(&["eve"]).await.is_ok() && two.take(&["eve"]).await.is_ok());
    assert!(one.take(&["eve"]).await.is_err());
    two.forget(ledger, "eve").await;
    for at in [one, two, one] {
        assert!(at.take(&["eve"]).await.is_ok());
    }
    assert!(two.take(&["eve"]).await.is_err());
    // At the same moment.
    let all = (0..60).map(|n| if n % 2 == 0 { one } else { two }.take(&["fay"]));
    assert_eq!(join_all(all).await.into_iter().filter(Result::is_ok).count(), 3);
    // Growing back, one by one.
    let soon = Allowance { tries: 3, within: Duration::from_secs(9) };
    let mut wait = None;
    for _ in 0..20 {
        if let Err(left) = one.take_of(soon, &["gus"]).await {
            wait = Some(left);
            break;
        }
    }
    let wait = wait.expect("tries are used up faster than they grow back");
    assert!(wait <= Duration::from_secs(3), "{wait:?}");
    sleep(wait).await;
    assert!(two.take_of(soon, &["gus"]).await.is_ok());
}

#[tokio::test]
async fn the_ledger_of_one_gateway_keeps_the_contract() {
    let gateway = Gateway::alone();
    a_ledger_keeps_the_contract(&gateway, &gateway).await;
    assert_eq!(gateway.take(&["zoe"]).await, Ok(Ledger::Own));
}

#[tokio::test]
async fn the_ledger_of_all_replicas_keeps_the_contract() {
    let (server, keys) = (Server::start(""), keys());
    let one = Gateway::at(&server, &keys).await;
    let two = Gateway::at(&server, &keys).await;
    a_ledger_keeps_the_contract(&one, &two).await;
    assert_eq!(one.take(&["zoe"]).await, Ok(Ledger::Shared));
    // Nothing is left when it says nothing any more, and a name is not to be guessed.
    let names = server.command("KEYS tries:try:*");
    let names: Vec<_> = names.iter().filter(|line| line.starts_with("tries:")).collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        let life = server.command(&format!("PTTL {name}"));
        let life: i64 = life[0].trim_start_matches(':').parse().unwrap();
        assert!(life > 0 && life <= 600_000, "{name} lives {life} ms");
    }
    let stranger = Gateway::at(&server, &self::keys()).await;
    assert!(stranger.take(&["ann"]).await.is_ok(), "without the key nobody finds her counter");
}

#[tokio::test]
async fn without_their_store_each_gateway_counts_for_itself_and_goes_back_to_it() {
    let (mut server, keys) = (Server::start("appendonly yes\nappendfsync always\n"), keys());
    let one = Gateway::at(&server, &keys).await;
    let before = one.take(&["ann"]).await.unwrap();
    server.kill();
    for _ in 0..3 {
        assert_eq!(one.take(&["ann"]).await, Ok(Ledger::Own));
    }
    assert!(one.take(&["ann"]).await.is_err(), "not without an end");
    one.give_back(before, "ann").await;
    assert!(one.take(&["ann"]).await.is_err(), "what was taken there is given back there only");
    server.restart();
    let back = async {
        while one.take(&["bob"]).await != Ok(Ledger::Shared) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), back).await.expect("found again");
    for _ in 0..2 {
        assert_eq!(one.take(&["ann"]).await, Ok(Ledger::Shared));
    }
    assert!(one.take(&["ann"]).await.is_err(), "a restart of the store gives no tries");
}

/// Else a flood of names fills the server, and nobody signs in.
#[tokio::test]
async fn a_flood_of_names_is_counted_by_each_gateway_for_itself() {
    let (server, keys) = (Server::start(""), keys());
    let one = Gateway::at(&server, &keys).await;
    assert_eq!(one.take(&["ann"]).await, Ok(Ledger::Shared));
    let life = || -> i64 {
        server.command("PTTL tries:tries")[0].trim_start_matches(':').parse().unwrap()
    };
    assert!(life() > 0 && life() <= 600_000, "the count ends by itself");
    server.command("SET tries:tries 999998 KEEPTTL");
    assert_eq!(one.take(&["bob"]).await, Ok(Ledger::Shared));
    assert_eq!(one.take(&["carl", "dora"]).await, Ok(Ledger::Own), "one too many");
    assert_eq!(one.take(&["ann"]).await, Ok(Ledger::Shared), "she is no new name");
    assert!(
        server.command("KEYS tries:try:*").iter().filter(|it| it.starts_with("tries:")).count()
            == 2
    );
    // Whoever signs in leaves room for the next one.
    one.forget(Ledger::Shared, "bob").await;
    assert_eq!(one.take(&["carl"]).await, Ok(Ledger::Shared));
    one.give_back(Ledger::Shared, "carl").await;
    one.give_back(Ledger::Shared, "carl").await;
    assert_eq!(one.take(&["dora"]).await, Ok(Ledger::Shared));
    assert_eq!(server.command("GET tries:tries")[1], "999999");
    assert_eq!(one.take(&["eve"]).await, Ok(Ledger::Shared));
    assert_eq!(one.take(&["fay"]).await, Ok(Ledger::Own));
    assert!(life() > 0, "and still does");
}
