use std::time::Duration;

use super::*;
use crate::base::{Clock, Entropy, ManualClock, SeededEntropy, Timestamp};
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::{Principal, WayIn};
use crate::session::manager::scripted::ScriptedStore;
use crate::session::{Handle, Hot, Lifetimes, LiveStreams, NewSession, SessionSettings};

struct Process {
    manager: SessionManager,
    clock: Arc<ManualClock>,
    store: Arc<ScriptedStore>,
}

impl Process {
    /// Memory holds two sessions only: the others are in the store.
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(5));
        let keys = Arc::new(SealingKeys::in_memory(&SeededEntropy::new(6)));
        let hour = Duration::from_secs(3_600);
        let store = ScriptedStore::new();
        let manager = SessionManager::new(
            Arc::clone(&store) as Arc<dyn crate::session::SessionStore>,
            Sealer::new(keys, Arc::clone(&entropy)),
            Arc::new(LiveStreams::new(100)),
            Arc::clone(&clock) as Arc<dyn Clock>,
            entropy,
            SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: 2 * hour }, hot: 2 },
        );
        Self { manager, clock, store }
    }

    async fn sign_in(&self, provider: &str, subject: &str) -> (Handle, Arc<Session>) {
        let tokens = ProviderTokens {
            provider_sid: Some(format!("{provider}-{subject}")),
            ..ProviderTokens::default()
        };
        let new = NewSession {
            principal: Arc::new(Principal::new(format!("https://{provider}.test"), subject)),
            signed_in_by: WayIn::Oidc,
            provider: provider.into(),
            auth_time: self.clock.now(),
            auth_time_stated: false,
            acr: None,
            amr: Arc::new([]),
            acrs: Arc::default(),
            tokens,
        };
        self.manager.start(new, None).await.unwrap()
    }

    async fn people(&self, whose: &Whose) -> Vec<String> {
        let (mut people, mut from) = (Vec::new(), None);
        loop {
            let page = self.manager.page(whose, from.as_deref(), 3).await.unwrap();
            let name = |s: &Arc<Session>| format!("{} {}", s.provider, s.principal.subject);
            people.extend(page.sessions.iter().map(name));
            from = page.next;
            if from.is_none() {
                people.sort();
                return people;
            }
        }
    }

    async fn with_sessions() -> Self {
        let it = Self::new();
        for (provider, subject) in
            [("corp", "ann"), ("corp", "ann"), ("corp", "bob"), ("home", "ann"), ("home", "eve")]
        {
            it.sign_in(provider, subject).await;
        }
        it
    }
}

fn at(provider: &str) -> Whose {
    Whose { provider: Some(provider.into()), ..Whose::default() }
}

#[tokio::test]
async fn sessions_are_listed_by_what_is_said_of_them() {
    let it = Process::with_sessions().await;
    let all = ["corp ann", "corp ann", "corp bob", "home ann", "home eve"];
    assert_eq!(it.people(&Whose::default()).await, all);
    assert_eq!(it.people(&at("home")).await, ["home ann", "home eve"]);
    let anns = Whose { subject: Some("ann".to_owned()), ..Whose::default() };
    assert_eq!(it.people(&anns).await, ["corp ann", "corp ann", "home ann"]);
    assert_eq!(it.people(&Whose::of("https://corp.test", "ann")).await, ["corp ann", "corp ann"]);
    let both = Whose { provider: Some("home".into()), ..Whose::of("https://corp.test", "ann") };
    assert!(it.people(&both).await.is_empty(), "everything that is named must be true");
}

#[tokio::test]
async fn looking_is_no_use_and_what_is_over_is_not_shown() {
    let it = Process::with_sessions().await;
    it.clock.advance(Duration::from_secs(3_000));
    assert_eq!(it.people(&Whose::default()).await.len(), 5);
    it.clock.advance(Duration::from_secs(700));
    assert!(it.people(&Whose::default()).await.is_empty(), "idle: nobody used them");
}

#[tokio::test]
async fn a_session_is_found_by_its_public_name() {
    let it = Process::with_sessions().await;
    let (_, session) = it.sign_in("corp", "zoe").await;
    let found = it.manager.named(&session.sid).await.unwrap().unwrap();
    assert_eq!(found.principal.subject, "zoe");
    assert!(it.manager.named("AAAAAAAAAAAAAAAAAAAAAA").await.unwrap().is_none());
    assert!(it.manager.named("").await.unwrap().is_none());
}

#[tokio::test]
async fn only_those_that_are_meant_end_and_their_streams_with_them() {
    let it = Process::with_sessions().await;
    let (handle, session) = it.sign_in("corp", "zoe").await;
    let (_, other) = it.sign_in("home", "zoe").await;
    let live = it.manager.live();
    let (mine, theirs) = (live.register(session.key).unwrap(), live.register(other.key).unwrap());
    assert_eq!(live.open_of(&session.key), 1);
    let ends =
        it.manager.end_those(&Whose::of("https://corp.test", "zoe"), EndCause::Revoked).await;
    assert_eq!(ends.ended, [Ended { key: session.key, cause: EndCause::Revoked }]);
    assert_eq!((mine.over(), theirs.over()), (Some(EndCause::Revoked), None));
    assert!(it.manager.find(&handle).await.unwrap().is_none());
    assert!(matches!(it.manager.find_hot(&handle), Hot::Cold));
    let sid = Whose {
        provider: Some("corp".into()),
        provider_sid: Some("corp-bob".to_owned()),
        ..Whose::default()
    };
    assert_eq!(it.manager.end_those(&sid, EndCause::Revoked).await.ended.len(), 1);
    assert_eq!(it.people(&at("corp")).await, ["corp ann", "corp ann"]);
    let ends = it.manager.end_those(&Whose::default(), EndCause::Revoked).await;
    assert_eq!((ends.ended.len(), it.manager.count()), (5, 0));
    assert_eq!(theirs.over(), Some(EndCause::Revoked));
}

#[tokio::test]
async fn a_store_that_fails_is_told_and_the_sessions_are_dead_all_the_same() {
    let it = Process::with_sessions().await;
    it.store.fail_removes(true);
    let ends =
        it.manager.end_those(&Whose::of("https://corp.test", "ann"), EndCause::Revoked).await;
    assert!(ends.ended.is_empty() && ends.fault.is_some(), "{ends:?}");
    assert_eq!(it.people(&at("corp")).await, ["corp bob"]);
    it.store.fail_removes(false);
    assert!(it.manager.sweep().await.fault.is_none());
    assert_eq!(it.manager.count(), 3, "the sweep makes the ends durable");
}

#[tokio::test]
async fn more_sessions_than_one_page_end_too() {
    let it = Process::new();
    for n in 0..60 {
        it.sign_in("corp", &n.to_string()).await;
    }
    let ends = it.manager.end_those(&at("corp"), EndCause::Revoked).await;
    assert_eq!((ends.ended.len(), it.manager.count()), (60, 0));
}
