//! What every session store must do; each implementation's tests run this.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use crate::base::Timestamp;
use crate::session::events::{EndCause, Ended};
use crate::session::store::{IndexKey, SWEEP_BATCH, SessionStore, StoreError, StoredSession};

const IDLE: Duration = Duration::from_secs(100);

/// Runs the contract over new stores that `open` makes for a given limit.
pub(crate) async fn a_store_keeps_the_contract<S: SessionStore + 'static>(
    open: impl Fn(usize) -> Arc<S>,
) {
    what_is_inserted_loads_until_it_is_removed(&*open(10)).await;
    a_full_store_refuses_and_drops_nothing(&*open(2)).await;
    touches_move_forward_only_and_revive_nothing(&*open(10)).await;
    a_replacement_changes_content_only_and_revives_nothing(&*open(10)).await;
    a_replacement_moves_a_session_to_its_new_names(&*open(10)).await;
    what_is_barred_is_kept_out_where_others_share_the_store(&*open(10)).await;
    a_lease_is_given_back_by_its_holder_only(&*open(10)).await;
    all_sessions_of_a_person_are_listed(&*open(10)).await;
    a_session_is_found_by_each_of_its_names(&*open(10)).await;
    a_session_that_is_written_again_has_its_new_names_only(&*open(10)).await;
    every_key_is_listed_page_by_page(&*open(100)).await;
    a_sweep_removes_what_is_over_and_nothing_else(&*open(10)).await;
    a_sweep_is_bounded(&*open(SWEEP_BATCH + 10)).await;
    concurrent_changes_all_count(open(1_000)).await;
}

/// A session of `subject`, last used at `seen`, over at `expiry`.
pub(crate) fn stored(subject: &str, seen: i64, expiry: i64) -> StoredSession {
    StoredSession {
        names: vec![name(subject)],
        record: format!("record of {subject}").into_bytes(),
        tokens: vec![7; 300],
        absolute_expiry: Timestamp::from_secs(expiry),
        last_seen: Timestamp::from_secs(seen),
    }
}

/// What a session is found by, made of a word.
pub(crate) fn name(word: &str) -> IndexKey {
    let mut name = [b'.'; 32];
    name[..word.len()].copy_from_slice(word.as_bytes());
    IndexKey(name)
}

async fn what_is_inserted_loads_until_it_is_removed(store: &dyn SessionStore) {
    assert_eq!(store.load([1; 32]).await.unwrap(), None);
    let session = stored("ann", 10, 1_000);
    store.insert([1; 32], session.clone()).await.unwrap();
    store.insert([2; 32], stored("bob", 10, 1_000)).await.unwrap();
    assert_eq!(store.load([1; 32]).await.unwrap(), Some(session));
    holds(store, 2).await;
    assert!(store.remove([1; 32]).await.unwrap());
    assert!(!store.remove([1; 32]).await.unwrap());
    assert_eq!(store.load([1; 32]).await.unwrap(), None);
    holds(store, 1).await;
}

async fn a_full_store_refuses_and_drops_nothing(store: &dyn SessionStore) {
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    store.insert([2; 32], stored("ann", 10, 1_000)).await.unwrap();
    let refused = store.insert([3; 32], stored("bob", 10, 1_000)).await;
    assert!(matches!(refused, Err(StoreError::Full { limit: 2 })), "{refused:?}");
    assert!(store.load([1; 32]).await.unwrap().is_some());
    store.remove([2; 32]).await.unwrap();
    store.insert([3; 32], stored("bob", 10, 1_000)).await.unwrap();
}

async fn touches_move_forward_only_and_revive_nothing(store: &dyn SessionStore) {
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    let at = Timestamp::from_secs;
    store.touch(vec![([1; 32], at(50)), ([9; 32], at(50))]).await.unwrap();
    store.touch(vec![([1; 32], at(20))]).await.unwrap();
    let session = store.load([1; 32]).await.unwrap().unwrap();
    assert_eq!(session, StoredSession { last_seen: at(50), ..stored("ann", 10, 1_000) });
    assert_eq!(store.load([9; 32]).await.unwrap(), None);
    store.remove([1; 32]).await.unwrap();
    store.touch(vec![([1; 32], at(60))]).await.unwrap();
    assert_eq!(store.load([1; 32]).await.unwrap(), None);
    holds(store, 0).await;
}

