//! Sessions by the thousand, made by the code that a login ends in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use portcullis::base::{Clock, Entropy, SystemClock, SystemEntropy};
use portcullis::crypto::{Sealer, SealingKeys};
use portcullis::identity::{Principal, WayIn};
use portcullis::session::{
    EmbeddedStore, Lifetimes, LiveStreams, NewSession, ProviderTokens, SessionManager,
    SessionSettings,
};

/// As many as share one transaction of the store.
const AT_ONCE: usize = 256;

/// Signs `count` people in, `user-0` and on, at the provider `test` of this issuer. `state` is the directory of a
/// gateway that does not run. What their cookies say, in order.
pub(crate) async fn made(state: &Path, issuer: &str, count: usize) -> Vec<String> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = SealingKeys::load_or_create(&state.join("sealing-keys.json"), &*entropy).unwrap();
    let hour = Duration::from_secs(3600);
    let manager = SessionManager::new(
        Arc::new(EmbeddedStore::open(&state.join("sessions.redb"), count).unwrap()),
        Sealer::new(Arc::new(keys), Arc::clone(&entropy)),
        Arc::new(LiveStreams::new(1)),
        Arc::new(SystemClock),
        entropy,
        SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: 12 * hour }, hot: 1 },
    );
    let person = |number: usize| NewSession {
        principal: Arc::new(Principal::new(issuer, format!("user-{number}"))),
        signed_in_by: WayIn::Oidc,
        provider: "test".into(),
        auth_time: SystemClock.now(),
        auth_time_stated: true,
        acr: None,
        amr: Arc::new([]),
        acrs: Arc::new([]),
        tokens: ProviderTokens::default(),
    };
    let numbers: Vec<usize> = (0..count).collect();
    let mut handles = Vec::with_capacity(count);
    for some in numbers.chunks(AT_ONCE) {
        let made = join_all(some.iter().map(|number| manager.start(person(*number), None))).await;
        handles.extend(made.into_iter().map(|made| made.unwrap().0.to_text().expose().clone()));
    }
    handles
}
