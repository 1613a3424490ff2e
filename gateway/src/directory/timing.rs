//! THREATS K1: who has an account must not be told by the time that a refusal takes.
//!
//! What counts is the work: each try, whatever the name, adds one check of one cost. Times are looked
//! at beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use crate::base::{Entropy, Secret, SystemEntropy};
use crate::crypto::keyfile;
use crate::directory::{
    AccountName, Directory, FileDirectory, HashPool, PasswordHash, PeopleTable, SqlDirectory,
};

const TRIES: usize = 2_000;

/// The names that are tried, interleaved; the first one is known and has another password.
const NAMES: [&str; 4] = ["ann", "stranger", "eve", "nopassword"];

/// Knows `ann`, `eve`, who is switched off, and `nopassword`, who cannot sign in here.
#[derive(Debug)]
struct Table(String);

#[async_trait]
impl PeopleTable for Table {
    async fn find(&self, name: &str) -> Result<Vec<Map<String, Value>>, String> {
        let hash = match name {
            "nopassword" => Value::Null,
            "ann" | "eve" => self.0.clone().into(),
            _ => return Ok(Vec::new()),
        };
        let row = json!({ "subject": name, "password": hash, "disabled": name == "eve" });
        let Value::Object(row) = row else { panic!("{row}") };
        Ok(vec![row])
    }

    fn rehashes(&self) -> bool {
        false
    }

    async fn rehash(&self, _: &str, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }
}

#[tokio::test]
async fn each_name_costs_a_table_the_same() {
    let hash = PasswordHash::make_cheap("opensesame");
    let pool = HashPool::new(2);
    let table = Arc::new(Table(hash.to_text()));
    let directory = SqlDirectory::new("sql", table, pool.clone(), Arc::new(SystemEntropy));
    // Before anybody known was tried, the kind of hash is a guess.
    try_once(&directory, "ann").await;
    all_cost_the_same("sql", &directory, &pool, hash.cost()).await;
}

#[tokio::test]
async fn each_name_costs_a_file_the_same() {
    let entropy: &dyn Entropy = &SystemEntropy;
    let folder = std::env::temp_dir().join(format!("timing-{}", entropy.token::<9>()));
    let file = folder.join("users.toml");
    let hash = PasswordHash::make_cheap("opensesame");
    let text = hash.to_text();
    let users = format!(
        "[users.ann]\npassword = \"{text}\"\n[users.eve]\npassword = \"{text}\"\ndisabled = true\n"
    );
    keyfile::write_atomic(&file, users.as_bytes()).unwrap();
    let pool = HashPool::new(2);
    let directory = FileDirectory::new(&file, "file", pool.clone(), Arc::new(SystemEntropy));
    all_cost_the_same("file", &directory, &pool, hash.cost()).await;
    let _ = std::fs::remove_dir_all(folder);
}

async fn all_cost_the_same(what: &str, directory: &dyn Directory, pool: &HashPool, cost: u64) {
    let mut times = NAMES.map(|_| Vec::with_capacity(TRIES));
    for number in 0..TRIES {
        let which = number % NAMES.len();
        let before = pool.spent();
        // A stranger is another one each time, as those who try names are.
        let name = match NAMES[which] {
            "stranger" => format!("stranger{number}"),
            known => known.to_owned(),
        };
        let took = try_once(directory, &name).await;
        let after = pool.spent();
        let spent = (after.0 - before.0, after.1 - before.1);
        assert_eq!(spent, (1, cost), "{what}: {name} costs what nobody else does");
        times[which].push(took);
    }
    let [known, others @ ..] = times;
    for (name, other) in NAMES[1..].iter().zip(others) {
        let (one, two) = (median(&known), median(&other));
        let share = share_of_slower(&known, &other);
        eprintln!("{what}: ann {one:?}, {name} {two:?}, slower in {:.1} %", share * 100.0);
        // To be read, not asserted: with a hash as cheap as a test's, reading a row shows beside it, and
        // a busy machine shows more. What costs, the hash, is counted above.
    }
}

async fn try_once(directory: &dyn Directory, name: &str) -> Duration {
    let (name, password) = (AccountName::parse(name).unwrap(), Secret::from("wrong"));
    let began = now();
    let _ = directory.check(&name, &password).await;
    began.elapsed()
}

/// Of all pairs, how many have the slower one on the right: the statistic of Mann and Whitney. A half
/// where both are alike; with 500 tries each, chance alone moves it by two hundredths.
fn share_of_slower(left: &[Duration], right: &[Duration]) -> f64 {
    let slower: usize = right.iter().map(|r| left.iter().filter(|l| *l < r).count()).sum();
    slower as f64 / (left.len() * right.len()) as f64
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(clippy::disallowed_methods, reason = "measures what really passes")]
fn now() -> Instant {
    Instant::now()
}
