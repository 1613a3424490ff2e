use std::collections::HashSet;

use futures::FutureExt as _;
use proptest::prelude::*;

use super::*;
use crate::base::{ManualClock, SeededEntropy, Timestamp};
use crate::crypto::SealingKeys;
use crate::identity::{Principal, WayIn};
use crate::session::manager::scripted::ScriptedStore;
use crate::session::memory::MemoryStore;
use crate::session::record::ProviderTokens;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// A process over a store and keys that may outlive it.
struct Process {
    manager: Arc<SessionManager>,
    clock: Arc<ManualClock>,
}

fn keys() -> Arc<SealingKeys> {
    Arc::new(SealingKeys::in_memory(&SeededEntropy::new(5)))
}

fn process(store: Arc<dyn SessionStore>, keys: &Arc<SealingKeys>, now: i64) -> Process {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(now)));
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(u64::try_from(now).unwrap()));
    let sealer = Sealer::new(Arc::clone(keys), Arc::clone(&entropy));
    let lifetimes = Lifetimes { idle: 30 * MINUTE, absolute: 120 * MINUTE };
    let settings = SessionSettings { lifetimes, hot: 1_000 };
    let live = Arc::new(LiveStreams::new(20_000));
    let seen: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let manager = SessionManager::new(store, sealer, live, seen, entropy, settings);
    Process { manager: Arc::new(manager), clock }
}

fn alone() -> Process {
    process(Arc::new(MemoryStore::new(1_000)), &keys(), 1_000_000)
}

fn ann() -> NewSession {
    let mut principal = Principal::new("https://idp.test", "ann");
    principal.name = Some("Ann Personal".to_owned());
    NewSession {
        principal: Arc::new(principal),
        signed_in_by: WayIn::Oidc,
        provider: "corp".into(),
        auth_time: Timestamp::from_secs(999_990),
        auth_time_stated: true,
        acr: None,
        amr: Arc::new([]),
        acrs: Arc::default(),
        tokens: ProviderTokens { refresh_token: Some("hunter2".into()), ..Default::default() },
    }
}

impl Process {
    async fn sign_in(&self) -> Handle {
        self.manager.start(ann(), None).await.unwrap().0
    }