async fn a_replacement_changes_content_only_and_revives_nothing(store: &dyn SessionStore) {
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    store.insert([2; 32], stored("bob", 10, 1_000)).await.unwrap();
    store.touch(vec![([1; 32], Timestamp::from_secs(50))]).await.unwrap();
    let ann = || vec![name("ann")];
    assert!(store.replace([1; 32], ann(), b"other".to_vec(), vec![9; 700]).await.unwrap());
    let now = StoredSession {
        record: b"other".to_vec(),
        tokens: vec![9; 700],
        last_seen: Timestamp::from_secs(50),
        ..stored("ann", 10, 1_000)
    };
    assert_eq!(store.load([1; 32]).await.unwrap(), Some(now));
    assert_eq!(store.load([2; 32]).await.unwrap(), Some(stored("bob", 10, 1_000)));
    assert_eq!(store.keys_of(name("ann")).await.unwrap(), [[1; 32]]);
    holds(store, 2).await;
    assert!(store.remove([1; 32]).await.unwrap());
    assert!(!store.replace([1; 32], ann(), b"again".to_vec(), vec![9]).await.unwrap());
    assert!(!store.replace([3; 32], ann(), b"never".to_vec(), vec![9]).await.unwrap());
    assert_eq!(store.load([1; 32]).await.unwrap(), None);
    assert_eq!(store.load([3; 32]).await.unwrap(), None);
    assert!(store.keys_of(name("ann")).await.unwrap().is_empty());
    holds(store, 1).await;
    let ended = store.sweep(Timestamp::from_secs(1_000), IDLE).await.unwrap();
    assert_eq!(ended.len(), 1, "{ended:?}");
}

async fn a_replacement_moves_a_session_to_its_new_names(store: &dyn SessionStore) {
    store.insert([1; 32], called(&["ann", "sid-1"], 10)).await.unwrap();
    store.insert([2; 32], called(&["ann", "sid-1"], 100)).await.unwrap();
    let replace = async |key: u8, words: &[&str]| {
        let names = words.iter().map(|word| name(word)).collect();
        store.replace([key; 32], names, b"other".to_vec(), vec![9]).await.unwrap()
    };
    assert!(replace(1, &["ann", "sub", "sid-2"]).await);
    let names = store.load([1; 32]).await.unwrap().unwrap().names;
    assert_eq!(names, [name("ann"), name("sub"), name("sid-2")]);
    for (word, keys) in
        [("ann", &[1, 2][..]), ("sub", &[1]), ("sid-1", &[2]), ("sid-2", &[1]), ("sid", &[])]
    {
        assert_eq!(found(store, word).await, keys, "{word}");
    }
    // Into a name that another one has, and from one that another one keeps.
    assert!(replace(2, &["ann", "sid-2"]).await && replace(1, &["ann", "sid-3"]).await);
    assert_eq!((found(store, "sid-1").await, found(store, "sid-2").await), (vec![], vec![2]));
    assert_eq!((found(store, "sub").await, found(store, "sid-3").await), (vec![], vec![1]));
    // What is gone is in no index, whichever way it went.
    assert!(store.remove([2; 32]).await.unwrap());
    assert_eq!(store.sweep(Timestamp::from_secs(110), IDLE).await.unwrap().len(), 1);
    assert!(!replace(1, &["ann", "sid-4"]).await && !replace(2, &["ann", "sid-5"]).await);
    for word in ["ann", "sub", "sid-1", "sid-2", "sid-3", "sid-4", "sid-5"] {
        assert!(found(store, word).await.is_empty(), "{word}");
    }
    holds(store, 0).await;
}

