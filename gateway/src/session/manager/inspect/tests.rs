use std::time::Duration;

use super::*;
use crate::base::{Clock, Entropy, ManualClock, SeededEntropy, Timestamp};
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::{Principal, WayIn};
use crate::session::manager::scripted::ScriptedStore;
use crate::session::{
    Handle, Hot, Lifetimes, LiveStreams, NewSession, SessionSettings, SessionStore,
};

struct Process {
    manager: SessionManager,
    clock: Arc<ManualClock>,
    store: Arc<ScriptedStore>,
    keys: Arc<SealingKeys>,
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
            Arc::clone(&store) as Arc<dyn SessionStore>,
            Sealer::new(Arc::clone(&keys), Arc::clone(&entropy)),
            Arc::new(LiveStreams::new(100)),
            Arc::clone(&clock) as Arc<dyn Clock>,
            entropy,
            SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: 2 * hour }, hot: 2 },
        );
        Self { manager, clock, store, keys }
    }

    async fn sign_in(&self, provider: &str, subject: &str) -> (Handle, Arc<Session>) {
        let sid = Some(format!("{provider}-{subject}"));
        self.sign_in_with(provider, subject, (sid, None)).await
    }

    /// With what the provider calls its session, and the person.
    async fn sign_in_with(
        &self,
        provider: &str,
        subject: &str,
        (provider_sid, provider_sub): (Option<String>, Option<String>),
    ) -> (Handle, Arc<Session>) {
        let tokens = ProviderTokens { provider_sid, provider_sub, ..ProviderTokens::default() };
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

/// As a `logout_token` names them: by `iss` and `sid`, or by `iss` and `sub`.
fn there(sid: Option<&str>, sub: Option<&str>) -> Whose {
    Whose {
        issuer: Some("https://corp.test".to_owned()),
        provider_sid: sid.map(str::to_owned),
        provider_subject: sub.map(str::to_owned),
        ..Whose::default()
    }
}

#[tokio::test]
async fn whom_the_provider_names_is_found_at_once_and_nobody_else() {
    let it = Process::new();
    let named = |sid: &str, sub: &str| (Some(sid.to_owned()), Some(sub.to_owned()));
    // The principal's subject is an address; one person's address is another's number.
    it.sign_in_with("corp", "ann@corp.test", named("s1", "1007")).await;
    it.sign_in_with("corp", "ann@corp.test", named("s2", "1007")).await;
    it.sign_in_with("corp", "1007", named("s3", "2001")).await;
    it.sign_in_with("corp", "bob", named("s1007", "bob")).await;
    it.sign_in_with("home", "ann", named("s1", "1007")).await;
    // Who came by a tab or with a password has no name there but the principal's.
    it.sign_in_with("corp", "carla", (None, None)).await;
    for n in 0..50 {
        it.sign_in("corp", &format!("other-{n}")).await;
    }
    it.store.count_loads();
    let ann = ["corp ann@corp.test"];
    assert_eq!(it.people(&there(Some("s1"), None)).await, ann);
    assert_eq!(it.people(&there(None, Some("1007"))).await, [ann, ann].concat());
    assert_eq!(it.people(&there(None, Some("2001"))).await, ["corp 1007"]);
    assert_eq!(it.people(&there(None, Some("bob"))).await, ["corp bob"]);
    assert_eq!(it.people(&there(None, Some("carla"))).await, ["corp carla"]);
    assert_eq!(it.people(&there(Some("s2"), Some("1007"))).await, ann);
    for nobody in [
        there(Some("s2"), Some("2001")),
        there(Some("1007"), None),
        there(None, Some("s1")),
        there(None, Some("ann@corp.test")),
        Whose { subject: Some("bob".to_owned()), ..there(Some("s1"), None) },
        Whose { provider: Some("home".into()), ..there(Some("s1"), None) },
    ] {
        assert!(it.people(&nobody).await.is_empty(), "{nobody:?}");
    }
    let loads = it.store.count_loads();
    assert!(loads < 40, "{loads} sessions were read, and there are 56");
    let walk = Whose { issuer: None, provider: Some("corp".into()), ..there(Some("s1"), None) };
    assert_eq!(it.people(&walk).await, ann, "without its issuer it takes a walk");
    assert!(it.store.count_loads() > 50);
}

/// An index with one place for each name would forget all but the newest, or the newest.
#[tokio::test]
async fn three_sessions_of_one_sub_end_the_oldest_and_then_all_of_them() {
    let it = Process::new();
    let mut three = Vec::new();
    for sid in ["s1", "s2", "s3"] {
        let names = (Some(sid.to_owned()), Some("1007".to_owned()));
        three.push(it.sign_in_with("corp", "ann@corp.test", names).await.0);
    }
    it.manager.end(&three[0].key(), EndCause::Logout).await.unwrap();
    let ends = it.manager.end_those(&there(None, Some("1007")), EndCause::Revoked).await;
    assert_eq!((ends.ended.len(), it.manager.count()), (2, 0));
    for handle in &three {
        assert!(it.manager.find(handle).await.unwrap().is_none());
    }
    let again = it.manager.end_those(&there(None, Some("1007")), EndCause::Revoked).await;
    assert!(again.ended.is_empty() && again.fault.is_none());
}

/// What a thief would like: to sign in while the owner signs everybody out.
#[tokio::test]
async fn a_sign_in_that_is_being_written_ends_with_the_others() {
    for whose in [
        Whose::of("https://corp.test", "ann"),
        there(Some("corp-ann"), None),
        there(None, Some("ann")),
        at("corp"),
        Whose::default(),
    ] {
        let it = Process::new();
        it.store.hold_inserts(true);
        let ending = async {
            it.store.wait_for_held_load().await;
            let ends = it.manager.end_those(&whose, EndCause::Revoked).await;
            assert!(ends.ended.is_empty(), "the store has none");
            it.store.hold_inserts(false);
        };
        let ((handle, _), ()) = futures::join!(it.sign_in("corp", "ann"), ending);
        assert!(it.manager.find(&handle).await.unwrap().is_none(), "{whose:?}");
        assert_eq!(it.manager.count(), 0);
        let told = it.manager.sweep().await.ended;
        assert!(told.contains(&Ended { key: handle.key(), cause: EndCause::Revoked }));
        let (later, _) = it.sign_in("corp", "ann").await;
        assert!(it.manager.find(&later).await.unwrap().is_some(), "who signs in later is in");
    }
    let it = Process::new();
    it.store.hold_inserts(true);
    let ending = async {
        it.store.wait_for_held_load().await;
        it.manager.end_those(&there(None, Some("bob")), EndCause::Revoked).await;
        it.store.hold_inserts(false);
    };
    let ((handle, _), ()) = futures::join!(it.sign_in("corp", "ann"), ending);
    assert!(it.manager.find(&handle).await.unwrap().is_some(), "somebody else was meant");
}

#[tokio::test]
async fn a_sealing_key_that_is_replaced_hides_nobodys_sessions() {
    let it = Process::new();
    let names = || (Some("s1".to_owned()), Some("1007".to_owned()));
    it.sign_in_with("corp", "ann", names()).await;
    it.keys.rotate(&SeededEntropy::new(8)).unwrap();
    it.sign_in_with("corp", "ann", names()).await;
    it.keys.rotate(&SeededEntropy::new(9)).unwrap();
    for whose in [there(Some("s1"), None), Whose::of("https://corp.test", "ann")] {
        assert_eq!(it.people(&whose).await.len(), 2);
    }
    let ends = it.manager.end_those(&there(None, Some("1007")), EndCause::Revoked).await;
    assert_eq!((ends.ended.len(), it.manager.count()), (2, 0));
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

/// Until its bar holds, a sign-in at another gateway may come in behind the search.
#[tokio::test]
async fn who_came_in_while_the_store_barred_nobody_ends_too_or_it_is_said() {
    for by_name in [false, true] {
        for failures in [1, 2] {
            let it = Process::new();
            let (handle, session) = it.sign_in("corp", "ann").await;
            let stored = it.store.load(handle.key()).await.unwrap().unwrap();
            it.store.remove(handle.key()).await.unwrap();
            it.store.fail_bars(failures, (handle.key(), stored));
            let (whose, cause) = (Whose::of("https://corp.test", "ann"), EndCause::Logout);
            let (is_done, ended) = if by_name {
                let ends = it.manager.end_those(&whose, cause).await;
                (ends.fault.is_none(), ends.ended.len())
            } else {
                let (issuer, subject) = (&session.principal.issuer, &session.principal.subject);
                let ended = it.manager.end_all_of(issuer, subject, cause).await;
                (ended.is_ok(), ended.unwrap_or_default())
            };
            assert_eq!((is_done, ended), (failures == 1, usize::from(failures == 1)));
            assert!(it.store.load(handle.key()).await.unwrap().is_none());
        }
    }
}
