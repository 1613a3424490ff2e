//! The store, or the provider, is away in the middle of a refresh.

use super::*;

/// The provider has rotated the token: it must be in the store once that is back.
#[tokio::test(start_paused = true)]
async fn an_outage_of_the_store_loses_no_token_and_is_not_waited_out_for_ever() {
    for (outage, kept) in [(4 * MINUTE, "2"), (6 * MINUTE, "1")] {
        let store = ScriptedStore::new();
        let gates = Some(Semaphore::new(0));
        let it = House::over(Arc::clone(&store) as Arc<dyn SessionStore>, gates);
        let handle = it.sign_in().await;
        it.clock.advance(LIFE + SECOND);
        assert!(it.find(&handle).await.is_some());
        it.idp.asked.acquire().await.unwrap().forget();
        store.fail_loads(true);
        it.idp.gates.as_ref().unwrap().add_permits(1);
        sleep(outage).await;
        assert_eq!(it.manager.renewing(), usize::from(kept == "2"), "{outage:?}");
        store.fail_loads(false);
        sleep(2 * SECOND).await;
        assert_eq!(it.manager.renewing(), 0);
        let tokens = it.manager.tokens(&handle.key()).await.unwrap().unwrap();
        assert_eq!(tokens.refresh_token.unwrap().expose(), kept);
        assert!(it.find(&handle).await.is_some());
    }
}

#[tokio::test]
async fn a_provider_that_refuses_somebody_is_back_for_the_others() {
    let it = House::new();
    let (one, two) = (it.sign_in().await, it.sign_in().await);
    it.clock.advance(LIFE + SECOND);
    it.mood(Some(FaultClass::Unavailable));
    assert!(it.find(&one).await.is_some());
    it.settle().await;
    it.clock.advance(2 * MINUTE);
    it.mood(Some(FaultClass::Definitive));
    let _ = it.find(&one).await;
    it.settle().await;
    assert!(it.find(&one).await.is_none());
    it.mood(None);
    assert!(it.find(&two).await.is_some());
    it.settle().await;
    assert_eq!(it.idp.told.lock().unwrap().last(), Some(&Ok(Renewed::Now(false))));
}