/// In a store that is alone nobody bars anything: its one process knows what it is writing.
async fn what_is_barred_is_kept_out_where_others_share_the_store(store: &dyn SessionStore) {
    let shared = store.shared().is_some();
    let ann = || called(&["ann", "sid-1"], 10);
    let insert =
        async |key: u8, since| store.insert_unless_barred([key; 32], ann(), since).await.unwrap();
    let before = store.bars(&ann().names).await.unwrap();
    assert!(insert(1, before.clone()).await);
    store.bar(&[name("bob"), name("sid-2")]).await.unwrap();
    assert!(insert(2, before.clone()).await, "others were meant");
    store.bar(&[name("bob"), name("sid-1")]).await.unwrap();
    assert_eq!(insert(3, before).await, !shared);
    let between = store.bars(&ann().names).await.unwrap();
    assert!(insert(4, between.clone()).await, "who begins later is in");
    store.bar(&[name("sid-1")]).await.unwrap();
    assert_eq!(insert(5, between).await, !shared, "once more is another time");
    let later = store.bars(&ann().names).await.unwrap();
    store.bar(&[]).await.unwrap();
    assert_eq!(insert(6, later).await, !shared, "everybody");
    assert!(insert(7, store.bars(&ann().names).await.unwrap()).await);
    let kept = if shared { vec![1, 2, 4, 7] } else { (1..=7).collect() };
    assert_eq!((found(store, "ann").await, found(store, "sid-1").await), (kept.clone(), kept));
}

/// What a store needs that is alone is that nobody waits; others keep the second one out.
async fn a_lease_is_given_back_by_its_holder_only(store: &dyn SessionStore) {
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(30));
    let alone = store.shared().is_none();
    assert!(store.lease([1; 32], [1; 16], long).await.unwrap());
    assert!(store.lease([1; 32], [1; 16], long).await.unwrap(), "its own");
    assert_eq!(store.lease([1; 32], [2; 16], long).await.unwrap(), alone);
    assert!(store.lease([2; 32], [2; 16], long).await.unwrap(), "another session");
    store.release([1; 32], [2; 16]).await.unwrap();
    assert_eq!(store.lease([1; 32], [2; 16], long).await.unwrap(), alone);
    store.release([1; 32], [1; 16]).await.unwrap();
    assert!(store.lease([1; 32], [2; 16], short).await.unwrap());
    for _ in 0..3_000 {
        if store.lease([1; 32], [3; 16], long).await.unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a lease outlives its time");
}

async fn all_sessions_of_a_person_are_listed(store: &dyn SessionStore) {
    for key in [1, 2, 3] {
        store.insert([key; 32], stored("ann", 10, 1_000)).await.unwrap();
    }
    store.insert([4; 32], stored("bob", 10, 1_000)).await.unwrap();
    store.remove([1; 32]).await.unwrap();
    assert_eq!(found(store, "ann").await, [2, 3]);
    assert!(found(store, "annie").await.is_empty());
}

/// The first bytes of the keys of all sessions of a name.
async fn found(store: &dyn SessionStore, word: &str) -> Vec<u8> {
    let keys = store.keys_of(name(word)).await.unwrap();
    let mut keys: Vec<_> = keys.iter().map(|key| key[0]).collect();
    keys.sort_unstable();
    keys
}

/// A session of several names, last used at `seen`.
fn called(words: &[&str], seen: i64) -> StoredSession {
    let names = words.iter().map(|word| name(word)).collect();
    StoredSession { names, ..stored("someone", seen, 1_000) }
}

async fn a_session_is_found_by_each_of_its_names(store: &dyn SessionStore) {
    // Three of one person in two sessions of the provider, and somebody else in one of these.
    store.insert([1; 32], called(&["ann", "sub", "sid-1"], 10)).await.unwrap();
    store.insert([2; 32], called(&["ann", "sub", "sid-1"], 10)).await.unwrap();
    store.insert([3; 32], called(&["ann", "sub", "sid-2"], 100)).await.unwrap();
    store.insert([4; 32], called(&["bob", "sid-1"], 100)).await.unwrap();
    store.insert([5; 32], called(&[], 100)).await.unwrap();
    store.touch(vec![([2; 32], Timestamp::from_secs(100))]).await.unwrap();
    assert_eq!(store.load([2; 32]).await.unwrap(), Some(called(&["ann", "sub", "sid-1"], 100)));
    assert_eq!(store.load([5; 32]).await.unwrap(), Some(called(&[], 100)));
    for (word, keys) in [
        ("ann", &[1, 2, 3][..]),
        ("sub", &[1, 2, 3]),
        ("sid-1", &[1, 2, 4]),
        ("sid-2", &[3]),
        ("bob", &[4]),
        ("sid", &[]),
    ] {
        assert_eq!(found(store, word).await, keys, "{word}");
    }
    // The oldest goes by itself; the others are still found.
    let ended = store.sweep(Timestamp::from_secs(110), IDLE).await.unwrap();
    assert_eq!(ended, [Ended { key: [1; 32], cause: EndCause::Idle }]);
    assert_eq!((found(store, "sub").await, found(store, "sid-1").await), (vec![2, 3], vec![2, 4]));
    store.remove([2; 32]).await.unwrap();
    assert_eq!((found(store, "sub").await, found(store, "sid-1").await), (vec![3], vec![4]));
    for key in [3, 4, 5] {
        assert!(store.remove([key; 32]).await.unwrap());
    }
    for word in ["ann", "sub", "sid-1", "sid-2", "bob"] {
        assert!(found(store, word).await.is_empty(), "{word}");
    }
}

