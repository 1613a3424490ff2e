//! What a session costs in each store: memory, look-ups, and how long a start takes.
//!
//!     store_figures --count 1000000
//!     store_figures --count 1000000 --redis 127.0.0.1:6379

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use benches::fixtures::engineer;
use clap::Parser;
use futures::future::try_join_all;
use portcullis::base::{Clock as _, Entropy, SystemClock, SystemEntropy};
use portcullis::crypto::{Sealer, SealingKeys};
use portcullis::identity::{Principal, WayIn};
use portcullis::session::{
    EmbeddedStore, Handle, Lifetimes, LiveStreams, NewSession, ProviderTokens, RedisServer,
    RedisSettings, RedisStore, SessionManager, SessionSettings, SessionStore,
};
use tokio::time::Instant;

/// Measures one store.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many sessions
    #[arg(long)]
    count: usize,
    /// A Redis at `host:port`, instead of a file
    #[arg(long)]
    redis: Option<String>,
    /// Where the file is made
    #[arg(long, default_value = "/tmp")]
    folder: PathBuf,
}

/// As many as wait for the store at once.
const AT_ONCE: usize = 256;
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let file = arguments.folder.join(format!("figures-{}.redb", std::process::id()));
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = Arc::new(SealingKeys::in_memory(&*entropy));
    let open = || -> Result<SessionManager> {
        let store = store(&arguments, &file, &entropy)?;
        let sealer = Sealer::new(Arc::clone(&keys), Arc::clone(&entropy));
        let lifetimes = Lifetimes { idle: HOUR, absolute: 12 * HOUR };
        let settings = SessionSettings { lifetimes, hot: arguments.count };
        let live = Arc::new(LiveStreams::new(1));
        Ok(SessionManager::new(
            store,
            sealer,
            live,
            Arc::new(SystemClock),
            Arc::clone(&entropy),
            settings,
        ))
    };
    let manager = open()?;
    manager.ready().await;
    // Measured while memory fills for the first time: later, what was freed before is used again.
    let before = resident()?;
    let handles = fill(&manager, arguments.count).await?;
    let memory = resident()?.saturating_sub(before);
    println!("memory: {} bytes a session, all of them in memory", memory / handles.len());
    drop(manager);
    if let Ok(facts) = std::fs::metadata(&file) {
        println!("file: {} bytes a session", facts.len() / u64::try_from(arguments.count)?);
    }

    let begun = Instant::now();
    let manager = open()?;
    manager.ready().await;
    println!("start with {} sessions: {:?}", arguments.count, begun.elapsed());
    let begun = Instant::now();
    for some in handles.chunks(AT_ONCE) {
        try_join_all(some.iter().map(|handle| manager.find(handle))).await?;
    }
    rate("read from the store", handles.len(), begun.elapsed());
    let begun = Instant::now();
    let mut rounds = 0;
    while begun.elapsed() < Duration::from_secs(3) {
        for handle in &handles {
            std::hint::black_box(manager.find_hot(handle));
        }
        rounds += handles.len();
    }
    rate("found in memory, one thread", rounds, begun.elapsed());
    let _ = std::fs::remove_file(file);
    Ok(())
}

fn store(
    arguments: &Arguments,
    file: &std::path::Path,
    entropy: &Arc<dyn Entropy>,
) -> Result<Arc<dyn SessionStore>> {
    let Some(server) = &arguments.redis else {
        return Ok(Arc::new(EmbeddedStore::open(file, arguments.count)?));
    };
    let (host, port) = server.split_once(':').context("host:port")?;
    let settings = RedisSettings {
        servers: vec![RedisServer { host: host.to_owned(), port: port.parse()?, tls: false }],
        sentinel: None,
        username: None,
        password: None,
        database: 0,
        authority: None,
        certificate: None,
        prefix: "figures".to_owned(),
        command_timeout: Duration::from_secs(10),
        max_staleness: Duration::from_secs(60),
        in_flight: 1_000,
        limit: arguments.count,
        idle: HOUR,
    };
    Ok(Arc::new(RedisStore::open(settings, Arc::new(SystemClock), Arc::clone(entropy))))
}

async fn fill(manager: &SessionManager, count: usize) -> Result<Vec<Handle>> {
    let model = engineer();
    let person = |number: usize| NewSession {
        principal: Arc::new(Principal { subject: format!("person-{number}"), ..(*model).clone() }),
        signed_in_by: WayIn::Oidc,
        provider: "demo".into(),
        auth_time: SystemClock.now(),
        auth_time_stated: false,
        acr: None,
        amr: Arc::new(["pwd".to_owned()]),
        tokens: ProviderTokens::default(),
    };
    let begun = Instant::now();
    let mut handles = Vec::with_capacity(count);
    let numbers: Vec<usize> = (0..count).collect();
    for some in numbers.chunks(AT_ONCE) {
        let made = try_join_all(some.iter().map(|n| manager.start(person(*n), None))).await?;
        handles.extend(made.into_iter().map(|(handle, _)| handle));
    }
    rate("started", count, begun.elapsed());
    Ok(handles)
}

fn rate(what: &str, count: usize, took: Duration) {
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    println!("{what}: {:.0} a second", count / took.as_secs_f64());
}

/// Memory of this process, in bytes.
fn resident() -> Result<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split(' ').nth(1).context("statm")?.parse()?;
    Ok(pages * 4096)
}
