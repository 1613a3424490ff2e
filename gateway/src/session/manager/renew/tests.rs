use futures::FutureExt as _;
use tokio::sync::Semaphore;

use super::*;
use crate::session::manager::renew::tests::house::{House, LIFE, MINUTE, SECOND, SETTINGS};
use crate::session::manager::scripted::ScriptedStore;
use crate::session::memory::MemoryStore;
use crate::session::{Handle, Hot, SessionStore};

mod house;
mod names;
mod outages;

#[tokio::test]
async fn a_hundred_requests_at_expiry_are_one_refresh_and_nobody_waits_or_is_signed_out() {
    let it = House::new();
    let handle = it.sign_in().await;
    let before = it.find(&handle).await.unwrap();
    it.clock.advance(LIFE + SECOND);
    for _ in 0..100 {
        assert!(matches!(it.manager.find_hot(&handle), Hot::Session(_)), "served meanwhile");
    }
    let found = join_all((0..100).map(|_| it.find(&handle))).await;
    assert!(found.iter().all(Option::is_some));
    it.settle().await;
    assert_eq!(it.calls(), 1);
    let now = it.find(&handle).await.unwrap();
    assert!(!Arc::ptr_eq(&now, &before));
    assert!(Arc::ptr_eq(now.reference(), before.reference()), "the same person: notes stay");
    assert_eq!((now.created, now.absolute_expiry), (before.created, before.absolute_expiry));
    assert!(now.last_seen() >= before.last_seen());
    let tokens = it.manager.tokens(&handle.key()).await.unwrap().unwrap();
    assert_eq!(tokens.refresh_token.unwrap().expose(), "2");
    // And so on, for as long as it is used.
    for _ in 0..3_600 {
        it.tick().await;
        assert!(it.find(&handle).await.is_some());
    }
    assert!((12..=18).contains(&it.calls()), "{}", it.calls());
    assert!(it.idp.told.lock().unwrap().iter().all(|told| *told == Ok(Renewed::Now(false))));
}

#[tokio::test]
async fn one_that_is_used_or_has_streams_is_renewed_ahead_and_a_forgotten_one_at_its_next_use() {
    let it = House::new();
    let (used, streaming, forgotten) = (it.sign_in().await, it.sign_in().await, it.sign_in().await);
    let nothing = it.sign_in_with(None).await;
    let stream = it.manager.live().register(streaming.key()).unwrap();
    for second in 0..1_800 {
        it.tick().await;
        if second % 20 == 0 {
            assert!(it.find(&used).await.is_some());
        }
    }
    let count = |handle: &Handle| it.idp.counts.lock().unwrap().get(&handle.key()).copied();
    assert!(count(&used) > Some(6), "{:?}", count(&used));
    assert!(count(&streaming) > Some(6), "{:?}", count(&streaming));
    let left = count(&forgotten).unwrap();
    assert!(left < 7, "for a quarter of an hour only: {left}");
    // Its tokens are older than the grace: its first request waits for new ones.
    it.clock.advance(MINUTE * 30);
    assert!(matches!(it.manager.find_hot(&forgotten), Hot::Cold));
    assert!(it.find(&forgotten).await.is_some());
    assert_eq!(count(&forgotten), Some(left + 1));
    assert!(it.find(&nothing).await.is_some() && count(&nothing).is_none());
    assert_eq!(stream.ended().now_or_never(), None);
}

#[tokio::test]
async fn a_provider_that_does_not_want_the_person_any_more_ends_session_and_streams_at_once() {
    let it = House::new();
    let handle = it.sign_in().await;
    let stream = it.manager.live().register(handle.key()).unwrap();
    it.mood(Some(FaultClass::Definitive));
    it.clock.advance(LIFE - 20 * SECOND);
    it.tick().await;
    assert!(it.find(&handle).await.is_none());
    assert_eq!(stream.ended().await, EndCause::Refresh);
    let ended = it.manager.sweep().await.ended;
    assert_eq!(ended, [Ended { key: handle.key(), cause: EndCause::Refresh }]);
    assert_eq!(*it.idp.told.lock().unwrap(), [Err(FaultClass::Definitive)]);
    assert_eq!(it.manager.count(), 0);
}