async fn a_session_that_is_written_again_has_its_new_names_only(store: &dyn SessionStore) {
    store.insert([1; 32], called(&["ann", "sid-1"], 10)).await.unwrap();
    store.insert([1; 32], called(&["ann", "sid-2"], 10)).await.unwrap();
    assert_eq!(found(store, "ann").await, [1]);
    assert_eq!((found(store, "sid-1").await, found(store, "sid-2").await), (vec![], vec![1]));
    holds(store, 1).await;
}

async fn every_key_is_listed_page_by_page(store: &dyn SessionStore) {
    assert_eq!(store.keys(None, 7).await.unwrap(), (vec![], None));
    for key in 0..50 {
        store.insert([key; 32], stored("ann", 10, 1_000)).await.unwrap();
    }
    let (mut found, mut mark) = (Vec::new(), None);
    loop {
        let (keys, next) = store.keys(mark.as_deref(), 7).await.unwrap();
        // What is removed while somebody walks through does not stop the walk.
        if let Some(first) = keys.first().filter(|_| found.is_empty()) {
            store.remove(*first).await.unwrap();
        }
        found.extend(keys);
        mark = next;
        if mark.is_none() {
            break;
        }
    }
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, (0..50).map(|key| [key; 32]).collect::<Vec<_>>());
    assert!(!store.keys(Some("no mark"), 7).await.unwrap().0.is_empty());
}

async fn a_sweep_removes_what_is_over_and_nothing_else(store: &dyn SessionStore) {
    store.insert([1; 32], stored("idle", 10, 1_000)).await.unwrap();
    store.insert([2; 32], stored("old", 100, 110)).await.unwrap();
    store.insert([3; 32], stored("busy", 100, 1_000)).await.unwrap();
    let mut ended = store.sweep(Timestamp::from_secs(110), IDLE).await.unwrap();
    ended.sort_unstable_by_key(|ended| ended.key);
    assert_eq!(
        ended,
        [
            Ended { key: [1; 32], cause: EndCause::Idle },
            Ended { key: [2; 32], cause: EndCause::Absolute },
        ]
    );
    assert_eq!(store.load([1; 32]).await.unwrap(), None);
    holds(store, 1).await;
    assert!(found(store, "idle").await.is_empty());
    assert!(store.sweep(Timestamp::from_secs(110), IDLE).await.unwrap().is_empty());
}

async fn a_sweep_is_bounded(store: &dyn SessionStore) {
    let key = |n: usize| {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    };
    let all = (0..SWEEP_BATCH + 5).map(|n| store.insert(key(n), stored("ann", 10, 20)));
    assert!(join_all(all).await.iter().all(Result::is_ok));
    let now = Timestamp::from_secs(20);
    assert_eq!(store.sweep(now, IDLE).await.unwrap().len(), SWEEP_BATCH);
    assert_eq!(store.sweep(now, IDLE).await.unwrap().len(), 5);
    holds(store, 0).await;
}

async fn concurrent_changes_all_count<S: SessionStore + 'static>(store: Arc<S>) {
    let tasks = (0..100_u8).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store.insert([n; 32], stored("ann", 10, 1_000)).await.unwrap();
            assert!(store.load([n; 32]).await.unwrap().is_some(), "what is acknowledged is read");
            if n % 2 == 0 {
                assert!(store.remove([n; 32]).await.unwrap());
                assert!(store.load([n; 32]).await.unwrap().is_none());
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    holds(&*store, 50).await;
}

/// A shared store knows the number of sessions a moment later.
async fn holds(store: &dyn SessionStore, count: usize) {
    for _ in 0..3_000 {
        if store.count() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.count(), count);
}
