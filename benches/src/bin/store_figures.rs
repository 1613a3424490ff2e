//! What a session costs in each store: memory, look-ups, how long a start takes, and how long it takes to
//! end one by the provider's name for it.
//!
//!     store_figures --count 1000000
//!     store_figures --count 1000000 --redis 127.0.0.1:6379

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use benches::fixtures::engineer;
use clap::Parser;
use futures::future::try_join_all;
use portcullis::base::{Clock as _, Entropy, Secret, SystemClock, SystemEntropy};
use portcullis::crypto::{Sealer, SealingKeys};
use portcullis::identity::{Principal, WayIn};
use portcullis::session::{
    EmbeddedStore, EndCause, Handle, Lifetimes, LiveStreams, NewSession, ProviderTokens,
    RedisServer, RedisSettings, RedisStore, SessionManager, SessionSettings, SessionStore, Whose,
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
    /// How long the provider's tokens of each are together; 2,500 are an ID token, an access token and a
    /// refresh token
    #[arg(long, default_value_t = 0)]
    token_bytes: usize,
}

/// As many as wait for the store at once.
const AT_ONCE: usize = 256;
const HOUR: Duration = Duration::from_secs(3600);

/// Sessions that are ended one after the other.
const ENDED: usize = 1000;

/// What managers over one store have in common.
struct House {
    arguments: Arguments,
    entropy: Arc<dyn Entropy>,
    keys: Arc<SealingKeys>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = Arc::new(SealingKeys::in_memory(&*entropy));
    let it = House { arguments: Arguments::parse(), entropy, keys };
    let file = it.arguments.folder.join(format!("figures-{}.redb", std::process::id()));
    let killed = file.with_extension("killed");
    let handles = first_run(&it, &file, &killed).await?;
    if killed.exists() {
        println!("the first session after a kill: {:?}", start(&it, &killed, &handles).await?);
        std::fs::remove_file(&killed)?;
    }
    println!("the first session after a stop: {:?}", start(&it, &file, &handles).await?);
    let manager = manager(&it, &file)?;
    manager.ready().await;
    let begun = Instant::now();
    for some in handles.chunks(AT_ONCE) {
        try_join_all(some.iter().map(|handle| manager.find(handle))).await?;
    }
    rate("read from the store", handles.len(), begun.elapsed());
    let (begun, mut rounds) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(3) {
        for handle in &handles {
            std::hint::black_box(manager.find_hot(handle));
        }
        rounds += handles.len();
    }
    rate("found in memory, one thread", rounds, begun.elapsed());
    end_some(&manager, it.arguments.count).await?;
    drop(manager);
    let _ = std::fs::remove_file(file);
    Ok(())
}

/// Fills the store; leaves the file as a process leaves it that is killed, and as one that stops.
async fn first_run(it: &House, file: &Path, killed: &Path) -> Result<Vec<Handle>> {
    let manager = manager(it, file)?;
    manager.ready().await;
    let there = it.arguments.redis.as_deref().map(used_memory).transpose()?;
    // Measured while memory fills for the first time: later, what was freed before is used again.
    let before = resident()?;
    let handles = fill(&manager, &it.arguments).await?;
    let memory = resident()?.saturating_sub(before);
    println!("memory: {} bytes a session, all of them in memory", memory / handles.len());
    if let (Some(before), Some(server)) = (there, &it.arguments.redis) {
        let grown = used_memory(server)?.saturating_sub(before);
        println!("the server's memory: {} bytes a session", grown / handles.len());
    }
    if let Ok(facts) = std::fs::metadata(file) {
        println!("file: {} bytes a session", facts.len() / u64::try_from(handles.len())?);
        // What is acknowledged is on the disk: no more than this is left when the process dies.
        std::fs::copy(file, killed)?;
        // Else the next process would wait for all of the copy to be written.
        std::fs::File::open(killed)?.sync_all()?;
    }
    Ok(handles)
}

/// How long a new process waits for the store, until it has read one session.
async fn start(it: &House, file: &Path, handles: &[Handle]) -> Result<Duration> {
    let begun = Instant::now();
    let store = store(&it.arguments, file, &it.entropy)?;
    if let Some(shared) = store.shared() {
        shared.ready().await;
    }
    let somebody = handles.get(handles.len() / 2).context("nobody is there")?;
    store.load(somebody.key()).await?.context("a session is lost")?;
    Ok(begun.elapsed())
}

/// As a `logout_token` does it: by `iss` and `sid`, one after the other.
async fn end_some(manager: &SessionManager, count: usize) -> Result<()> {
    let issuer = engineer().issuer.clone();
    let mut took = Vec::new();
    for n in 0..ENDED.min(count) {
        let whose = Whose {
            issuer: Some(issuer.clone()),
            provider_sid: Some(sid(n * count / ENDED.min(count))),
            ..Whose::default()
        };
        let begun = Instant::now();
        let ends = manager.end_those(&whose, EndCause::Revoked).await;
        took.push(begun.elapsed());
        anyhow::ensure!(ends.ended.len() == 1 && ends.fault.is_none(), "{ends:?}");
    }
    took.sort_unstable();
    let at = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
    println!("ended by iss and sid: p50 {:?}, p99 {:?}", at(50), at(99));
    Ok(())
}

fn manager(it: &House, file: &Path) -> Result<SessionManager> {
    Ok(SessionManager::new(
        store(&it.arguments, file, &it.entropy)?,
        Sealer::new(Arc::clone(&it.keys), Arc::clone(&it.entropy)),
        Arc::new(LiveStreams::new(1)),
        Arc::new(SystemClock),
        Arc::clone(&it.entropy),
        SessionSettings {
            lifetimes: Lifetimes { idle: HOUR, absolute: 12 * HOUR },
            hot: it.arguments.count,
        },
    ))
}

fn store(
    arguments: &Arguments,
    file: &Path,
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

async fn fill(manager: &SessionManager, arguments: &Arguments) -> Result<Vec<Handle>> {
    let count = arguments.count;
    let model = engineer();
    let person = |number: usize| NewSession {
        principal: Arc::new(Principal { subject: format!("person-{number}"), ..(*model).clone() }),
        signed_in_by: WayIn::Oidc,
        provider: "demo".into(),
        auth_time: SystemClock.now(),
        auth_time_stated: false,
        acr: None,
        amr: Arc::new(["pwd".to_owned()]),
        acrs: Arc::new([]),
        tokens: ProviderTokens {
            id_token: Some(Secret::new("x".repeat(arguments.token_bytes))),
            provider_sid: Some(sid(number)),
            provider_sub: Some(format!("person-{number}")),
            ..ProviderTokens::default()
        },
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

/// The provider's name for a session.
fn sid(number: usize) -> String {
    format!("{number:032x}")
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

/// What a Redis says of its memory, in bytes.
fn used_memory(server: &str) -> Result<usize> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(b"INFO memory\r\nQUIT\r\n")?;
    let mut told = String::new();
    stream.read_to_string(&mut told)?;
    let line = told.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.context("used_memory")?.trim().parse()?)
}