#[tokio::test]
async fn an_outage_of_ten_minutes_is_nobodys_end_and_the_provider_is_left_in_peace() {
    let it = House::new();
    let handles = join_all((0..300).map(|_| it.sign_in())).await;
    it.mood(Some(FaultClass::Unavailable));
    for _ in 0..(LIFE.as_secs() + 600) {
        it.tick().await;
        for handle in &handles {
            assert!(matches!(it.manager.find_hot(handle), Hot::Session(_)));
        }
    }
    let asked = it.calls();
    println!("300 sessions, ten minutes: the provider was asked {asked} times");
    assert!(asked < 40, "{asked}");
    let session = it.find(&handles[0]).await.unwrap();
    assert!(it.manager.remaining(&session) <= Duration::from_secs(600), "its grace");
    it.mood(None);
    for _ in 0..360 {
        it.tick().await;
    }
    let tokens = it.idp.counts.lock().unwrap().len();
    assert_eq!(tokens, 300, "all have new tokens again");
    let session = it.find(&handles[0]).await.unwrap();
    assert!(it.manager.remaining(&session) > Duration::from_secs(1_200));
}

#[tokio::test]
async fn an_outage_beyond_the_grace_ends_sessions_and_not_before() {
    for class in [FaultClass::Unavailable, FaultClass::Misconfigured, FaultClass::Unclear] {
        let it = House::new();
        let handle = it.sign_in().await;
        let stream = it.manager.live().register(handle.key()).unwrap();
        it.mood(Some(class));
        for _ in 0..(LIFE + SETTINGS.grace).as_secs() - 1 {
            it.tick().await;
            assert!(matches!(it.manager.find_hot(&handle), Hot::Session(_)));
        }
        it.tick().await;
        it.tick().await;
        assert!(!matches!(it.manager.find_hot(&handle), Hot::Session(_)), "{class:?}");
        assert_eq!(stream.ended().now_or_never(), Some(EndCause::Refresh));
        // It has ended when it was asked for once more.
        let mut found = it.manager.find(&handle).await;
        for _ in 0..60 {
            if let Err(fault) = &found {
                assert!(matches!(fault, StoreError::Unrenewed), "{fault}");
                it.tick().await;
                found = it.manager.find(&handle).await;
            }
        }
        assert!(found.unwrap().is_none(), "{class:?}");
    }
}

