use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;

use super::*;
use crate::base::SystemEntropy;
use crate::crypto::SealingKeys;

const NOW: Timestamp = Timestamp::from_secs(1_000);

/// What replicas share; it can go away.
#[derive(Debug, Default)]
struct Shared {
    used: LatelyUsed,
    away: AtomicBool,
}

#[async_trait]
impl OneTime for Shared {
    async fn spend(
        &self,
        thing: [u8; 32],
        most: u32,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        self.used.spend(thing, most, expires, now).await
    }

    async fn uses(&self, thing: [u8; 32]) -> Result<u32, StoreError> {
        self.used.uses(thing).await
    }
}

fn sealer() -> Sealer {
    let entropy = Arc::new(SystemEntropy);
    Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), entropy)
}

fn give(tokens: &OneTimeTokens) -> String {
    tokens.give("door", b"front", b"ann", NOW.after(Duration::from_secs(30)))
}

async fn take(tokens: &OneTimeTokens, text: &str) -> Option<Vec<u8>> {
    tokens.take("door", b"front", text, NOW).await.unwrap()
}

#[tokio::test]
async fn a_token_is_good_once_in_time_and_for_what_it_was_given() {
    let tokens = OneTimeTokens::alone(sealer(), &SystemEntropy);
    let token = give(&tokens);
    assert!(token.len() < 120, "{}", token.len());
    for (purpose, context) in
        [("window", &b"front"[..]), ("door", b"back"), ("door", b""), ("doorf", b"ront")]
    {
        assert_eq!(tokens.take(purpose, context, &token, NOW).await.unwrap(), None);
    }
    assert_eq!(take(&tokens, &token).await.as_deref(), Some(&b"ann"[..]), "nothing used it up");
    assert_eq!(take(&tokens, &token).await, None, "used");
    let late = NOW.after(Duration::from_secs(30));
    let token = give(&tokens);
    assert_eq!(tokens.take("door", b"front", &token, late).await.unwrap(), None, "late");
}

#[tokio::test]
async fn another_spelling_is_another_token_that_is_none() {
    let tokens = OneTimeTokens::alone(sealer(), &SystemEntropy);
    let token = give(&tokens);
    assert!(take(&tokens, &token).await.is_some());
    let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    let mut others = vec![format!("{token}="), format!("{token}A"), format!(" {token}")];
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        others.push(URL_SAFE_NO_PAD.encode(other));
    }
    let last = token.chars().last().unwrap();
    let others_last = ('A'..='Z').chain('a'..='z').chain('0'..='9').filter(|other| *other != last);
    others.extend(others_last.map(|other| format!("{}{other}", token.split_at(token.len() - 1).0)));
    others.extend([String::new(), "made up".to_owned(), "A".repeat(100_000)]);
    for other in others {
        assert_eq!(take(&tokens, &other).await, None, "{other:.200}");
    }
}

#[tokio::test]
async fn of_many_at_once_one_counts_whichever_replica_they_ask() {
    let (sealer, shared) = (sealer(), Arc::new(Shared::default()));
    let replica = || OneTimeTokens::shared(sealer.clone(), Arc::<Shared>::clone(&shared) as _);
    let replicas = [replica(), replica()];
    let token = give(&replicas[0]);
    let takes = (0..100).map(|n| take(&replicas[n % 2], &token));
    assert_eq!(join_all(takes).await.into_iter().flatten().count(), 1);
}

#[tokio::test]
async fn what_nobody_can_say_is_no_yes_and_uses_nothing_up() {
    let shared = Arc::new(Shared::default());
    let tokens = OneTimeTokens::shared(sealer(), Arc::<Shared>::clone(&shared) as _);
    let token = give(&tokens);
    shared.away.store(true, Ordering::SeqCst);
    assert!(tokens.take("door", b"front", &token, NOW).await.is_err());
    assert_eq!(take(&tokens, "made up").await, None, "nobody is asked about what opens nothing");
    shared.away.store(false, Ordering::SeqCst);
    assert!(take(&tokens, &token).await.is_some());
}

#[tokio::test]
async fn what_a_run_forgot_is_not_good_in_the_next_one() {
    let sealer = sealer();
    let before = OneTimeTokens::alone(sealer.clone(), &SystemEntropy);
    let token = give(&before);
    let after = OneTimeTokens::alone(sealer.clone(), &SystemEntropy);
    assert_eq!(take(&after, &token).await, None);
    let shared = OneTimeTokens::shared(sealer, Arc::new(Shared::default()));
    assert_eq!(take(&shared, &token).await, None);
    assert!(take(&before, &token).await.is_some());
}
