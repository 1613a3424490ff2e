use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::authn::conformance::{Fields, Samples, a_way_in_keeps_the_contract, ask, ask_at};
use crate::base::{Clock, Entropy, ManualClock, ProviderId, SystemEntropy, Timestamp};
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::Principal;
use crate::session::{
    EndCause, Ended, IndexKey, Lifetimes, LiveStreams, MemoryStore, NewSession, ProviderTokens,
    SessionKey, SessionSettings, SessionStore, StoreError, StoredSession,
};

/// A store that nobody can ask.
#[derive(Debug)]
struct Gone;

#[async_trait]
impl SessionStore for Gone {
    async fn insert(&self, _: SessionKey, _: StoredSession) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
    async fn load(&self, _: SessionKey) -> Result<Option<StoredSession>, StoreError> {
        Err(StoreError::Closed)
    }
    async fn touch(&self, _: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
    async fn remove(&self, _: SessionKey) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }
    async fn keys_of(&self, _: IndexKey) -> Result<Vec<SessionKey>, StoreError> {
        Err(StoreError::Closed)
    }
    async fn sweep(&self, _: Timestamp, _: Duration) -> Result<Vec<Ended>, StoreError> {
        Err(StoreError::Closed)
    }
    fn count(&self) -> usize {
        0
    }
}

fn manager(store: Arc<dyn SessionStore>) -> Arc<SessionManager> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = Arc::new(SealingKeys::in_memory(&*entropy));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_secs(1_000_000)));
    let hour = Duration::from_secs(3_600);
    let settings =
        SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: hour * 12 }, hot: 100 };
    let (sealer, live) = (Sealer::new(keys, Arc::clone(&entropy)), Arc::new(LiveStreams::new(100)));
    Arc::new(SessionManager::new(store, sealer, live, clock, entropy, settings))
}

async fn sign_in(manager: &SessionManager, subject: &str) -> Handle {
    let new = NewSession {
        principal: Arc::new(Principal::new("https://idp.test", subject)),
        signed_in_by: WayIn::Oidc,
        provider: "corp".into(),
        auth_time: Timestamp::from_secs(1_000_000),
        auth_time_stated: true,
        acr: None,
        amr: Arc::new([]),
        acrs: Arc::default(),
        tokens: ProviderTokens::default(),
    };
    manager.start(new, None).await.unwrap().0
}

fn cookie(value: &str) -> Fields {
    vec![("cookie", format!("a=b; __Host-portcullis={value}"))]
}

#[tokio::test]
async fn the_session_cookie_keeps_the_contract() {
    let manager = manager(Arc::new(MemoryStore::new(100)));
    let (ann, bob) = (sign_in(&manager, "ann").await, sign_in(&manager, "bob").await);
    let ended = sign_in(&manager, "ann").await;
    manager.end(&ended.key(), EndCause::Logout).await.unwrap();
    let (ann, bob, ended) = (ann.to_text(), bob.to_text(), ended.to_text());
    let (ann, bob, ended) = (ann.expose(), bob.expose(), ended.expose());
    let twice = |one: &str, two: &str| {
        vec![("cookie", format!("__Host-portcullis={one}; __Host-portcullis={two}"))]
    };
    let mut fields_twice = cookie(ann);
    fields_twice.extend(cookie(ann));
    let mut bad = vec![
        (cookie(ended), RejectReason::SessionUnknown),
        (cookie(&"A".repeat(43)), RejectReason::SessionUnknown),
        (twice(ann, bob), RejectReason::Repeated),
        (fields_twice, RejectReason::Repeated),
    ];
    for value in [
        "",
        "-1",
        "4294967295",
        "\"x\"",
        ann.split_at(42).0,
        &format!("{ann}A"),
        &"x".repeat(65_536),
    ] {
        bad.push((cookie(value), RejectReason::Malformed));
    }
    let cut_off = SessionCookie::new(CookieNames::default(), self::manager(Arc::new(Gone)));
    a_way_in_keeps_the_contract(Samples {
        way: &SessionCookie::new(CookieNames::default(), Arc::clone(&manager)),
        takes_everybody: false,
        way_without_dependency: Some(&cut_off),
        good: vec![(cookie(ann), "ann"), (cookie(bob), "bob")],
        bad,
        undecided: Some(cookie(ann)),
    })
    .await;
}