#[tokio::test]
async fn nobody_is_signed_out_by_what_another_session_failed_with() {
    let it = House::new();
    let handles = join_all((0..50).map(|_| it.sign_in())).await;
    it.clock.advance(LIFE + SETTINGS.grace + SECOND);
    it.mood(Some(FaultClass::Unavailable));
    assert!(it.find(&handles[0]).await.is_none(), "late, and its own attempt failed");
    for handle in &handles[1..] {
        let found = it.manager.find(handle).await;
        assert!(matches!(found, Err(StoreError::Unrenewed)), "{found:?}");
    }
    assert_eq!((it.calls(), it.manager.count()), (1, 49));
    assert_eq!(it.manager.sweep().await.ended.len(), 1);
    // Nothing is asked for those whom nobody asks for.
    for _ in 0..60 {
        it.tick().await;
    }
    assert_eq!(it.calls(), 1);
    it.mood(None);
    for handle in &handles[1..] {
        assert!(it.find(handle).await.is_some());
    }
    let stream = it.manager.live().register(handles[1].key()).unwrap();
    assert_eq!(stream.ended().now_or_never(), None, "it has streams again");
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_a_provider_no_longer_than_ten_seconds() {
    let it = House::gated(Some(Semaphore::new(0)));
    let handle = it.sign_in().await;
    it.clock.advance(LIFE + SETTINGS.grace + SECOND);
    let begun = tokio::time::Instant::now();
    let found = it.manager.find(&handle).await;
    assert!(matches!(found, Err(StoreError::Unrenewed)), "{found:?}");
    assert!(begun.elapsed() <= Duration::from_secs(11), "{:?}", begun.elapsed());
    // What was begun goes on, and the next request has it.
    it.idp.gates.as_ref().unwrap().add_permits(1);
    it.settle().await;
    assert!(it.find(&handle).await.is_some());
    assert_eq!(it.calls(), 1);
}

/// A replica that has not been given the newest sealing key yet.
#[tokio::test]
async fn what_does_not_open_here_is_nobodys_end() {
    let it = House::new();
    let (handle, store) = (it.sign_in().await, Arc::clone(&it.manager.store));
    let key = handle.key();
    let ours = store.load(key).await.unwrap().unwrap();
    let theirs = vec![7; 200];
    assert!(store.replace(key, vec![], theirs.clone(), theirs.clone()).await.unwrap());
    it.clock.advance(LIFE + SECOND);
    assert!(it.find(&handle).await.is_some(), "memory has it");
    it.settle().await;
    assert!(it.find(&handle).await.is_none(), "and must not know better");
    assert_eq!(it.manager.count(), 1);
    assert!(it.manager.sweep().await.ended.is_empty());
    // Tokens only, and too old to be served without: who comes signs in anew, here.
    assert!(store.replace(key, vec![], ours.record.clone(), theirs).await.unwrap());
    it.clock.advance(SETTINGS.grace);
    assert!(it.find(&handle).await.is_none());
    assert_eq!((it.calls(), it.manager.count()), (0, 1));
    assert!(store.replace(key, ours.names, ours.record, ours.tokens).await.unwrap());
    assert!(it.find(&handle).await.is_some(), "with its key it is there again");
}

/// Another replica was faster, and has sealed what it got with a key that this one lacks.
#[tokio::test]
async fn whoever_was_overtaken_by_a_newer_key_ends_no_session() {
    let it = House::gated(Some(Semaphore::new(0)));
    let handle = it.sign_in().await;
    it.clock.advance(LIFE + SECOND);
    assert!(it.find(&handle).await.is_some());
    it.idp.asked.acquire().await.unwrap().forget();
    let theirs = || vec![7; 200];
    let store = &it.manager.store;
    assert!(store.replace(handle.key(), vec![], theirs(), theirs()).await.unwrap());
    it.mood(Some(FaultClass::Definitive));
    it.idp.gates.as_ref().unwrap().add_permits(1);
    it.settle().await;
    assert_eq!(it.manager.count(), 1);
    assert!(it.manager.sweep().await.ended.is_empty());
}

#[tokio::test]
async fn a_group_that_is_lost_is_gone_at_the_next_request() {
    let it = House::new();
    let handle = it.sign_in().await;
    let before = it.find(&handle).await.unwrap();
    before.memo.keep(1, &Arc::new("a token that says admin"));
    *it.idp.groups.lock().unwrap() = vec!["staff".to_owned()];
    it.clock.advance(LIFE - 20 * SECOND);
    it.find(&handle).await.unwrap();
    it.settle().await;
    let now = it.find(&handle).await.unwrap();
    assert_eq!(now.principal.groups, ["staff"]);
    assert!(now.memo.recall::<&str>(1).is_none(), "nor is a token of before");
    assert_eq!((now.acr.as_deref(), now.auth_time), (Some("mfa"), before.auth_time));
    assert_eq!(now.sid, before.sid);
    assert_eq!(*it.idp.told.lock().unwrap(), [Ok(Renewed::Now(true))]);
}

#[tokio::test]
async fn a_logout_while_a_refresh_is_under_way_is_final() {
    let it = House::gated(Some(Semaphore::new(0)));
    let handle = it.sign_in().await;
    it.clock.advance(LIFE + SECOND);
    assert!(it.find(&handle).await.is_some());
    it.idp.asked.acquire().await.unwrap().forget();
    assert!(it.manager.end(&handle.key(), EndCause::Logout).await.unwrap());
    it.idp.gates.as_ref().unwrap().add_permits(1);
    it.settle().await;
    assert!(it.find(&handle).await.is_none());
    assert!(matches!(it.manager.find_hot(&handle), Hot::Cold));
    assert_eq!(it.manager.count(), 0);
    assert!(it.manager.tokens(&handle.key()).await.unwrap().is_none());
}

/// The end comes after the store has the new record, and before memory has.
#[tokio::test]
async fn a_logout_between_store_and_memory_is_final_too() {
    let store = ScriptedStore::new();
    let it = House::over(Arc::clone(&store) as Arc<dyn SessionStore>, None);
    let handle = it.sign_in().await;
    it.clock.advance(LIFE + SECOND);
    assert!(it.find(&handle).await.is_some());
    store.hold_replaces(true);
    // The tokens, then the record.
    store.wait_for_held_load().await;
    store.release_loads();
    store.wait_for_held_load().await;
    assert!(it.manager.end(&handle.key(), EndCause::Logout).await.unwrap());
    store.hold_replaces(false);
    store.release_loads();
    it.settle().await;
    assert!(matches!(it.manager.find_hot(&handle), Hot::Cold));
    assert!(it.find(&handle).await.is_none());
}

/// A gateway whose lease ran out asks with a token that another one has used up.
#[tokio::test]
async fn whoever_was_overtaken_ends_no_session() {
    let it = House::gated(Some(Semaphore::new(0)));
    let handle = it.sign_in().await;
    let key = handle.key();
    it.clock.advance(LIFE + SECOND);
    assert!(it.find(&handle).await.is_some());
    it.idp.asked.acquire().await.unwrap().forget();
    let stored = it.manager.store.load(key).await.unwrap().unwrap();
    let tokens = ProviderTokens { refresh_token: Some("9".into()), ..Default::default() };
    let tokens = it.manager.sealer.seal(TOKENS, &key, tokens.to_bytes().expose());
    assert!(it.manager.store.replace(key, stored.names, stored.record, tokens).await.unwrap());
    it.mood(Some(FaultClass::Definitive));
    it.idp.gates.as_ref().unwrap().add_permits(1);
    it.settle().await;
    assert!(it.find(&handle).await.is_some());
    assert_eq!(it.manager.count(), 1);
}

#[tokio::test]
async fn a_store_that_fails_ends_nobody_and_is_asked_again() {
    let store = ScriptedStore::new();
    let it = House::over(Arc::clone(&store) as Arc<dyn SessionStore>, None);
    let handle = it.sign_in().await;
    let _stream = it.manager.live().register(handle.key()).unwrap();
    store.fail_loads(true);
    it.clock.advance(LIFE - 20 * SECOND);
    for _ in 0..60 {
        it.tick().await;
        assert!(matches!(it.manager.find_hot(&handle), Hot::Session(_)));
    }
    assert_eq!(it.calls(), 0);
    store.fail_loads(false);
    // Nobody uses it: its stream is reason enough.
    for _ in 0..300 {
        it.tick().await;
    }
    assert!(it.calls() >= 1);
    assert!(matches!(it.manager.find_hot(&handle), Hot::Session(_)));
}

/// What a provider has rotated must be in the store before the process goes.
#[tokio::test]
async fn the_end_of_the_process_waits_for_what_is_under_way() {
    let it = House::gated(Some(Semaphore::new(0)));
    let handle = it.sign_in().await;
    it.clock.advance(LIFE + SECOND);
    assert!(it.find(&handle).await.is_some());
    let finishing = it.manager.finish_renewals();
    it.idp.gates.as_ref().unwrap().add_permits(1);
    finishing.await;
    let tokens = it.manager.tokens(&handle.key()).await.unwrap().unwrap();
    assert_eq!(tokens.refresh_token.unwrap().expose(), "2");
}

#[tokio::test]
async fn who_goes_away_stops_no_refresh_and_who_waits_gets_its_result() {
    let it = House::gated(Some(Semaphore::new(0)));
    let handle = it.sign_in().await;
    it.clock.advance(LIFE + SETTINGS.grace + SECOND);
    let mut waiting: Vec<_> = (0..100)
        .map(|_| {
            let (manager, handle) = (Arc::clone(&it.manager), handle.clone());
            tokio::spawn(async move { manager.find(&handle).await })
        })
        .collect();
    it.idp.asked.acquire().await.unwrap().forget();
    tokio::task::yield_now().await;
    for gone in waiting.drain(..50) {
        gone.abort();
    }
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()), "none is served without");
    it.idp.gates.as_ref().unwrap().add_permits(1);
    for found in join_all(waiting).await {
        assert!(found.unwrap().unwrap().is_some());
    }
    assert_eq!(it.calls(), 1);
}

