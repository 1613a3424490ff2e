//! Fills a state directory with sessions, through the same code that a login ends in, so that the lab
//! need not sign a million people in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use benches::fixtures::engineer;
use clap::Parser;
use futures::future::try_join_all;
use portcullis::base::{Clock as _, Entropy, ProviderId, SystemClock, SystemEntropy};
use portcullis::crypto::{Sealer, SealingKeys};
use portcullis::identity::{Principal, WayIn};
use portcullis::session::{
    EmbeddedStore, Lifetimes, LiveStreams, NewSession, ProviderTokens, SessionManager,
    SessionSettings,
};

/// Prints a cookie for each of the first sessions.
#[derive(Debug, Parser)]
struct Arguments {
    /// The gateway's state directory; it must be there
    #[arg(long)]
    state: PathBuf,
    /// How many sessions to make
    #[arg(long)]
    count: usize,
    /// How many cookies to print
    #[arg(long)]
    show: usize,
    /// The provider that all came by
    #[arg(long, default_value = "demo")]
    provider: String,
}

/// As many as wait for the store's writer at once: they share one transaction.
const AT_ONCE: usize = 256;

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { state, count, show, provider } = Arguments::parse();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = SealingKeys::load_or_create(&state.join("sealing-keys.json"), &*entropy)?;
    let hour = Duration::from_secs(3600);
    let manager = SessionManager::new(
        Arc::new(EmbeddedStore::open(&state.join("sessions.redb"), count)?),
        Sealer::new(Arc::new(keys), Arc::clone(&entropy)),
        Arc::new(LiveStreams::new(1)),
        Arc::new(SystemClock),
        entropy,
        SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: 12 * hour }, hot: 1000 },
    );
    let model = engineer();
    let person = |number: usize| NewSession {
        principal: Arc::new(Principal { subject: format!("person-{number}"), ..(*model).clone() }),
        signed_in_by: WayIn::Session,
        provider: ProviderId::from(provider.as_str()),
        auth_time: SystemClock.now(),
        auth_time_stated: true,
        acr: None,
        amr: Arc::new(["pwd".to_owned()]),
        acrs: Arc::new([]),
        tokens: ProviderTokens {
            provider_sid: Some(format!("{number:032x}")),
            provider_sub: Some(format!("person-{number}")),
            ..ProviderTokens::default()
        },
    };
    let numbers: Vec<usize> = (0..count).collect();
    for some in numbers.chunks(AT_ONCE) {
        let made = some.iter().map(|number| manager.start(person(*number), None));
        for ((handle, _), number) in try_join_all(made).await?.iter().zip(some) {
            if *number < show {
                println!("portcullis={}", handle.to_text().expose());
            }
        }
    }
    Ok(())
}