#[tokio::test]
async fn only_a_session_that_memory_lacks_has_to_be_waited_for() {
    let store = Arc::new(MemoryStore::new(100));
    let hot = manager(Arc::<MemoryStore>::clone(&store));
    let handle = sign_in(&hot, "ann").await.to_text();
    let sent = cookie(handle.expose());
    let now = |manager: &Arc<SessionManager>, fields: &Fields| {
        let way = SessionCookie::new(CookieNames::default(), Arc::clone(manager));
        let mut headers = http::HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let _id = crate::base::RequestId::random(&SystemEntropy);
        way.authenticate_now(&Request { method: &http::Method::GET, ..Request::sample(&headers) })
    };
    assert!(matches!(now(&hot, &sent), Some(Outcome::Accept(_))));
    assert!(matches!(now(&hot, &vec![]), Some(Outcome::Absent)));
    assert!(matches!(now(&hot, &cookie("x")), Some(Outcome::Reject(_))));
    let cold = manager(store);
    assert!(now(&cold, &sent).is_none());
}

#[tokio::test]
async fn a_session_of_another_provider_is_refused_where_only_some_count() {
    let manager = manager(Arc::new(MemoryStore::new(100)));
    let handle = sign_in(&manager, "ann").await;
    let provider = manager.peek(&handle).await.unwrap().unwrap().provider.clone();
    let sent = cookie(handle.to_text().expose());
    let way = SessionCookie::new(CookieNames::default(), Arc::clone(&manager));
    let own = way.clone().only([ProviderId::from("other"), provider]);
    assert!(matches!(ask(&own, &sent).await, Outcome::Accept(_)));
    for others in [vec![ProviderId::from("other")], Vec::new()] {
        let outcome = ask(&way.clone().only(others), &sent).await;
        assert!(matches!(outcome, Outcome::Reject(RejectReason::OtherProvider)), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_plain_cookie_counts_on_loopback_over_http_only() {
    let manager = manager(Arc::new(MemoryStore::new(100)));
    let handle = sign_in(&manager, "ann").await.to_text();
    let way = SessionCookie::new(CookieNames::default(), manager);
    let plain = vec![("cookie", format!("portcullis={}", handle.expose()))];
    for host in ["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
        let outcome = ask_at(&way, &plain, Scheme::Http, host).await;
        assert!(matches!(outcome, Outcome::Accept(_)), "{host}");
    }
    for host in
        ["app.test", "localhost.evil.test", "127.0.0.1.evil.test", "10.0.0.1", "evillocalhost"]
    {
        let outcome = ask_at(&way, &plain, Scheme::Http, host).await;
        assert!(matches!(outcome, Outcome::Absent), "{host}");
    }
    assert!(matches!(ask(&way, &plain).await, Outcome::Absent), "not over https");
    let secure = cookie(handle.expose());
    assert!(matches!(ask_at(&way, &secure, Scheme::Http, "localhost").await, Outcome::Absent));
}

proptest! {
    #[test]
    fn a_made_up_handle_is_nobodys(value in "[A-Za-z0-9_-]{43}|[ -~]{0,60}") {
        let manager = manager(Arc::new(MemoryStore::new(100)));
        let way = SessionCookie::new(CookieNames::default(), Arc::clone(&manager));
        let outcome = futures::executor::block_on(async {
            sign_in(&manager, "ann").await;
            ask(&way, &cookie(&value)).await
        });
        prop_assert!(!matches!(outcome, Outcome::Accept(_)), "{:?}", outcome);
    }
}

#[test]
fn our_cookies_are_known_by_their_whole_name() {
    let names = CookieNames::default();
    for own in ["__Host-portcullis", "__Host-portcullis-login", "portcullis", "portcullis-login"] {
        assert!(names.is_ours(own), "{own}");
    }
    for other in ["portcullis2", "portcullis-", "portcullis-login2", "__Host-", "PORTCULLIS", ""] {
        assert!(!names.is_ours(other), "{other}");
    }
}