#[tokio::test]
async fn a_rotated_token_is_kept_before_anything_is_done_with_it() {
    let it = House::new();
    let handle = it.sign_in().await;
    *it.idp.describes.lock().unwrap() = Some(FaultClass::Unclear);
    it.clock.advance(LIFE + SECOND);
    it.find(&handle).await.unwrap();
    it.settle().await;
    let tokens = it.manager.tokens(&handle.key()).await.unwrap().unwrap();
    assert_eq!(tokens.refresh_token.unwrap().expose(), "2", "the first one is used up");
    *it.idp.describes.lock().unwrap() = None;
    for _ in 0..30 {
        it.tick().await;
    }
    assert_eq!(it.calls(), 2);
    let told = it.idp.told.lock().unwrap().clone();
    assert_eq!(told, [Err(FaultClass::Unclear), Ok(Renewed::Now(false))]);
    assert!(it.find(&handle).await.is_some());
}

#[tokio::test]
async fn without_a_renewer_sessions_live_as_they_began() {
    let it = House::new();
    let handle = it.sign_in().await;
    let stored = it.manager.store.load(handle.key()).await.unwrap().unwrap();
    let session = it.manager.unseal(handle.key(), &stored).unwrap();
    assert!(session.renewal.is_some() && !session.due.is_due(Timestamp::from_secs(2_000_000)));
}
