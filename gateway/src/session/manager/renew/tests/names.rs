//! By what sessions are found after a refresh.

use super::*;
use crate::base::SeededEntropy;
use crate::session::Whose;
use crate::session::names::Name;

const ISSUER: &str = "https://idp.test";

fn of_sid(sid: &str) -> Whose {
    let (issuer, sid) = (Some(ISSUER.to_owned()), Some(sid.to_owned()));
    Whose { issuer, provider_sid: sid, ..Whose::default() }
}

async fn refresh(it: &House, handle: &Handle, sid: &str) {
    *it.idp.sid.lock().unwrap() = Some(sid.to_owned());
    it.clock.advance(LIFE);
    assert!(it.find(handle).await.is_some());
    it.settle().await;
    assert_eq!(it.idp.told.lock().unwrap().last(), Some(&Ok(Renewed::Now(false))));
}

async fn ended(it: &House, whose: &Whose) -> usize {
    it.manager.end_those(whose, EndCause::Backchannel).await.ended.len()
}

#[tokio::test]
async fn a_session_is_found_by_the_sids_of_the_sign_in_and_of_the_last_refresh() {
    for sid in ["s1", "s3"] {
        let it = House::new();
        *it.idp.sid.lock().unwrap() = Some("s1".to_owned());
        let handle = it.sign_in().await;
        let stream = it.manager.live().register(handle.key()).unwrap();
        refresh(&it, &handle, "s2").await;
        refresh(&it, &handle, "s3").await;
        assert_eq!(ended(&it, &of_sid("s2")).await, 0, "the provider has gone on from it");
        assert!(it.find(&handle).await.is_some());
        assert_eq!(stream.ended().now_or_never(), None);
        assert_eq!(ended(&it, &of_sid(sid)).await, 1, "{sid}");
        assert!(it.find(&handle).await.is_none());
        assert_eq!(stream.ended().await, EndCause::Backchannel);
    }
}

/// What was kept before anything was checked is still of the session that was there before.
#[tokio::test]
async fn a_refresh_of_which_nothing_can_be_made_leaves_the_names() {
    let it = House::new();
    let handle = it.sign_in().await;
    refresh(&it, &handle, "s1").await;
    *it.idp.sid.lock().unwrap() = Some("s2".to_owned());
    *it.idp.describes.lock().unwrap() = Some(FaultClass::Unclear);
    it.clock.advance(LIFE);
    assert!(it.find(&handle).await.is_some());
    it.settle().await;
    assert_eq!(it.idp.told.lock().unwrap().last(), Some(&Err(FaultClass::Unclear)));
    assert_eq!((ended(&it, &of_sid("s2")).await, ended(&it, &of_sid("s1")).await), (0, 1));
}

/// The record is sealed with the new key from then on, and outlives the key of the sign-in.
#[tokio::test]
async fn names_follow_the_sealing_key_of_the_record() {
    let it = House::new();
    let handle = it.sign_in().await;
    it.keys.rotate(&SeededEntropy::new(8)).unwrap();
    let all = it.manager.names.all(Name::Principal(ISSUER, "ann"));
    let found = async |at: usize| it.manager.store.keys_of(all[at]).await.unwrap();
    assert_eq!((found(0).await, found(1).await), (vec![handle.key()], vec![]));
    refresh(&it, &handle, "s1").await;
    assert_eq!((found(0).await, found(1).await), (vec![], vec![handle.key()]));
    assert_eq!(ended(&it, &Whose::of(ISSUER, "ann")).await, 1);
}