    async fn finds(&self, handle: &Handle) -> bool {
        self.manager.find(handle).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_session_is_found_by_its_handle_with_its_tokens_until_it_ends() {
    let it = alone();
    let handle = it.sign_in().await;
    let session = it.manager.find(&handle).await.unwrap().unwrap();
    assert_eq!(session.principal, ann().principal);
    assert_eq!(session.absolute_expiry, session.created.after(120 * MINUTE));
    assert_ne!(handle.to_text().expose(), &*session.sid);
    let tokens = it.manager.tokens(&handle.key()).await.unwrap().unwrap();
    assert_eq!(tokens.refresh_token.unwrap().expose(), "hunter2");
    assert!(!it.finds(&Handle::random(&SeededEntropy::new(77))).await);
    assert!(it.manager.end(&handle.key(), EndCause::Logout).await.unwrap());
    assert!(!it.manager.end(&handle.key(), EndCause::Logout).await.unwrap());
    assert!(!it.finds(&handle).await);
    assert!(it.manager.tokens(&handle.key()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_login_ends_the_session_that_the_browser_brought() {
    let it = alone();
    let planted = it.sign_in().await;
    let stream = it.manager.live().register(planted.key()).unwrap();
    let (fresh, _) = it.manager.start(ann(), Some(&planted)).await.unwrap();
    assert_ne!(fresh.key(), planted.key());
    assert!(it.finds(&fresh).await && !it.finds(&planted).await);
    assert_eq!(stream.ended().await, EndCause::Replaced);
    assert_eq!(it.manager.count(), 1);
}

#[tokio::test]
async fn all_sessions_of_a_person_end_the_oldest_already_gone() {
    let it = alone();
    let (one, two, three) = (it.sign_in().await, it.sign_in().await, it.sign_in().await);
    it.manager.end(&one.key(), EndCause::Logout).await.unwrap();
    let ended = it.manager.end_all_of("https://idp.test", "ann", EndCause::Revoked).await;
    assert_eq!(ended.unwrap(), 2);
    assert!(!it.finds(&two).await && !it.finds(&three).await);
    assert_eq!(it.manager.count(), 0);
}

#[tokio::test]
async fn a_session_survives_a_restart_and_nothing_at_rest_can_be_read_or_altered() {
    let (store, keys) = (Arc::new(MemoryStore::new(10)), keys());
    let handle = process(Arc::clone(&store) as _, &keys, 1_000_000).sign_in().await;
    let stored = store.load(handle.key()).await.unwrap().unwrap();
    for sealed in [&stored.record, &stored.tokens] {
        let text = String::from_utf8_lossy(sealed);
        assert!(
            !text.contains("Personal") && !text.contains("hunter2") && !text.contains("idp.test")
        );
    }
    assert!(process(Arc::clone(&store) as _, &keys, 1_000_060).finds(&handle).await);
    for bit in 0..stored.record.len() * 8 {
        let mut forged = stored.clone();
        forged.record[bit / 8] ^= 1 << (bit % 8);
        store.insert(handle.key(), forged).await.unwrap();
        assert!(!process(Arc::clone(&store) as _, &keys, 1_000_060).finds(&handle).await, "{bit}");
    }
    let swapped = StoredSession { record: stored.tokens.clone(), ..stored.clone() };
    store.insert(handle.key(), swapped).await.unwrap();
    assert!(!process(Arc::clone(&store) as _, &keys, 1_000_060).finds(&handle).await);
    let other = Handle::random(&SeededEntropy::new(4));
    store.insert(other.key(), stored).await.unwrap();
    assert!(!process(store, &keys, 1_000_060).finds(&other).await, "another's record");
}

#[tokio::test]
async fn an_unused_session_ends_at_its_idle_time_and_a_used_one_at_its_cap() {
    let it = alone();
    let (unused, used) = (it.sign_in().await, it.sign_in().await);
    for _ in 0..4 {
        it.clock.advance(29 * MINUTE);
        assert!(it.finds(&used).await);
    }
    assert!(!it.finds(&unused).await, "idle, before its cap");
    it.clock.advance(4 * MINUTE);
    assert!(!it.finds(&used).await, "used a moment ago, and at its cap");
    let ended = it.manager.sweep().await.ended;
    assert!(ended.contains(&Ended { key: unused.key(), cause: EndCause::Idle }), "{ended:?}");
    assert!(ended.contains(&Ended { key: used.key(), cause: EndCause::Absolute }), "{ended:?}");
    assert_eq!(it.manager.count(), 0, "the sweep made it durable");
}

#[tokio::test]
async fn a_clock_that_goes_back_revives_nothing() {
    let (store, keys) = (Arc::new(MemoryStore::new(10)), keys());
    let it = process(Arc::clone(&store) as _, &keys, 1_000_000);
    let handle = it.sign_in().await;
    it.clock.advance(31 * MINUTE);
    assert!(!it.finds(&handle).await);
    it.clock.advance(Duration::ZERO);
    it.manager.sweep().await;
    // A second process whose clock is an hour behind finds nothing either.
    assert!(!process(store, &keys, 996_400).finds(&handle).await);
}

#[tokio::test]
async fn uses_are_written_behind_and_an_idle_time_survives_a_restart() {
    let (store, keys) = (Arc::new(MemoryStore::new(10)), keys());
    let it = process(Arc::clone(&store) as _, &keys, 1_000_000);
    let handle = it.sign_in().await;
    for _ in 0..20 {
        it.clock.advance(MINUTE);
        assert!(it.finds(&handle).await);
        it.manager.sweep().await;
    }
    let seen = store.load(handle.key()).await.unwrap().unwrap().last_seen;
    assert!(it.clock.now().since(seen) <= 30 * SECOND, "{seen:?}");
    assert!(process(Arc::clone(&store) as _, &keys, 1_002_900).finds(&handle).await);
    assert!(!process(store, &keys, 1_003_030).finds(&handle).await);
}

#[tokio::test]
async fn streams_of_sessions_that_are_over_end_at_the_next_sweep() {
    let it = alone();
    let (idle, busy) = (it.sign_in().await, it.sign_in().await);
    let live = Arc::clone(it.manager.live());
    let (lost, kept) = (live.register(idle.key()).unwrap(), live.register(busy.key()).unwrap());
    it.clock.advance(29 * MINUTE);
    it.manager.touch(&busy.key());
    it.manager.sweep().await;
    assert_eq!(lost.ended().now_or_never(), None);
    it.clock.advance(MINUTE);
    it.manager.sweep().await;
    assert_eq!(lost.ended().now_or_never(), Some(EndCause::Idle));
    assert_eq!(kept.ended().now_or_never(), None);
    let nobody = live.register(crate::session::live::NOBODY).unwrap();
    let unknown = live.register([9; 32]).unwrap();
    it.manager.sweep().await;
    assert_eq!(unknown.ended().now_or_never(), Some(EndCause::Revoked), "of no session at all");
    assert_eq!(nobody.ended().now_or_never(), None, "of an anonymous route");
}

#[tokio::test]
async fn a_look_up_that_was_under_way_does_not_bring_an_ended_session_back() {
    let (store, keys) = (ScriptedStore::new(), keys());
    let handle = process(Arc::clone(&store) as _, &keys, 1_000_000).sign_in().await;
    let it = process(Arc::clone(&store) as _, &keys, 1_000_010);
    store.hold_loads();
    let slow = tokio::spawn({
        let (manager, handle) = (Arc::clone(&it.manager), handle.clone());
        async move { manager.find(&handle).await.unwrap().is_some() }
    });
    store.wait_for_held_load().await;
    assert!(it.manager.end(&handle.key(), EndCause::Logout).await.unwrap());
    store.release_loads();
    assert!(slow.await.unwrap(), "it read the record before the end, and answers as of then");
    assert!(!it.finds(&handle).await, "and memory does not hold what it read");
    let late = it.manager.live().register(handle.key()).unwrap();
    assert_eq!(late.ended().now_or_never(), Some(EndCause::Logout));
}

#[tokio::test]
async fn a_failing_store_cannot_keep_an_ended_session_alive() {
    let (store, keys) = (ScriptedStore::new(), keys());
    let it = process(Arc::clone(&store) as _, &keys, 1_000_000);
    let handle = it.sign_in().await;
    let stream = it.manager.live().register(handle.key()).unwrap();
    store.fail_removes(true);
    let ended = it.manager.end(&handle.key(), EndCause::Revoked).await;
    assert!(ended.is_err(), "not durable, and said so");
    assert!(!it.finds(&handle).await, "dead all the same, though the store has it");
    assert_eq!(stream.ended().now_or_never(), Some(EndCause::Revoked));
    assert!(it.manager.sweep().await.fault.is_some());
    assert!(!it.finds(&handle).await);
    store.fail_removes(false);
    assert!(it.manager.sweep().await.fault.is_none());
    assert_eq!(it.manager.count(), 0, "tried again until it is durable");
    assert!(!it.finds(&handle).await);
}

#[tokio::test]
async fn debug_shows_no_person_and_no_secret() {
    let it = alone();
    let (handle, _) = it.manager.start(ann(), None).await.unwrap();
    let stored = it.manager.store.load(handle.key()).await.unwrap();
    let shown = format!(
        "{:?} {:?} {handle:?} {:?} {stored:?}",
        it.manager,
        ann().tokens,
        it.manager.live()
    );
    assert!(!shown.contains("hunter2") && !shown.contains(handle.to_text().expose().as_str()));
    assert!(!shown.contains("Personal"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Each task works on shared sessions in its own order; whoever sees an end acknowledged
    /// never finds that session again, from memory or from the store.
    #[test]
    fn an_ended_session_is_never_found_afterwards(plans in prop::collection::vec(
        prop::collection::vec((0usize..6, any::<bool>()), 1..40), 2..6)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let (store, keys) = (Arc::new(MemoryStore::new(100)), keys());
            let first = process(Arc::clone(&store) as _, &keys, 1_000_000);
            let mut handles = Vec::new();
            for _ in 0..6 {
                handles.push(first.sign_in().await);
            }
            // A process with cold memory: each find may have to read the store.
            let it = process(store, &keys, 1_000_001);
            let acknowledged = Arc::new(Mutex::new(HashSet::new()));
            let tasks: Vec<_> = plans.into_iter().map(|plan| {
                let (manager, handles) = (Arc::clone(&it.manager), handles.clone());
                let acknowledged = Arc::clone(&acknowledged);
                tokio::spawn(async move {
                    for (which, end) in plan {
                        let key = handles[which].key();
                        if end {
                            manager.end(&key, EndCause::Logout).await.unwrap();
                            acknowledged.lock().unwrap().insert(key);
                        }
                        let dead = acknowledged.lock().unwrap().contains(&key);
                        let found = manager.find(&handles[which]).await.unwrap().is_some();
                        assert!(!(dead && found), "found after its end was acknowledged");
                        tokio::task::yield_now().await;
                    }
                })
            }).collect();
            for task in tasks {
                task.await.unwrap();
            }
            for handle in &handles {
                let dead = acknowledged.lock().unwrap().contains(&handle.key());
                assert_eq!(it.finds(handle).await, !dead);
            }
        });
    }
}
